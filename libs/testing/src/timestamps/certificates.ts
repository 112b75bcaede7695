// SPDX-License-Identifier: Apache-2.0
// Certificates of time stamping authorities as they are, and as they should not be.
import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';
import { der, derBitString, derBoolean, derContextTag, derInteger, derNamedBits, derNull, derOctetString, derOid, derSequence, derSet, derTime, derUtf8 } from '@strongroom/bytes';
import { pemEncode } from '@strongroom/keys';

/** `rsa-pss`: one that allows SHA-512 alone. */
export type StampingKey = 'rsa' | 'rsa-1024' | 'rsa-pss' | 'p256' | 'p384' | 'ed25519';

const DAY_MS = 86_400_000;
const TIMESTAMPING = '1.3.6.1.5.5.7.3.8';

export interface StampingIdentity {
  /** Its own name and its issuer's, DER. */
  readonly name: Buffer;
  readonly issuer: Buffer;
  readonly serial: bigint;
  readonly key: KeyObject;
  /** DER. */
  readonly certificate: Buffer;
  readonly certificatePem: string;
  readonly keyPem: string;
}

export interface StampingWishes {
  /** Null: it has no name at all. */
  readonly commonName: string | null;
  readonly kind?: StampingKey;
  /** Who issues; itself if nobody is named. */
  readonly issuer?: StampingIdentity;
  /** An authority above others, and how many may stand below it. */
  readonly authority?: boolean;
  readonly pathLength?: number;
  /** In days from now; default from a year ago to a year from now. */
  readonly fromDays?: number;
  readonly toDays?: number;
  /** Object identifiers; default time stamping alone, for an authority none. */
  readonly purposes?: readonly string[];
  readonly purposesCritical?: boolean;
  /** Bits of KeyUsage; default those that belong to it, null leaves the extension out. */
  readonly keyUsage?: readonly number[] | null;
  readonly extensions?: readonly Buffer[];
}

/** A key and its certificate. */
export function stampingIdentity(wishes: StampingWishes): StampingIdentity {
  const { publicKey, privateKey } = makeKey(wishes.kind ?? 'p256');
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const name = derSequence(...(wishes.commonName === null ? [] : [derSet(derSequence(derOid('2.5.4.3'), derUtf8(wishes.commonName)))]));
  const serial = BigInt(`0x4${randomBytes(15).toString('hex')}`);
  const issuer = wishes.issuer ?? { name, key: privateKey };
  const body = derSequence(
    der(derContextTag(0, true), derInteger(2)), derInteger(serial), signatureAlgorithm(issuer.key), issuer.name,
    derSequence(derTime(days(wishes.fromDays ?? -365)), derTime(days(wishes.toDays ?? 365))), name, spki,
    der(derContextTag(3, true), derSequence(...extensionsOf(wishes, spki))),
  );
  const certificate = derSequence(body, signatureAlgorithm(issuer.key), derBitString(signedWith(body, issuer.key)));
  return {
    name, issuer: issuer.name, serial, key: privateKey, certificate, certificatePem: pemEncode('CERTIFICATE', certificate),
    keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  };
}

function makeKey(kind: StampingKey): { publicKey: KeyObject; privateKey: KeyObject } {
  if (kind === 'ed25519') return generateKeyPairSync('ed25519');
  if (kind === 'p256' || kind === 'p384') return generateKeyPairSync('ec', { namedCurve: kind === 'p256' ? 'P-256' : 'P-384' });
  if (kind === 'rsa-pss') return generateKeyPairSync('rsa-pss', { modulusLength: 2048, hashAlgorithm: 'sha512', mgf1HashAlgorithm: 'sha512' });
  return generateKeyPairSync('rsa', { modulusLength: kind === 'rsa' ? 2048 : 1024 });
}

function extensionsOf(wishes: StampingWishes, spki: Buffer): Buffer[] {
  const { authority = false, pathLength, purposes = authority ? [] : [TIMESTAMPING], purposesCritical = true, keyUsage = authority ? [5, 6] : [0] } = wishes;
  const constraints = authority ? derSequence(derBoolean(true), ...(pathLength === undefined ? [] : [derInteger(pathLength)])) : derSequence();
  return [
    certificateExtension('2.5.29.19', true, constraints),
    ...(keyUsage === null ? [] : [certificateExtension('2.5.29.15', true, derNamedBits(keyUsage))]),
    ...(purposes.length === 0 ? [] : [certificateExtension('2.5.29.37', purposesCritical, derSequence(...purposes.map(derOid)))]),
    certificateExtension('2.5.29.14', false, derOctetString(createHash('sha1').update(spki).digest())),
    ...(wishes.extensions ?? []),
  ];
}

export function certificateExtension(oid: string, critical: boolean, value: Buffer): Buffer {
  return derSequence(derOid(oid), ...(critical ? [derBoolean(true)] : []), derOctetString(value));
}

function days(from: number): Date {
  return new Date(Date.now() + from * DAY_MS);
}

/** SHA-256, with P-384 SHA-384; Ed25519 hashes itself. */
export function signatureAlgorithm(key: KeyObject): Buffer {
  if (key.asymmetricKeyType === 'ed25519') return derSequence(derOid('1.3.101.112'));
  if (key.asymmetricKeyType === 'rsa') return derSequence(derOid('1.2.840.113549.1.1.11'), derNull());
  return derSequence(derOid(digestOf(key) === 'sha384' ? '1.2.840.10045.4.3.3' : '1.2.840.10045.4.3.2'));
}

export function signedWith(bytes: Buffer, key: KeyObject): Buffer {
  return sign(key.asymmetricKeyType === 'ed25519' ? null : digestOf(key), bytes, key);
}

export function digestOf(key: KeyObject): 'sha256' | 'sha384' {
  return key.asymmetricKeyDetails?.namedCurve === 'secp384r1' ? 'sha384' : 'sha256';
}
