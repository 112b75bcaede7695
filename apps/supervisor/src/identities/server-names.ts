// SPDX-License-Identifier: Apache-2.0
// What producers may call this machine: the names and addresses in the gateway's server certificate.
import { execFileSync } from 'node:child_process';
import { isIP } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';

export interface ServerNames {
  readonly dns: readonly string[];
  readonly ips: readonly string[];
}

/** A certificate that names more helps nobody and grows every handshake. */
const NAMES_MAX = 100;
const HOST_NAME = /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/;

/** localhost, the host name, the fully qualified name, all addresses of the machine, and what the configuration adds. */
export function serverNames(configured: readonly string[]): ServerNames {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address));
  return collect([...configured, 'localhost', hostname(), qualified(), '127.0.0.1', '::1', ...addresses]);
}

/** Splits names from addresses, leaves out what is neither, and keeps each once. */
export function collect(all: readonly string[]): ServerNames {
  const dns = new Set<string>();
  const ips = new Set<string>();
  for (const name of all.map((one) => one.trim().toLowerCase().replace(/%.*$/, ''))) {
    if (isIP(name) !== 0) ips.add(name);
    else if (HOST_NAME.test(name)) dns.add(name);
  }
  return { dns: [...dns].slice(0, NAMES_MAX), ips: [...ips].slice(0, NAMES_MAX) };
}

function qualified(): string {
  try {
    return execFileSync('hostname', ['--fqdn'], { encoding: 'utf8', timeout: 2000, stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return '';
  }
}
