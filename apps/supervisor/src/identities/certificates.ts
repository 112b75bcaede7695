// SPDX-License-Identifier: Apache-2.0
// Keys and certificates of our services, of the gateway towards producers, and of the local operator. Keys are P-256 and
// stay; certificates are issued by the CA in the key service, and again when little of their life or a name is missing.
import { createPrivateKey, createPublicKey, generateKeyPairSync, X509Certificate, type KeyObject } from 'node:crypto';
import { closeSync, constants, existsSync, fchmodSync, fchownSync, openSync } from 'node:fs';
import { hostname } from 'node:os';
import { readIfThere, readerId, serviceId, writeDurably, type Layout, type Owner, type ServiceName } from '@strongroom/service';
import type { Accounts } from '../place/accounts.ts';
import type { CertificateUsage, KeysAdmin } from './keys-admin.ts';
import type { ServerNames } from './server-names.ts';

const LIFE_DAYS = 90;
/** Renewed when less than this part of its life remains. */
const RENEW_AT = 1 / 3;
/** Services that need an identity from us; the key service makes its own. */
const IDENTIFIED = ['vault', 'gateway', 'capture', 'supervisor', 'witness', 'skew-guard', 'rack-monitor'] as const satisfies readonly ServiceName[];

export interface WantedCertificate {
  readonly certificate: string;
  readonly key: string;
  readonly commonName: string;
  readonly uris: readonly string[];
  readonly dns: readonly string[];
  readonly ips: readonly string[];
  readonly usages: readonly CertificateUsage[];
  /** Who reads it; undefined: we do. */
  readonly owner: Owner | undefined;
  readonly keyMode: number;
  /** The service that must be told of a renewal. */
  readonly service: ServiceName | null;
}

/** All that this deployment needs on this machine. */
export function wantedCertificates(paths: Layout, deployment: string, names: ServerNames, users: Accounts | null): WantedCertificate[] {
  const services = IDENTIFIED.map((name): WantedCertificate => ({
    certificate: paths.identity(name).certificate, key: paths.identity(name).key, commonName: `strongroom ${name}`,
    uris: [serviceId(deployment, name)], dns: [], ips: [], usages: ['client', 'server'], service: name, ...access(name, users),
  }));
  return [
    ...services,
    {
      certificate: paths.gatewayServerCertificate, key: paths.gatewayServerKey, commonName: hostname().slice(0, 64),
      uris: [], ...names, usages: ['server'], service: 'gateway', ...access('gateway', users),
    },
    {
      certificate: paths.identity('operator').certificate, key: paths.identity('operator').key, commonName: 'strongroom operator',
      uris: [readerId(deployment, 'operator')], dns: [], ips: [], usages: ['client'], service: null, owner: undefined, keyMode: 0o600,
    },
  ];
}

/** The vault's directory is its own; gateway and capture read their keys by group, and root keeps them. */
function access(name: ServiceName, users: Accounts | null): Pick<WantedCertificate, 'owner' | 'keyMode'> {
  if (users === null || name === 'supervisor') return { owner: undefined, keyMode: 0o600 };
  if (name === 'vault') return { owner: users.vault, keyMode: 0o600 };
  return { owner: { uid: 0, gid: users[name].gid }, keyMode: 0o640 };
}

/** Issues what is missing, foreign, or due. Returns those that changed. */
export async function ensureCertificates(
  wanted: readonly WantedCertificate[], keys: KeysAdmin, caPem: string,
): Promise<readonly WantedCertificate[]> {
  const ca = new X509Certificate(caPem);
  const changed: WantedCertificate[] = [];
  for (const one of wanted) {
    putRight(one.certificate, 0o644, one.owner);
    putRight(one.key, one.keyMode, one.owner);
    const key = readKey(one.key) ?? await newKey(one);
    if (reasonToIssue(readCertificate(one.certificate), one, key, ca, Date.now()) === null) continue;
    await issue(one, key, keys);
    changed.push(one);
  }
  return changed;
}

/** Owner and mode of a file that an earlier start, without users for services, may have made. A link is not followed. */
function putRight(path: string, mode: number, owner: Owner | undefined): void {
  if (owner === undefined || !existsSync(path)) return;
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  fchownSync(fd, owner.uid, owner.gid);
  fchmodSync(fd, mode);
  closeSync(fd);
}

/** Why a certificate must be issued, or null. */
export function reasonToIssue(
  found: X509Certificate | null, wanted: WantedCertificate, key: KeyObject, ca: X509Certificate, nowMs: number,
): string | null {
  if (found === null) return 'missing';
  if (!found.verify(ca.publicKey)) return 'of another CA';
  if (!found.checkPrivateKey(key)) return 'of another key';
  const from = Date.parse(found.validFrom);
  const to = Date.parse(found.validTo);
  if (to - nowMs < (to - from) * RENEW_AT) return 'due';
  const names = (found.subjectAltName ?? '').split(', ');
  const missing = [...wanted.uris.map((uri) => `URI:${uri}`), ...wanted.dns.map((name) => `DNS:${name}`)].some((name) => !names.includes(name));
  if (missing || wanted.ips.some((ip) => found.checkIP(ip) === undefined)) return 'names are missing';
  return null;
}

async function issue(one: WantedCertificate, key: KeyObject, keys: KeysAdmin): Promise<void> {
  const { commonName, uris, dns, ips, usages } = one;
  const spkiPem = createPublicKey(key).export({ type: 'spki', format: 'pem' }) as string;
  const { certPem } = await keys.issue({ spkiPem, commonName, uris, dns, ips, usages, notAfterDays: LIFE_DAYS });
  await writeDurably(one.certificate, certPem, 0o644, one.owner);
}

async function newKey(one: WantedCertificate): Promise<KeyObject> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  await writeDurably(one.key, privateKey.export({ type: 'pkcs8', format: 'pem' }), one.keyMode, one.owner);
  return privateKey;
}

function readKey(path: string): KeyObject | null {
  const pem = readIfThere(path);
  return pem === null ? null : createPrivateKey(pem);
}

function readCertificate(path: string): X509Certificate | null {
  const pem = readIfThere(path);
  try {
    return pem === null ? null : new X509Certificate(pem);
  } catch {
    return null;
  }
}
