// SPDX-License-Identifier: Apache-2.0
// From a producer's side: resolves the name, connects, shakes hands, shows a certificate, and waits a moment for what the
// other side says to it. No record is sent.
import { X509Certificate } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { Failed, Refused } from '@strongroom/bytes';

const LOOKUP_MS_MAX = 5000;
const CONNECT_MS_MAX = 4000;
const HANDSHAKE_MS_MAX = 5000;
/** A refusal of our certificate comes after the handshake (TLS 1.3), one round trip later. */
const ANSWER_MS = 1500;
const ADDRESSES_MAX = 4;
const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

export interface WayWishes {
  readonly to: string;
  /** Directory with cert.pem, key.pem, ca.pem. */
  readonly identity: string | undefined;
  readonly ca: string | undefined;
  /** The name that the certificate must have. */
  readonly name: string | undefined;
  /** CA of a home on this machine, used when there is one and nothing else is given. */
  readonly homeCa: string;
  readonly nowMs: number;
}

export interface Way {
  readonly host: string;
  readonly port: number;
  /** The name that the certificate is held against. */
  readonly name: string;
  readonly nowMs: number;
  readonly addresses: readonly string[];
  /** The system's code, or null. */
  readonly lookupError: string | null;
  /** By address, for those that did not answer: the system's code. */
  readonly connectErrors: Readonly<Record<string, string>>;
  readonly address: string | null;
  readonly handshake: Handshake | null;
  readonly authorities: readonly X509Certificate[];
  readonly caFile: string | null;
  readonly own: X509Certificate | null;
  readonly identity: string | null;
}

export interface Handshake {
  /** OpenSSL's code when there was none, or null. */
  readonly error: string | null;
  /** The chain as it was shown, the server's own first. */
  readonly chain: readonly X509Certificate[];
  /** What verification found (`CERT_HAS_EXPIRED`, …), or null. */
  readonly distrust: string | null;
  /** What the other side said to our certificate: its alert, `closed`, or null when it stayed. */
  readonly refusal: string | null;
}

/** Goes as far as it comes. Throws `Refused('usage.address')`, and `Failed('doctor.identity')` for files that cannot be read. */
export async function wayOf(wishes: WayWishes): Promise<Way> {
  const { host, port } = parsedTarget(wishes.to);
  const own = wishes.identity === undefined ? null : readIdentity(wishes.identity);
  const { caFile, authorities, caPem } = readAuthorities(wishes);
  const name = wishes.name ?? host;
  const base = { host, port, name, nowMs: wishes.nowMs, authorities, caFile, own: own?.certificate ?? null, identity: wishes.identity ?? null };
  const { addresses, lookupError } = await resolved(host);
  const connectErrors: Record<string, string> = {};
  for (const address of addresses) {
    const socket = await connected(address, port);
    if (typeof socket === 'string') {
      connectErrors[address] = socket;
      continue;
    }
    const handshake = await shakenHands(socket, { ...(isIP(name) === 0 ? { servername: name } : {}), ...(caPem === null ? {} : { ca: caPem }), ...(own === null ? {} : { cert: own.pem, key: own.key }) });
    return { ...base, addresses, lookupError, connectErrors, address, handshake };
  }
  return { ...base, addresses, lookupError, connectErrors, address: null, handshake: null };
}

function parsedTarget(to: string): { host: string; port: number } {
  const [, v6, plain, digits] = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s/]{1,253})):(\d{1,5})$/.exec(to) ?? [];
  const port = Number(digits);
  if (digits !== undefined && port >= 1 && port <= 65_535) return { host: (v6 ?? plain)!, port };
  throw new Refused('usage.address', `"${to.slice(0, 100)}" is no HOST:PORT`, { why: 'a host, a colon and a port from 1 to 65535 are needed', fix: 'write for example logs.example.com:6514 or [2001:db8::1]:6514' });
}

function readIdentity(directory: string): { certificate: X509Certificate; pem: string; key: string } {
  try {
    const pem = readFileSync(join(directory, 'cert.pem'), 'utf8');
    return { certificate: new X509Certificate(pem), pem, key: readFileSync(join(directory, 'key.pem'), 'utf8') };
  } catch (error) {
    throw new Failed('doctor.identity', `there is no usable identity in ${directory}`, { why: (error as Error).message, fix: 'give the directory that "strongroom enrol NAME --out DIR" wrote', cause: error });
  }
}

