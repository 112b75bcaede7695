// SPDX-License-Identifier: Apache-2.0
// RFC 3161 responses made by hand: what no time stamping authority should give, and what openssl cannot make.
import { constants, hash, sign } from 'node:crypto';
import { der, derContextTag, derInteger, derNull, derOctetString, derOid, derSequence, derSet, derTag } from '@strongroom/bytes';
import { digestOf, signatureAlgorithm, signedWith, type StampingIdentity } from './certificates.ts';

const DIGEST_OID = { sha256: '2.16.840.1.101.3.4.2.1', sha384: '2.16.840.1.101.3.4.2.2', sha512: '2.16.840.1.101.3.4.2.3' } as const;
export const TIMESTAMP_INFO = '1.2.840.113549.1.9.16.1.4';
export const TEST_POLICY = '1.3.6.1.4.1.13762.3';

export interface TokenWishes {
  readonly signer: StampingIdentity;
  /** What is stamped. */
  readonly stamped: Buffer;
  /** Certificates that the token carries, DER; default the signer's. */
  readonly carries?: readonly Buffer[];
  /** As GeneralizedTime has it; default now. */
  readonly time?: string;
  readonly accuracy?: Buffer;
  readonly nonce?: bigint;
  readonly version?: number;
  readonly policy?: string;
  readonly extensions?: readonly Buffer[];
  readonly imprint?: { readonly algorithm: string; readonly value: Buffer };
  /** The type of the content, and the type that is signed. */
  readonly contentType?: string;
  readonly signedType?: string;
  /** In place of the digest of the content. */
  readonly messageDigest?: Buffer;
  /** In place of, or beside, ESSCertIDv2 of the signer; null leaves it out. */
  readonly signingCertificate?: Buffer | null;
  readonly moreAttributes?: readonly Buffer[];
  readonly identifier?: Buffer;
  readonly digest?: Buffer;
  readonly signature?: 'pss' | 'plain-rsa' | { readonly algorithm: Buffer; readonly value: Buffer };
  readonly noAttributes?: boolean;
  readonly signers?: number;
}

/** A whole response, status granted. */
export function makeResponse(wishes: TokenWishes): Buffer {
  return derSequence(derSequence(derInteger(0)), makeToken(wishes));
}

function makeToken(wishes: TokenWishes): Buffer {
  const { signer, carries = [signer.certificate], contentType = TIMESTAMP_INFO, signers = 1 } = wishes;
  const content = makeInfo(wishes);
  const certificates = der(derContextTag(0, true), ...carries);
  const infos = Array.from({ length: signers }, () => makeSigner(wishes, content));
  const encapsulated = derSequence(derOid(contentType), explicit(derOctetString(content)));
  const data = derSequence(derInteger(3), derSet(digestAlgorithm(signer)), encapsulated, certificates, der(derTag.set, ...infos));
  return derSequence(derOid('1.2.840.113549.1.7.2'), explicit(data));
}

function makeInfo(wishes: TokenWishes): Buffer {
  const { stamped, version = 1, policy = TEST_POLICY, accuracy, nonce, extensions } = wishes;
  const imprint = wishes.imprint ?? { algorithm: DIGEST_OID.sha256, value: hash('sha256', stamped, 'buffer') };
  const time = wishes.time ?? `${new Date().toISOString().replace(/[-:T]|\.\d+Z/g, '')}Z`;
  return derSequence(
    derInteger(version), derOid(policy), derSequence(derSequence(derOid(imprint.algorithm), derNull()), derOctetString(imprint.value)),
    derInteger(7), der(derTag.generalizedTime, Buffer.from(time)), ...(accuracy === undefined ? [] : [accuracy]),
    ...(nonce === undefined ? [] : [derInteger(nonce)]), ...(extensions === undefined ? [] : [der(derContextTag(1, true), ...extensions)]),
  );
}

function makeSigner(wishes: TokenWishes, content: Buffer): Buffer {
  const { signer, identifier = derSequence(signer.issuer, derInteger(signer.serial)), digest = digestAlgorithm(signer) } = wishes;
  const attributes = derSet(...attributesOf(wishes, content));
  const implicit = Buffer.from(attributes);
  implicit[0] = derContextTag(0, true);
  const { algorithm, value } = signatureOf(wishes, attributes);
  return derSequence(derInteger(1), identifier, digest, ...(wishes.noAttributes === true ? [] : [implicit]), algorithm, derOctetString(value));
}

function attributesOf(wishes: TokenWishes, content: Buffer): Buffer[] {
  const { signer, signedType = TIMESTAMP_INFO, messageDigest = hash(digestOf(signer.key), content, 'buffer') } = wishes;
  const bound = wishes.signingCertificate === undefined ? signingCertificateV2(signer) : wishes.signingCertificate;
  return [
    signedAttribute('1.2.840.113549.1.9.3', derOid(signedType)), signedAttribute('1.2.840.113549.1.9.4', derOctetString(messageDigest)),
    ...(bound === null ? [] : [bound]), ...(wishes.moreAttributes ?? []),
  ];
}

export function signedAttribute(oid: string, ...values: readonly Buffer[]): Buffer {
  return derSequence(derOid(oid), derSet(...values));
}

/** With an IssuerSerial, as openssl writes it. */
export function signingCertificateV2(signer: StampingIdentity, serial = signer.serial): Buffer {
  const issuerSerial = derSequence(derSequence(der(derContextTag(4, true), signer.issuer)), derInteger(serial));
  return signedAttribute('1.2.840.113549.1.9.16.2.47', derSequence(derSequence(derSequence(derOctetString(hash('sha256', signer.certificate, 'buffer')), issuerSerial))));
}

export function signingCertificateV1(signer: StampingIdentity): Buffer {
  return signedAttribute('1.2.840.113549.1.9.16.2.12', derSequence(derSequence(derSequence(derOctetString(hash('sha1', signer.certificate, 'buffer'))))));
}

function digestAlgorithm({ key }: StampingIdentity): Buffer {
  return derSequence(derOid(DIGEST_OID[digestOf(key)]), derNull());
}

function signatureOf({ signer: { key }, signature }: TokenWishes, attributes: Buffer): { algorithm: Buffer; value: Buffer } {
  if (typeof signature === 'object') return signature;
  if (signature === 'plain-rsa') return { algorithm: derSequence(derOid('1.2.840.113549.1.1.1'), derNull()), value: signedWith(attributes, key) };
  if (signature === undefined) return { algorithm: signatureAlgorithm(key), value: signedWith(attributes, key) };
  return { algorithm: pssAlgorithm(), value: sign('sha256', attributes, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }) };
}

/** AlgorithmIdentifier of RSASSA-PSS; the mask with another hash if one is given. */
export function pssAlgorithm(maskDigest: keyof typeof DIGEST_OID = 'sha256'): Buffer {
  const parameters = derSequence(
    explicit(derSequence(derOid(DIGEST_OID.sha256), derNull())),
    der(derContextTag(1, true), derSequence(derOid('1.2.840.113549.1.1.8'), derSequence(derOid(DIGEST_OID[maskDigest]), derNull()))),
    der(derContextTag(2, true), derInteger(32)),
  );
  return derSequence(derOid('1.2.840.113549.1.1.10'), parameters);
}

function explicit(content: Buffer): Buffer {
  return der(derContextTag(0, true), content);
}
