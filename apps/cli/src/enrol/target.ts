// SPDX-License-Identifier: Apache-2.0
// Where a new source shall send to: what the operator says, else what the listeners tell.
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import { Refused } from '@strongroom/bytes';
import type { Listener } from '@strongroom/service/client';

export interface Address {
  readonly host: string;
  readonly port: number | undefined;
}

export interface Target {
  readonly address: {
    readonly address: string;
    readonly syslogPort: number;
    readonly relpPort: number;
    /** DNS name in the server's certificate by which a producer knows it. */
    readonly serverName: string;
  };
  /** Set when the server's certificate does not carry the address: what to do, for people. */
  readonly warning: string | null;
}

/** Names in the gateway's server certificate. */
export interface ServerNames {
  readonly dns: readonly string[];
  readonly ips: readonly string[];
}

const PORTS = { 'syslog-tls': 6514, 'relp-tls': 2514 } as const;
const HOST = /^(?=.{1,253}$)[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?$/;

/** `host`, `host:port`, `192.0.2.1:6514`, `2001:db8::1`, `[2001:db8::1]:6514`. Throws `Refused('usage.address')`. */
export function parseAddress(text: string): Address {
  const bracketed = /^\[([^\]]+)\](?::(\d+))?$/.exec(text);
  const [host, port] = bracketed !== null ? [bracketed[1]!, bracketed[2]] : isIP(text) === 6 ? [text, undefined] : splitPort(text);
  const valid = bracketed === null ? isIP(host) !== 0 || HOST.test(host) : isIP(host) === 6;
  if (valid && (port === undefined || (/^\d{1,5}$/.test(port) && Number(port) >= 1 && Number(port) <= 65_535))) {
    return { host, port: port === undefined ? undefined : Number(port) };
  }
  throw new Refused('usage.address', `"${text.slice(0, 200)}" is no address to send to`, {
    why: valid ? 'its port is not from 1 to 65535' : 'it is neither a host name nor an IP address',
    fix: 'write for example --address logs.example.com:6514 or --address [2001:db8::1]:6514',
  });
}

function splitPort(text: string): [string, string | undefined] {
  const colon = text.lastIndexOf(':');
  return colon < 0 ? [text, undefined] : [text.slice(0, colon), text.slice(colon + 1)];
}

/** The target of a source. `given` undefined: this machine, as others can reach it. */
export async function chooseTarget(given: Address | undefined, relpPort: number | undefined, listeners: readonly Listener[], names: ServerNames): Promise<Target> {
  const host = given?.host ?? await ownHost(listeners);
  const inCertificate = isIP(host) === 0 ? names.dns.includes(host.toLowerCase()) : names.ips.includes(host.toLowerCase());
  return {
    address: {
      address: host, syslogPort: given?.port ?? portOf(listeners, 'syslog-tls'), relpPort: relpPort ?? portOf(listeners, 'relp-tls'),
      // rsyslog compares DNS names only. Every server certificate of ours carries this one beside those of the machine.
      serverName: isIP(host) === 0 ? host : 'localhost',
    },
    warning: inCertificate ? null
      : `${host} does not stand in the gateway's certificate: put it under gateway.serverNames in the configuration, or producers will refuse to connect`,
  };
}

/** The listener's own address where it has one; the host name where it resolves; else an address of this machine. */
async function ownHost(listeners: readonly Listener[]): Promise<string> {
  const bound = hostOf(listeners.find(({ protocol }) => protocol === 'syslog-tls')?.address ?? listeners[0]?.address ?? '');
  if (bound !== '' && bound !== '::' && bound !== '0.0.0.0') return bound;
  const name = hostname();
  const resolves = HOST.test(name) && await lookup(name).then(() => true, () => false);
  if (resolves) return name;
  const external = Object.values(networkInterfaces()).flatMap((list) => list ?? []).find(({ internal, family }) => !internal && family === 'IPv4');
  return external?.address ?? '127.0.0.1';
}

function hostOf(address: string): string {
  return address.slice(0, Math.max(0, address.lastIndexOf(':'))).replace(/^\[(.*)\]$/, '$1');
}

function portOf(listeners: readonly Listener[], protocol: keyof typeof PORTS): number {
  const address = listeners.find((one) => one.protocol === protocol)?.address;
  const port = Number(address?.slice(address.lastIndexOf(':') + 1));
  return Number.isInteger(port) && port > 0 ? port : PORTS[protocol];
}
