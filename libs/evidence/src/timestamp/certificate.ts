// SPDX-License-Identifier: Apache-2.0
// Certificates of authorities (RFC 5280) as far as a timestamp depends on them. OpenSSL reads them too, by node:crypto;
// what it does not tell there is read here:
//   Certificate    ::= SEQUENCE { TBSCertificate, AlgorithmIdentifier, BIT STRING }
//   TBSCertificate ::= SEQUENCE { [0] version, serial, AlgorithmIdentifier, issuer, validity, subject, spki, …, [3] extensions }
//   Extension      ::= SEQUENCE { OID, critical BOOLEAN DEFAULT FALSE, OCTET STRING }
import { X509Certificate, type KeyObject } from 'node:crypto';
import { DerReader, derContextTag, derTag, derWhole } from '@strongroom/bytes';
import { isSigned, readSignatureAlgorithm, type SignatureAlgorithm } from './algorithms.ts';
import { OID } from './object-identifiers.table.ts';
import { refused } from './refusal.ts';

const EXTENSIONS_MAX = 64;
/** Extensions whose meaning is kept here; a critical one beside them is refused. Any policy is accepted. */
const KNOWN = new Set<string>([OID.basicConstraints, OID.keyUsage, OID.extendedKeyUsage, OID.certificatePolicies]);
/** Bits of KeyUsage. */
const DIGITAL_SIGNATURE = 0;
const NON_REPUDIATION = 1;
const CERTIFICATE_SIGN = 5;

interface Extension {
  readonly critical: boolean;
  readonly value: Buffer;
}

export interface Certificate {
  readonly bytes: Buffer;
  readonly x509: X509Certificate;
  /** Names, DER. */
  readonly issuer: Buffer;
  readonly subject: Buffer;
  readonly serial: bigint;
  /** What the issuer signed, how, and the signature. */
  readonly signed: Buffer;
  readonly algorithm: SignatureAlgorithm | null;
  readonly signature: Buffer;
  readonly extensions: ReadonlyMap<string, Extension>;
}

/** Throws `Refused`: `timestamp.format`, `der.*`. An algorithm that is not known is left to who relies on it. */
export function readCertificate(bytes: Buffer): Certificate {
  const outer = derWhole(bytes);
  const signed = outer.whole(derTag.sequence);
  const algorithm = outer.whole(derTag.sequence);
  const signature = outer.bitString();
  outer.end();
  const body = derWhole(signed);
  if (body.next === derContextTag(0, true)) body.any();
  const serial = body.integer();
  const [, issuer, , subject] = [body.whole(derTag.sequence), body.whole(derTag.sequence), body.whole(derTag.sequence), body.whole(derTag.sequence)];
  body.whole(derTag.sequence);
  while (body.next === derContextTag(1, false) || body.next === derContextTag(2, false)) body.any();
  const extensions = body.next === derContextTag(3, true) ? readExtensions(body.enter(derContextTag(3, true))) : new Map<string, Extension>();
  body.end();
  return { bytes, x509: parsed(bytes), issuer: issuer!, subject: subject!, serial, signed, algorithm: algorithmOr(algorithm), signature, extensions };
}

function parsed(bytes: Buffer): X509Certificate {
  try {
    return new X509Certificate(bytes);
  } catch (error) {
    throw refused('format', 'a certificate cannot be read', (error as Error).message);
  }
}

function algorithmOr(bytes: Buffer): SignatureAlgorithm | null {
  try {
    return readSignatureAlgorithm(derWhole(bytes), null);
  } catch {
    return null;
  }
}

function readExtensions(outer: DerReader): Map<string, Extension> {
  const list = outer.enter(derTag.sequence);
  outer.end();
  const extensions = new Map<string, Extension>();
  while (list.next !== undefined) {
    const one = list.enter(derTag.sequence);
    const oid = one.oid();
    const critical = one.next === derTag.boolean && one.boolean();
    if (extensions.has(oid) || extensions.size >= EXTENSIONS_MAX) throw refused('format', `a certificate has the extension ${oid} twice, or more than ${EXTENSIONS_MAX}`);
    extensions.set(oid, { critical, value: one.octetString() });
    one.end();
  }
  return extensions;
}

