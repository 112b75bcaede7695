// SPDX-License-Identifier: Apache-2.0
// Which public keys may stand in a certificate of ours.
import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { DerReader, Refused, derTag, derWhole } from '@strongroom/bytes';

const CURVES: Readonly<Record<string, string>> = { prime256v1: 'P-256', secp384r1: 'P-384' };
const RSA_BITS_MIN = 2048;
/** Above this a handshake costs more than a signature is worth, and some TLS stacks refuse the certificate. */
const RSA_BITS_MAX = 8192;
const ACCEPTED = 'ECDSA P-256 or P-384, Ed25519, and RSA from 2048 to 8192 bits are accepted';

export interface PublicKey {
  /** SubjectPublicKeyInfo, DER, as OpenSSL writes it: one key has one encoding. */
  readonly spki: Buffer;
  readonly key: KeyObject;
  /** Such as `P-256`, `RSA 4096`, `Ed25519`. */
  readonly name: string;
}

/** Takes a SubjectPublicKeyInfo (DER). Throws `Refused`: `key.unreadable`, `key.kind` (not one of those we accept). */
export function acceptPublicKey(der: Buffer): PublicKey {
  derWhole(der);
  const key = readKey(der);
  const name = nameOf(key);
  if (name === undefined) {
    throw new Refused('key.kind', 'this kind of key is not accepted', {
      why: `the key is ${describe(key)}; ${ACCEPTED}`, fix: 'make another key: ECDSA P-256 suits everybody',
    });
  }
  return { spki: key.export({ type: 'spki', format: 'der' }), key, name };
}

/** SHA-256 of a SubjectPublicKeyInfo: a source's key in receipts and in the registry. */
export function keyHash(spki: Buffer): Buffer {
  return createHash('sha256').update(spki).digest();
}

/** Subject key identifier: the first 160 bits of the SHA-256 over the key's bits (RFC 7093 section 2, method 1). */
export function keyIdentifier(spki: Buffer): Buffer {
  const info = derWhole(spki);
  info.enter(derTag.sequence);
  const bits = info.bitString();
  info.end();
  return createHash('sha256').update(bits).digest().subarray(0, 20);
}

/** SubjectPublicKeyInfo of an Ed25519 key from its 32 octets (RFC 8410 section 4). */
export function ed25519Spki(point: Buffer): Buffer {
  return Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), point]);
}

/** SubjectPublicKeyInfo of a P-256 key from its uncompressed point, 65 octets (RFC 5480 section 2). */
export function p256Spki(point: Buffer): Buffer {
  return Buffer.concat([Buffer.from('3059301306072a8648ce3d020106082a8648ce3d030107034200', 'hex'), point]);
}

/** An EC point as PKCS#11 hands it out: inside an OCTET STRING, or bare as some modules do. */
export function ecPoint(attribute: Buffer, length: number): Buffer {
  if (attribute.length === length) return attribute;
  const reader = new DerReader(attribute);
  const point = reader.octetString();
  reader.end();
  if (point.length === length) return point;
  throw new Refused('key.unreadable', `an EC point has ${point.length} octets`, { why: `${length} are expected` });
}

function readKey(der: Buffer): KeyObject {
  try {
    return createPublicKey({ key: der, format: 'der', type: 'spki' });
  } catch (error) {
    throw new Refused('key.unreadable', 'the public key cannot be read', { why: (error as Error).message, cause: error });
  }
}

function nameOf(key: KeyObject): string | undefined {
  const { namedCurve, modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'ed25519') return 'Ed25519';
  if (key.asymmetricKeyType === 'ec') return CURVES[namedCurve ?? ''];
  const fits = modulusLength >= RSA_BITS_MIN && modulusLength <= RSA_BITS_MAX && publicExponent >= 65_537n;
  return key.asymmetricKeyType === 'rsa' && fits ? `RSA ${modulusLength}` : undefined;
}

function describe(key: KeyObject): string {
  const { namedCurve, modulusLength, publicExponent } = key.asymmetricKeyDetails ?? {};
  const facts = [namedCurve, modulusLength && `${modulusLength} bits`, publicExponent && `exponent ${publicExponent}`].filter(Boolean);
  return [key.asymmetricKeyType ?? 'unknown', ...facts].join(' ');
}