/** What was given; else what came with the identity; else this home's; else Node's own list. */
function readAuthorities({ ca, identity, homeCa }: WayWishes): { caFile: string | null; authorities: X509Certificate[]; caPem: string[] | null } {
  for (const [path, asked] of [[ca, true], [identity === undefined ? undefined : join(identity, 'ca.pem'), false], [homeCa, false]] as const) {
    if (path === undefined) continue;
    try {
      const caPem = readFileSync(path, 'utf8').match(PEM) ?? [];
      if (caPem.length === 0) throw new Error('there is no PEM certificate in it');
      return { caFile: path, caPem: [...caPem], authorities: caPem.map((pem) => new X509Certificate(pem)) };
    } catch (error) {
      if (asked) throw new Failed('doctor.ca', `${path} holds no CA certificate`, { why: (error as Error).message, fix: 'give the ca.pem that "strongroom enrol" wrote', cause: error });
    }
  }
  return { caFile: null, authorities: [], caPem: null };
}

async function resolved(host: string): Promise<Pick<Way, 'addresses' | 'lookupError'>> {
  if (isIP(host) !== 0) return { addresses: [host], lookupError: null };
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(Object.assign(new Error('late'), { code: 'ETIMEDOUT' })), LOOKUP_MS_MAX);
  try {
    const found = await Promise.race([lookup(host, { all: true }), late.promise]);
    return { addresses: found.map(({ address }) => address).slice(0, ADDRESSES_MAX), lookupError: null };
  } catch (error) {
    return { addresses: [], lookupError: (error as NodeJS.ErrnoException).code ?? 'unknown' };
  } finally {
    clearTimeout(timer);
  }
}

/** A connection, or the system's code. */
function connected(host: string, port: number): Promise<Socket | string> {
  return new Promise((resolve) => {
    const socket = connectTcp({ host, port });
    const end = (result: Socket | string): void => {
      clearTimeout(timer);
      socket.removeAllListeners();
      if (typeof result === 'string') socket.on('error', () => undefined).destroy();
      resolve(result);
    };
    const timer = setTimeout(() => end('ETIMEDOUT'), CONNECT_MS_MAX);
    socket.once('connect', () => end(socket)).once('error', (error: NodeJS.ErrnoException) => end(error.code ?? 'unknown'));
  });
}

/** Everything is taken, and judged afterwards: a refusal of ours would hide what else is wrong. */
function shakenHands(socket: Socket, options: ConnectionOptions): Promise<Handshake> {
  return new Promise((resolve) => {
    const secure = connectTls({ ...options, socket, rejectUnauthorized: false, minVersion: 'TLSv1.2' });
    let [chain, distrust, shaken] = [[] as X509Certificate[], null as string | null, false];
    const end = (error: string | null, refusal: string | null): void => {
      clearTimeout(timer);
      secure.removeAllListeners().on('error', () => undefined).destroy();
      resolve({ error, chain, distrust, refusal });
    };
    let timer = setTimeout(() => end('ETIMEDOUT', null), HANDSHAKE_MS_MAX);
    secure.once('secureConnect', () => {
      shaken = true;
      chain = shownChain(secure.getPeerX509Certificate());
      const found = secure.authorizationError as unknown as string | Error | null | undefined;
      distrust = typeof found === 'string' ? found : ((found as NodeJS.ErrnoException | null | undefined)?.code ?? null);
      clearTimeout(timer);
      timer = setTimeout(() => end(null, null), ANSWER_MS);
    });
    secure.once('error', (error: NodeJS.ErrnoException) => (shaken ? end(null, error.code ?? 'unknown') : end(error.code ?? 'unknown', null)));
    secure.once('close', () => (shaken ? end(null, 'closed') : end('closed', null)));
    secure.resume();
  });
}

function shownChain(leaf: X509Certificate | undefined): X509Certificate[] {
  const chain: X509Certificate[] = [];
  for (let at = leaf; at !== undefined && chain.length < 10 && at.fingerprint256 !== chain.at(-1)?.fingerprint256; at = at.issuerCertificate) chain.push(at);
  return chain;
}
