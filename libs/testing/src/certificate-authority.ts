// SPDX-License-Identifier: Apache-2.0
// A certificate authority for tests: issues what ours does, and what ours never would.
import { spawnSync } from 'node:child_process';
import { createPublicKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Failed } from '@strongroom/bytes';
import { issueAuthority, issueCertificate, keyHash, keyIdentifier, pemDecode, pemEncode, type Issuer, type Usage } from '@strongroom/keys';

const DAY_MS = 86_400_000;

export interface IssuedCertificate {
  /** With the issuer's certificate after it where that is an intermediate. */
  readonly certificatePem: string;
  readonly keyPem: string;
  /** SHA-256 of the SubjectPublicKeyInfo, hexadecimal. */
  readonly keyHash: string;
}

export interface CertificateWishes {
  readonly uris?: readonly string[];
  readonly dns?: readonly string[];
  readonly ips?: readonly string[];
  /** Default: client and server. */
  readonly usages?: readonly Usage[];
  /** In days from now. Default: from yesterday (below an intermediate: from now) for thirty days. */
  readonly fromDays?: number;
  readonly toDays?: number;
  /** Default: a new one. */
  readonly privateKey?: KeyObject;
}

export class TestAuthority {
  readonly certificatePem: string;
  readonly #key: KeyObject;
  readonly #issuer: Issuer;
  /** Certificates between this authority and the root, PEM. */
  readonly #chain: string;

  private constructor(certificate: Buffer, key: KeyObject, chain = '') {
    this.certificatePem = pemEncode('CERTIFICATE', certificate);
    this.#key = key;
    this.#chain = chain;
    this.#issuer = { certificate, sign: (message) => sign('sha256', message, { key, dsaEncoding: 'ieee-p1363' }) };
  }

  /** A root of its own, valid for a year before and after now. */
  static async make(commonName = 'Test'): Promise<TestAuthority> {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const spki = publicKey.export({ type: 'spki', format: 'der' });
    const request = { spki, organization: 'Strongroom tests', commonName, notBefore: days(-365), notAfter: days(365) };
    const certificate = await issueAuthority(request, (message) => sign('sha256', message, { key: privateKey, dsaEncoding: 'ieee-p1363' }));
    return new TestAuthority(certificate, privateKey);
  }

  async issue(wishes: CertificateWishes): Promise<IssuedCertificate> {
    const { privateKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey } = wishes;
    const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
    const { uris = [], dns = [], ips = [], usages = ['client', 'server'], fromDays = this.#chain === '' ? -1 : 0, toDays = 30 } = wishes;
    const certificate = await issueCertificate({ spki, commonName: 'test', uris, dns, ips, usages, notBefore: days(fromDays), notAfter: days(toDays) }, this.#issuer);
    return { certificatePem: pemEncode('CERTIFICATE', certificate) + this.#chain, keyPem: pemOf(privateKey), keyHash: keyHash(spki).toString('hex') };
  }

  /** An authority below this one, made by openssl. Throws `Failed('testing.openssl')`. */
  intermediate(): TestAuthority {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const directory = mkdtempSync(join(tmpdir(), 'strongroom-ca-'));
    const file = (name: string, text: string): string => {
      writeFileSync(join(directory, name), text, { mode: 0o600 });
      return join(directory, name);
    };
    try {
      const extensions = 'basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign\n'
        + `subjectKeyIdentifier=${keyIdentifier(publicKey.export({ type: 'spki', format: 'der' })).toString('hex')}\n`;
      openssl(
        'x509', '-new', '-subj', '/CN=Test intermediate', '-days', '300', '-set_serial', '4711',
        '-force_pubkey', file('public.pem', publicKey.export({ type: 'spki', format: 'pem' }) as string), '-extfile', file('extensions', extensions),
        '-CA', file('ca.pem', this.certificatePem), '-CAkey', file('ca-key.pem', pemOf(this.#key)), '-out', join(directory, 'out.pem'),
      );
      const pem = readFileSync(join(directory, 'out.pem'), 'utf8');
      return new TestAuthority(pemDecode('CERTIFICATE', pem)[0]!, privateKey, pem + this.#chain);
    } finally {
      rmSync(directory, { recursive: true });
    }
  }
}

function days(from: number): Date {
  return new Date(Date.now() + from * DAY_MS);
}

function pemOf(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }) as string;
}

function openssl(...args: readonly string[]): void {
  const { status, stderr, error } = spawnSync('openssl', args, { encoding: 'utf8' });
  if (status !== 0) throw new Failed('testing.openssl', 'openssl failed', { why: error?.message ?? stderr });
}