/** Throws `Refused('timestamp.algorithm')` when OpenSSL does not know that kind of key. */
export function keyOf({ x509 }: Certificate): KeyObject {
  try {
    return x509.publicKey;
  } catch (error) {
    throw refused('algorithm', 'the key of a certificate cannot be read', (error as Error).message);
  }
}

/** CN of the subject, or all of it: who signed, for people. */
export function nameOf({ x509 }: Certificate): string {
  const parts = (x509.subject ?? '').split('\n').filter(Boolean);
  return parts.find((part) => part.startsWith('CN=')) ?? (parts.join(', ') || 'an authority without a name');
}

export function isValidAt({ x509 }: Certificate, ms: number): boolean {
  return x509.validFromDate.getTime() <= ms && ms <= x509.validToDate.getTime();
}

/** Whether this one's key signed `below`, and may sign certificates with `between` authorities under it. */
export function hasIssued(authority: Certificate, below: Certificate, between: number): boolean {
  if (!authority.subject.equals(below.issuer) || below.algorithm === null || !mayIssue(authority, between)) return false;
  try {
    return isSigned(below.signed, below.signature, below.algorithm, keyOf(authority));
  } catch {
    return false; // its key is weak, or of another kind
  }
}

export function isSelfIssued(certificate: Certificate): boolean {
  return certificate.subject.equals(certificate.issuer);
}

function mayIssue({ extensions }: Certificate, between: number): boolean {
  if (hasUnknownCritical(extensions)) return false;
  const usage = extensions.get(OID.keyUsage);
  if (usage !== undefined && !bitsOf(usage).includes(CERTIFICATE_SIGN)) return false;
  const constraints = extensions.get(OID.basicConstraints);
  if (constraints === undefined) return false;
  const reader = derWhole(constraints.value);
  const isAuthority = reader.next === derTag.boolean && reader.boolean();
  const pathLength = reader.next === derTag.integer ? reader.integer() : null;
  reader.end();
  return isAuthority && (pathLength === null || pathLength >= between);
}

/**
 * RFC 3161 section 2.3: a critical extended key usage with time stamping alone; and where there is a key usage, signatures
 * alone, as `openssl ts` wants it too. Throws `Refused`: `timestamp.usage`, `der.*`.
 */
export function checkStampsTime(certificate: Certificate): void {
  const { extensions } = certificate;
  const extended = extensions.get(OID.extendedKeyUsage);
  if (extended === undefined) throw wrongUsage(certificate, 'it has no extended key usage');
  if (!extended.critical) throw wrongUsage(certificate, 'its extended key usage is not critical');
  const purposes = derWhole(extended.value);
  const alone = purposes.oid() === OID.timestamping && purposes.next === undefined;
  if (!alone) throw wrongUsage(certificate, 'its extended key usage is not time stamping alone');
  const usage = extensions.get(OID.keyUsage);
  const bits = usage === undefined ? [DIGITAL_SIGNATURE] : bitsOf(usage);
  if (bits.length === 0 || bits.some((bit) => bit !== DIGITAL_SIGNATURE && bit !== NON_REPUDIATION)) throw wrongUsage(certificate, 'its key usage is not signatures alone');
  if (hasUnknownCritical(extensions)) throw wrongUsage(certificate, 'it has a critical extension that is not known here');
}

function hasUnknownCritical(extensions: Certificate['extensions']): boolean {
  return [...extensions].some(([oid, { critical }]) => critical && !KNOWN.has(oid));
}

function bitsOf({ value }: Extension): number[] {
  const reader = new DerReader(value);
  const bits = reader.namedBits();
  reader.end();
  return bits;
}

function wrongUsage(certificate: Certificate, why: string) {
  return refused('usage', `${nameOf(certificate)} may not stamp time`, why, 'use an authority whose certificate is for time stamping alone (RFC 3161, section 2.3)');
}
