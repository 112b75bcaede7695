// SPDX-License-Identifier: Apache-2.0
// Signature algorithms of tokens and certificates:
//   AlgorithmIdentifier   ::= SEQUENCE { OID, parameters ANY OPTIONAL }                                   (RFC 5280)
//   RSASSA-PSS-params     ::= SEQUENCE { [0] hash, [1] mask, [2] saltLength, [3] trailerField }           (RFC 8017)
import { constants, verify, type KeyObject } from 'node:crypto';
import { derContextTag, derTag, type DerReader } from '@strongroom/bytes';
import { OID } from './object-identifiers.table.ts';
import { refused } from './refusal.ts';

export type Digest = 'sha256' | 'sha384' | 'sha512';

const DIGESTS: Readonly<Record<string, Digest>> = { [OID.sha256]: 'sha256', [OID.sha384]: 'sha384', [OID.sha512]: 'sha512' };
const WITH_DIGEST: Readonly<Record<string, readonly ['rsa' | 'ec', Digest]>> = {
  [OID.rsaWithSha256]: ['rsa', 'sha256'], [OID.rsaWithSha384]: ['rsa', 'sha384'], [OID.rsaWithSha512]: ['rsa', 'sha512'],
  [OID.ecdsaWithSha256]: ['ec', 'sha256'], [OID.ecdsaWithSha384]: ['ec', 'sha384'], [OID.ecdsaWithSha512]: ['ec', 'sha512'],
};
const CURVES = new Set(['prime256v1', 'secp384r1', 'secp521r1']);
const RSA_BITS_MIN = 2048;
/** Above this one check takes milliseconds, which a hostile token could ask for. */
const RSA_BITS_MAX = 8192;
const SALT_OCTETS_MAX = 64;

export type SignatureAlgorithm =
  | { readonly kind: 'rsa' | 'ec'; readonly digest: Digest }
  | { readonly kind: 'rsa-pss'; readonly digest: Digest; readonly saltLength: number }
  | { readonly kind: 'ed25519' };

/** An AlgorithmIdentifier of SHA-256, SHA-384 or SHA-512. Throws `Refused`: `timestamp.algorithm`, `der.*`. */
export function readDigest(algorithm: DerReader): Digest {
  const oid = algorithm.oid();
  if (algorithm.next === derTag.null) algorithm.content(derTag.null);
  algorithm.end();
  const digest = DIGESTS[oid];
  if (digest === undefined) throw unknown(`the digest algorithm is ${oid}`);
  return digest;
}

/**
 * An AlgorithmIdentifier of a signature. `digest`: what a plain `rsaEncryption`, as CMS writes it, goes with; null where
 * that is not allowed. Throws `Refused`: `timestamp.algorithm`, `der.*`.
 */
export function readSignatureAlgorithm(algorithm: DerReader, digest: Digest | null): SignatureAlgorithm {
  const oid = algorithm.oid();
  if (oid === OID.rsaPss) return readPss(algorithm);
  if (algorithm.next === derTag.null) algorithm.content(derTag.null);
  algorithm.end();
  if (oid === OID.ed25519) return { kind: 'ed25519' };
  if (oid === OID.rsa && digest !== null) return { kind: 'rsa', digest };
  const known = WITH_DIGEST[oid];
  if (known === undefined) throw unknown(`the signature algorithm is ${oid}`);
  return { kind: known[0], digest: known[1] };
}

/** The defaults of the parameters stand for SHA-1, so hash and mask must be said. */
function readPss(algorithm: DerReader): SignatureAlgorithm {
  const parameters = algorithm.enter(derTag.sequence);
  algorithm.end();
  const inside = (number: number): DerReader => parameters.enter(derContextTag(number, true));
  const digest = readDigest(only(inside(0)));
  const mask = only(inside(1));
  const isMask = mask.oid() === OID.maskGeneration;
  if (!isMask || readDigest(mask.enter(derTag.sequence)) !== digest) throw unknown('the parameters of RSASSA-PSS mix hashes');
  mask.end();
  const saltLength = parameters.next === derContextTag(2, true) ? wholeNumber(inside(2)) : 20;
  const trailer = parameters.next === derContextTag(3, true) ? wholeNumber(inside(3)) : 1;
  parameters.end();
  if (saltLength < 0 || saltLength > SALT_OCTETS_MAX || trailer !== 1) throw unknown(`RSASSA-PSS has a salt of ${saltLength} octets and trailer ${trailer}`);
  return { kind: 'rsa-pss', digest, saltLength };
}

function only(outer: DerReader): DerReader {
  const inner = outer.enter(derTag.sequence);
  outer.end();
  return inner;
}

function wholeNumber(reader: DerReader): number {
  const number = Number(reader.integer());
  reader.end();
  return number;
}

/** Whether the key signed the bytes. Throws `Refused('timestamp.algorithm')` for a key that is weak or of another kind. */
export function isSigned(bytes: Buffer, signature: Buffer, algorithm: SignatureAlgorithm, key: KeyObject): boolean {
  checkKey(key, algorithm);
  try {
    return holds(bytes, signature, algorithm, key);
  } catch {
    return false; // such as a key that allows another hash only: OpenSSL throws
  }
}

function holds(bytes: Buffer, signature: Buffer, algorithm: SignatureAlgorithm, key: KeyObject): boolean {
  if (algorithm.kind === 'ed25519') return verify(null, bytes, key, signature);
  if (algorithm.kind !== 'rsa-pss') return verify(algorithm.digest, bytes, key, signature);
  return verify(algorithm.digest, bytes, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: algorithm.saltLength }, signature);
}

function checkKey(key: KeyObject, { kind }: SignatureAlgorithm): void {
  const type = key.asymmetricKeyType ?? 'unknown';
  const { modulusLength = 0, namedCurve = '' } = key.asymmetricKeyDetails ?? {};
  const isRsa = (type === 'rsa' && kind !== 'ec' && kind !== 'ed25519') || (type === 'rsa-pss' && kind === 'rsa-pss');
  if (isRsa && modulusLength >= RSA_BITS_MIN && modulusLength <= RSA_BITS_MAX) return;
  if (type === 'ec' && kind === 'ec' && CURVES.has(namedCurve)) return;
  if (type === 'ed25519' && kind === 'ed25519') return;
  throw unknown(`a ${kind} signature with a key of kind ${type} ${modulusLength || namedCurve}`);
}

function unknown(why: string) {
  return refused('algorithm', 'the timestamp uses an algorithm that is not taken', `${why}; SHA-256, SHA-384, SHA-512, and RSA from ${RSA_BITS_MIN} bits, ECDSA and Ed25519 are taken`);
}
