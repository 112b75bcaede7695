// SPDX-License-Identifier: Apache-2.0
// A token as CMS has it (RFC 5652), with one signer:
//   ContentInfo ::= SEQUENCE { OID signedData, [0] SignedData }
//   SignedData  ::= SEQUENCE { version, SET OF AlgorithmIdentifier, EncapsulatedContentInfo, certificates [0] OPTIONAL,
//                              crls [1] OPTIONAL, SET OF SignerInfo }
//   SignerInfo  ::= SEQUENCE { version, SignerIdentifier, AlgorithmIdentifier, signedAttrs [0], AlgorithmIdentifier,
//                              OCTET STRING, unsignedAttrs [1] OPTIONAL }
//   SignerIdentifier ::= SEQUENCE { issuer Name, serial INTEGER } | [0] subjectKeyIdentifier OCTET STRING
import { derContextTag, derTag, derWhole, type DerReader } from '@strongroom/bytes';
import { readDigest, readSignatureAlgorithm, type Digest, type SignatureAlgorithm } from './algorithms.ts';
import { readCertificate, type Certificate } from './certificate.ts';
import { OID } from './object-identifiers.table.ts';
import { refused } from './refusal.ts';

const CERTIFICATES_MAX = 16;
const ATTRIBUTES_MAX = 32;

export interface Signer {
  readonly identifier: { readonly issuer: Buffer; readonly serial: bigint } | { readonly subjectKey: Buffer };
  readonly digest: Digest;
  /** The signed attributes as they are signed: DER of a SET OF Attribute. */
  readonly signed: Buffer;
  /** Their single values by type, DER. */
  readonly attributes: ReadonlyMap<string, Buffer>;
  readonly algorithm: SignatureAlgorithm;
  readonly signature: Buffer;
}

export interface SignedData {
  readonly contentType: string;
  readonly content: Buffer;
  readonly certificates: readonly Certificate[];
  readonly signer: Signer;
}

/** Throws `Refused`: `timestamp.format`, `timestamp.algorithm`, `timestamp.attributes`, `der.*`. */
export function readSignedData(token: Buffer): SignedData {
  const outer = derWhole(token);
  if (outer.oid() !== OID.signedData) throw refused('format', 'the token is no CMS signed data');
  const explicit = outer.enter(derContextTag(0, true));
  outer.end();
  const data = explicit.enter(derTag.sequence);
  explicit.end();
  data.integer();
  data.content(derTag.set);
  const content = readContent(data.enter(derTag.sequence));
  const certificates = data.next === derContextTag(0, true) ? readCertificates(data.enter(derContextTag(0, true))) : [];
  if (data.next === derContextTag(1, true)) data.any();
  const signers = data.enter(derTag.set);
  data.end();
  const signer = readSigner(signers.enter(derTag.sequence));
  if (signers.next !== undefined) throw refused('format', 'the token has more than one signer');
  return { ...content, certificates, signer };
}

function readContent(info: DerReader): { contentType: string; content: Buffer } {
  const contentType = info.oid();
  const explicit = info.enter(derContextTag(0, true));
  info.end();
  const content = explicit.octetString();
  explicit.end();
  return { contentType, content };
}

/** Attribute certificates and other formats are passed over. */
function readCertificates(set: DerReader): Certificate[] {
  const certificates: Certificate[] = [];
  for (let count = 1; set.next !== undefined; count += 1) {
    if (count > CERTIFICATES_MAX) throw refused('format', `the token carries more than ${CERTIFICATES_MAX} certificates`);
    if (set.next === derTag.sequence) certificates.push(readCertificate(set.any()));
    else set.any();
  }
  return certificates;
}

function readSigner(info: DerReader): Signer {
  info.integer();
  const identifier = info.next === derContextTag(0, false) ? { subjectKey: info.content(derContextTag(0, false)) } : readIssuerAndSerial(info.enter(derTag.sequence));
  const digest = readDigest(info.enter(derTag.sequence));
  if (info.next !== derContextTag(0, true)) throw refused('attributes', 'the token has no signed attributes');
  // What is signed is the SET, not the tag that stands for it here (RFC 5652 section 5.4).
  const signed = Buffer.from(info.whole(derContextTag(0, true)));
  signed[0] = derTag.set;
  const algorithm = readSignatureAlgorithm(info.enter(derTag.sequence), digest);
  const signature = info.octetString();
  if (info.next === derContextTag(1, true)) info.any();
  info.end();
  return { identifier, digest, signed, attributes: readAttributes(derWhole(signed, derTag.set)), algorithm, signature };
}

function readIssuerAndSerial(reader: DerReader): { issuer: Buffer; serial: bigint } {
  const issuer = reader.whole(derTag.sequence);
  const serial = reader.integer();
  reader.end();
  return { issuer, serial };
}

/** Attribute ::= SEQUENCE { OID, SET OF value }: each once, with one value. */
function readAttributes(set: DerReader): Map<string, Buffer> {
  const attributes = new Map<string, Buffer>();
  while (set.next !== undefined) {
    const attribute = set.enter(derTag.sequence);
    const oid = attribute.oid();
    const values = attribute.enter(derTag.set);
    attribute.end();
    const value = values.any();
    values.end();
    if (attributes.has(oid) || attributes.size >= ATTRIBUTES_MAX) throw refused('attributes', `the signed attribute ${oid} is there twice, or more than ${ATTRIBUTES_MAX} are`);
    attributes.set(oid, value);
  }
  return attributes;
}
