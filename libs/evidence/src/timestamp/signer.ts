// SPDX-License-Identifier: Apache-2.0
// Who signed a token. The signed attribute binds the certificate, so that no other one with the same key can be put in
// its place:
//   SigningCertificate   ::= SEQUENCE { certs SEQUENCE OF ESSCertID, policies OPTIONAL }          (RFC 2634, SHA-1)
//   SigningCertificateV2 ::= SEQUENCE { certs SEQUENCE OF ESSCertIDv2, policies OPTIONAL }        (RFC 5035, RFC 5816)
//   ESSCertIDv2          ::= SEQUENCE { AlgorithmIdentifier DEFAULT sha256, certHash OCTET STRING, IssuerSerial OPTIONAL }
//   IssuerSerial         ::= SEQUENCE { issuer SEQUENCE OF GeneralName, serial INTEGER }
import { hash } from 'node:crypto';
import { DerReader, derContextTag, derTag, derWhole } from '@strongroom/bytes';
import { isSigned, readDigest } from './algorithms.ts';
import { keyOf, type Certificate } from './certificate.ts';
import { OID } from './object-identifiers.table.ts';
import { refused } from './refusal.ts';
import type { SignedData, Signer } from './signed-data.ts';

/**
 * The certificate that signed, after all of this holds: what is signed is these attributes, they cover this content, and
 * they name this certificate. Throws `Refused`: `timestamp.attributes`, `timestamp.signer`, `timestamp.signature`,
 * `timestamp.algorithm`, `der.*`.
 */
export function verifySigner({ contentType, content, certificates, signer }: SignedData): Certificate {
  const claimed = attribute(signer, OID.contentType, 'the type of its content').oid();
  if (contentType !== OID.timestampInfo || claimed !== contentType) throw refused('attributes', 'what is signed is no timestamp', `its content has type ${contentType}, signed as ${claimed}`);
  const digest = attribute(signer, OID.messageDigest, 'the digest of its content').octetString();
  if (!digest.equals(hash(signer.digest, content, 'buffer'))) throw refused('signature', 'the token was changed', 'its content does not have the digest that is signed');
  const certificate = certificates.find((one) => isNamed(one, signer));
  if (certificate === undefined) throw refused('signer', 'the certificate that signed is not in the token', `${certificates.length} others are`, 'have the authority put its certificate into its tokens');
  checkBound(certificate, signer);
  if (!isSigned(signer.signed, signer.signature, signer.algorithm, keyOf(certificate))) throw refused('signature', 'the signature of the token is wrong');
  return certificate;
}

function attribute({ attributes }: Signer, oid: string, what: string): DerReader {
  const value = attributes.get(oid);
  if (value === undefined) throw refused('attributes', `the token does not sign ${what}`);
  return new DerReader(value);
}

function isNamed({ issuer, serial, extensions }: Certificate, { identifier }: Signer): boolean {
  if ('issuer' in identifier) return issuer.equals(identifier.issuer) && serial === identifier.serial;
  const extension = extensions.get(OID.subjectKeyIdentifier);
  return extension !== undefined && new DerReader(extension.value).octetString().equals(identifier.subjectKey);
}

/** The first of the certificates named must be the signer's (RFC 5035 section 5.4.1). Both attributes may be there. */
function checkBound(certificate: Certificate, { attributes }: Signer): void {
  const [first, second] = [attributes.get(OID.signingCertificate), attributes.get(OID.signingCertificateV2)];
  if (first === undefined && second === undefined) throw refused('attributes', 'the token does not sign which certificate signed it');
  if (first !== undefined) checkIdentifier(certificate, firstIdentifier(first), 'sha1');
  if (second === undefined) return;
  const identifier = firstIdentifier(second);
  checkIdentifier(certificate, identifier, identifier.next === derTag.sequence ? readDigest(identifier.enter(derTag.sequence)) : 'sha256');
}

function firstIdentifier(value: Buffer): DerReader {
  return derWhole(value).enter(derTag.sequence).enter(derTag.sequence);
}

function checkIdentifier(certificate: Certificate, identifier: DerReader, digest: string): void {
  if (!identifier.octetString().equals(hash(digest, certificate.bytes, 'buffer'))) throw otherCertificate();
  if (identifier.next !== undefined) checkIssuerSerial(certificate, identifier.enter(derTag.sequence));
  identifier.end();
}

function checkIssuerSerial({ issuer, serial }: Certificate, reader: DerReader): void {
  const names = reader.enter(derTag.sequence);
  const isSame = reader.integer() === serial && names.next === derContextTag(4, true) && names.content(derContextTag(4, true)).equals(issuer);
  reader.end();
  if (!isSame) throw otherCertificate();
}

function otherCertificate() {
  return refused('signer', 'the token was signed as by another certificate than the one in it');
}
