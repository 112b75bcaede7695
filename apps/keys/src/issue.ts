// SPDX-License-Identifier: Apache-2.0
// The rules by which the deployment's CA issues. Who may ask stands in verbs.ts.
import { X509Certificate } from 'node:crypto';
import { Refused } from '@strongroom/bytes';
import { issueCertificate, pemDecode, pemEncode, readRequest, type IssuedCertificate, type Usage } from '@strongroom/keys';
import { parseSpiffe, type Role } from '@strongroom/service';
import { BACKDATE_MS, ecdsaSigner, type Keyring } from './keyring.ts';

/** What an identity of each role may be used for. A certificate without an identity is a server's. There is no role for an authority. */
const USAGES: Readonly<Record<Role | 'none', readonly Usage[]>> = {
  service: ['client', 'server'],
  source: ['client'],
  reader: ['client'],
  custodian: ['client'],
  none: ['server'],
};
/** What the browsers' forum allowed for leaf certificates when it last counted in years; longer ones are renewed instead. */
const DAYS_MAX = 825;
const DAY_MS = 86_400_000;

export interface CheckedRequest {
  readonly spki: Buffer;
  readonly uris: readonly string[];
  readonly dns: readonly string[];
  readonly ips: readonly string[];
  readonly commonName: string;
  readonly usages: readonly Usage[];
  readonly days: number;
}

/**
 * Reads and judges a request. Throws `Refused`: `keys.issue-malformed`, `keys.issue-key` (not exactly one of csrPem and
 * spkiPem), `keys.issue-days`, `keys.issue-identity` (another deployment, several), `keys.issue-usage`, and those of
 * `csr.*`, `pem.*`, `key.*`, `spiffe.*`.
 */
export function checkRequest(args: unknown, deployment: string): CheckedRequest {
  const fields = (args ?? {}) as Readonly<Record<string, unknown>>;
  const { commonName, notAfterDays: days } = fields;
  if (typeof commonName !== 'string') throw malformed('"commonName" is no text');
  if (typeof days !== 'number' || !Number.isInteger(days) || days < 1 || days > DAYS_MAX) throw tooLong(days);
  const uris = texts(fields, 'uris');
  const usages = texts(fields, 'usages') as readonly Usage[];
  checkUsages(roleOf(uris, deployment), usages);
  return { spki: publicKey(fields), uris, dns: texts(fields, 'dns'), ips: texts(fields, 'ips'), commonName, usages, days };
}

/** Issues. Throws what {@link issueCertificate} throws, and `Failed('keys.hsm-away')`. */
export async function issue(ring: Keyring, request: CheckedRequest): Promise<IssuedCertificate> {
  const authority = new X509Certificate(ring.founded.caPem);
  const now = Date.now();
  const notBefore = new Date(Math.max(now - BACKDATE_MS, authority.validFromDate.getTime()));
  const der = await issueCertificate(
    { ...request, notBefore, notAfter: new Date(now + request.days * DAY_MS) },
    { certificate: authority.raw, sign: ecdsaSigner(ring.token, ring.ca) },
  );
  const { serialNumber, validFromDate, validToDate } = new X509Certificate(der);
  return { certPem: pemEncode('CERTIFICATE', der), serial: serialNumber.toLowerCase(), notBefore: validFromDate.toISOString(), notAfter: validToDate.toISOString() };
}

function publicKey({ csrPem, spkiPem }: Readonly<Record<string, unknown>>): Buffer {
  if (typeof csrPem === 'string' && spkiPem === undefined) return readRequest(csrPem).spki;
  if (typeof spkiPem !== 'string' || csrPem !== undefined) {
    throw new Refused('keys.issue-key', 'a certificate is for exactly one key', { fix: 'give either csrPem or spkiPem' });
  }
  const keys = pemDecode('PUBLIC KEY', spkiPem);
  if (keys[0] === undefined || keys.length > 1) throw new Refused('keys.issue-key', `the file holds ${keys.length} public keys`, { fix: 'give one' });
  return keys[0];
}

function roleOf(uris: readonly string[], deployment: string): Role | 'none' {
  if (uris.length > 1) throw new Refused('keys.issue-identity', 'a certificate carries one identity', { why: `${uris.length} are asked for` });
  if (uris[0] === undefined) return 'none';
  const id = parseSpiffe(uris[0]);
  if (id.deployment === deployment) return id.role;
  throw new Refused('keys.issue-identity', `${uris[0]} belongs to another deployment`, { why: `this CA issues for "${deployment}" alone` });
}

function checkUsages(role: Role | 'none', usages: readonly Usage[]): void {
  const wrong = usages.find((usage) => !USAGES[role].includes(usage));
  if (wrong === undefined && usages.length > 0 && new Set(usages).size === usages.length) return;
  throw new Refused('keys.issue-usage', 'a certificate for such a use is not issued', {
    why: `asked for: ${usages.join(', ').slice(0, 100) || 'none'}; ${role === 'none' ? 'without an identity' : `a ${role}`} may have: ${USAGES[role].join(', ')}`,
  });
}

function texts(fields: Readonly<Record<string, unknown>>, name: string): readonly string[] {
  const value = fields[name];
  if (Array.isArray(value) && value.every((one): one is string => typeof one === 'string')) return value;
  throw malformed(`"${name}" is no list of texts`);
}

function malformed(why: string): Refused {
  return new Refused('keys.issue-malformed', 'the request for a certificate cannot be understood', { why });
}

function tooLong(days: unknown): Refused {
  return new Refused('keys.issue-days', `${JSON.stringify(days)} days is no life of a certificate`, {
    why: `it must be from 1 to ${DAYS_MAX} whole days`, fix: 'ask for fewer days, and renew in time',
  });
}
