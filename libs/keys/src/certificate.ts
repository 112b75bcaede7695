// SPDX-License-Identifier: Apache-2.0
// X.509 version 3, RFC 5280 section 4.1:
//   Certificate    ::= SEQUENCE { TBSCertificate, AlgorithmIdentifier, BIT STRING }
//   TBSCertificate ::= SEQUENCE { [0] version, serial, AlgorithmIdentifier, issuer, validity, subject, spki, [3] extensions }
import { X509Certificate, randomBytes } from 'node:crypto';
import { Refused, der, derBitString, derContextTag, derInteger, derOid, derSequence, derTag, derTime, derWhole, invariant } from '@strongroom/bytes';
import { ecdsaSignature, type SignEcdsa } from './ecdsa.ts';
import { authorityExtensions, endEntityExtensions, type Usage } from './extensions.ts';
import { distinguishedName, type AlternativeNames } from './names.ts';
import { OID } from './object-identifiers.table.ts';
import { acceptPublicKey, keyIdentifier } from './public-key.ts';

/** RFC 5280 section 4.1.2.2 allows 20 octets, and all of them are random here. */
const SERIAL_OCTETS = 20;
/** One authority may stand between ours and an end entity: a fleet's, issuing on behalf of several appliances. */
const PATH_LENGTH = 1;

/** An authority that can issue. */
export interface Issuer {
  /** Its certificate, DER. */
  readonly certificate: Buffer;
  readonly sign: SignEcdsa;
}

export interface LeafRequest extends AlternativeNames {
  /** The subject's public key: SubjectPublicKeyInfo, DER. */
  readonly spki: Buffer;
  /** Cut to 64 characters: what counts are the alternative names. */
  readonly commonName: string;
  /** At least one. */
  readonly usages: readonly Usage[];
  readonly notBefore: Date;
  readonly notAfter: Date;
}

export interface AuthorityRequest {
  /** The authority's public key, P-256: SubjectPublicKeyInfo, DER. */
  readonly spki: Buffer;
  readonly organization: string;
  /** The beginning of the key's identifier is appended: two authorities of one deployment never share a name. */
  readonly commonName: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/**
 * An end entity's certificate, DER. Throws `Refused`: `key.*`, `name.*`, `certificate.usage`, `certificate.validity`
 * (ends before it begins, or outside the issuer's own time), and whatever `issuer.sign` throws.
 */
export async function issueCertificate(request: LeafRequest, issuer: Issuer): Promise<Buffer> {
  const { spki } = acceptPublicKey(request.spki);
  if (request.usages.length === 0) throw new Refused('certificate.usage', 'a certificate for no use is asked for', { fix: 'ask for client, server or both' });
  const authority = readAuthority(issuer.certificate);
  checkValidity(request, authority);
  const extensions = endEntityExtensions(request, request.usages, keyIdentifier(spki), keyIdentifier(authority.spki));
  const subject = distinguishedName({ commonName: request.commonName });
  const certificate = await assemble({ ...request, issuer: authority.subject, subject, spki, extensions }, issuer.sign);
  return checked(certificate, issuer.certificate);
}

/** A self-signed authority's certificate, DER: for a P-256 key, with room for one authority below it. */
export async function issueAuthority(request: AuthorityRequest, sign: SignEcdsa): Promise<Buffer> {
  const { spki, name } = acceptPublicKey(request.spki);
  invariant(name === 'P-256', 'certificate.authority-key', `the authority's key is ${name}, P-256 is what we sign with`);
  const identifier = keyIdentifier(spki);
  const commonName = `${request.commonName} ${identifier.toString('hex', 0, 4)}`;
  const subject = distinguishedName({ organization: request.organization, commonName });
  const extensions = authorityExtensions(PATH_LENGTH, identifier);
  const certificate = await assemble({ ...request, issuer: subject, subject, spki, extensions }, sign);
  return checked(certificate, certificate);
}

interface Body {
  readonly issuer: Buffer;
  readonly subject: Buffer;
  readonly spki: Buffer;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly extensions: readonly Buffer[];
}

async function assemble(body: Body, sign: SignEcdsa): Promise<Buffer> {
  const algorithm = derSequence(derOid(OID.ecdsaWithSha256));
  const tbs = derSequence(
    der(derContextTag(0, true), derInteger(2)),
    derInteger(serialNumber()),
    algorithm,
    body.issuer,
    derSequence(derTime(body.notBefore), derTime(body.notAfter)),
    body.subject,
    body.spki,
    der(derContextTag(3, true), derSequence(...body.extensions)),
  );
  return derSequence(tbs, algorithm, derBitString(await ecdsaSignature(tbs, sign)));
}

/** Positive, and of the same length always. */
function serialNumber(): Buffer {
  const serial = randomBytes(SERIAL_OCTETS);
  serial[0] = (serial[0]! & 0x7f) | 0x40;
  return serial;
}

interface Authority {
  readonly subject: Buffer;
  readonly spki: Buffer;
  readonly parsed: X509Certificate;
}

function readAuthority(certificate: Buffer): Authority {
  const outer = derWhole(certificate);
  const tbs = outer.enter(derTag.sequence);
  tbs.enter(derContextTag(0, true));
  tbs.integer();
  tbs.enter(derTag.sequence);
  tbs.enter(derTag.sequence);
  tbs.enter(derTag.sequence);
  const subject = tbs.whole(derTag.sequence);
  const spki = tbs.whole(derTag.sequence);
  const parsed = new X509Certificate(certificate);
  invariant(parsed.ca, 'certificate.authority', `${parsed.subject} is no authority's certificate`);
  return { subject, spki, parsed };
}

function checkValidity(request: LeafRequest, authority: Authority): void {
  const notBefore = wholeSeconds(request.notBefore);
  const notAfter = wholeSeconds(request.notAfter);
  if (notBefore < notAfter && notBefore >= authority.parsed.validFromDate && notAfter <= authority.parsed.validToDate) return;
  throw new Refused('certificate.validity', `a certificate cannot be valid from ${notBefore.toISOString()} to ${notAfter.toISOString()}`, {
    why: `the authority's own is valid from ${authority.parsed.validFromDate.toISOString()} to ${authority.parsed.validToDate.toISOString()}`,
    fix: 'ask for fewer days',
  });
}

/** Certificates carry no fractions of a second. */
function wholeSeconds(date: Date): Date {
  return new Date(Math.floor(date.getTime() / 1000) * 1000);
}

/** What a foreign reader makes of it, before it leaves: OpenSSL parses it and its signature and issuer hold. */
function checked(certificate: Buffer, issuer: Buffer): Buffer {
  const own = new X509Certificate(certificate);
  const above = new X509Certificate(issuer);
  invariant(own.checkIssued(above) && own.verify(above.publicKey), 'certificate.self-check', 'a certificate that was just issued does not verify');
  return certificate;
}
