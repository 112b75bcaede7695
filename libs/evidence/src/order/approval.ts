// SPDX-License-Identifier: Apache-2.0
// A custodian's signature under an order. What is signed names the order by its hash and carries the certificate.
import { X509Certificate, hash, sign, verify, type KeyObject } from 'node:crypto';
import { Refused } from '@strongroom/bytes';
import { decodeLines, encodeLines, type Fields } from '../lines.ts';

export interface Approval {
  /** HASH of the order's text. */
  readonly order: Buffer;
  /** SPIFFE ID. */
  readonly custodian: string;
  /** By the clock of who approved. */
  readonly time: bigint;
  /** DER. */
  readonly certificate: Buffer;
  /** ECDSA P-256 with SHA-256 over the lines above it, DER. */
  readonly signature: Buffer;
}

const TITLE = 'strongroom approval v1';
const SIGNED = { order: 'hash', custodian: 'word', time: 'time', certificate: 'base64' } as const satisfies Fields;
const FIELDS = { ...SIGNED, signature: 'base64' } as const satisfies Fields;
const CUSTODIAN = /^spiffe:\/\/([a-z0-9.-]{1,63})\/custodian\/([A-Za-z0-9._-]{1,128})$/;

/** Who signed, as the certificate says. */
export interface Custodian {
  readonly id: string;
  readonly deployment: string;
  readonly name: string;
  /** SHA-256 of the SubjectPublicKeyInfo, hexadecimal. */
  readonly keyHash: string;
}

export function orderHash(order: string): Buffer {
  return hash('sha256', order, 'buffer');
}

/** Signs an order. Throws `Refused`: `approval.custodian`, `approval.key`. */
export function approve(order: string, certificate: X509Certificate, key: KeyObject, time: bigint): Approval {
  const { id } = custodianOf(certificate);
  if (!certificate.checkPrivateKey(key)) throw new Refused('approval.key', 'the private key is not that of the certificate', { fix: 'give the directory that "strongroom enrol" wrote' });
  const approval = { order: orderHash(order), custodian: id, time, certificate: certificate.raw };
  return { ...approval, signature: sign('sha256', Buffer.from(signedText(approval)), key) };
}

function signedText(approval: Omit<Approval, 'signature'>): string {
  return encodeLines(TITLE, SIGNED, approval as unknown as Record<string, unknown>, 'approval.malformed');
}

export function encodeApproval(approval: Approval): string {
  return encodeLines(TITLE, FIELDS, approval as unknown as Record<string, unknown>, 'approval.malformed');
}

/** Throws `Refused('approval.malformed')`. */
export function decodeApproval(text: string): Approval {
  return decodeLines(text, TITLE, FIELDS, malformed) as unknown as Approval;
}

function malformed(why: string): Refused {
  return new Refused('approval.malformed', 'this is no approval', { why, fix: 'take the file as "strongroom approve" wrote it' });
}

/**
 * Who approved, once all holds that can be told without a registry: the certificate is of this authority, valid at the
 * time of the approval, a custodian's with a P-256 key, and its key signed. Throws `Refused`: `approval.order`,
 * `approval.certificate`, `approval.custodian`, `approval.signature`.
 */
export function checkApproval(approval: Approval, order: string, authority: X509Certificate): Custodian {
  if (!approval.order.equals(orderHash(order))) throw new Refused('approval.order', 'the approval is of another order');
  const certificate = readCertificate(approval.certificate);
  if (!certificate.checkIssued(authority) || !certificate.verify(authority.publicKey)) {
    throw new Refused('approval.certificate', `the certificate of ${approval.custodian} is not of the order's authority`);
  }
  const at = Number(approval.time / 1_000_000n);
  if (at < certificate.validFromDate.getTime() || at > certificate.validToDate.getTime()) {
    throw new Refused('approval.certificate', `the certificate of ${approval.custodian} was not valid when it signed`, { why: `it is valid from ${certificate.validFrom} to ${certificate.validTo}` });
  }
  const custodian = custodianOf(certificate);
  if (custodian.id !== approval.custodian) throw new Refused('approval.custodian', `the approval of ${approval.custodian} shows the certificate of ${custodian.id}`);
  if (!verify('sha256', Buffer.from(signedText(approval)), certificate.publicKey, approval.signature)) {
    throw new Refused('approval.signature', `the signature of ${custodian.id} does not hold`);
  }
  return custodian;
}

function readCertificate(der: Buffer): X509Certificate {
  try {
    const certificate = new X509Certificate(der);
    if (certificate.raw.equals(der)) return certificate;
  } catch {
    // Told below.
  }
  throw new Refused('approval.certificate', 'an approval carries no certificate');
}

/** Throws `Refused('approval.custodian')` for a certificate of anybody else, or with a key that is not P-256. */
export function custodianOf(certificate: X509Certificate): Custodian {
  const [, deployment, name] = CUSTODIAN.exec((certificate.subjectAltName ?? '').replace(/^URI:/, '')) ?? [];
  if (deployment === undefined || name === undefined || certificate.ca) {
    throw new Refused('approval.custodian', 'the certificate is no custodian\'s', {
      why: `its name is ${(certificate.subjectAltName ?? 'none').slice(0, 200)}`, fix: 'have one made: strongroom enrol NAME --role custodian --out DIR',
    });
  }
  if (certificate.publicKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1') throw new Refused('approval.custodian', `the key of ${name} is not ECDSA P-256`);
  const keyHash = hash('sha256', certificate.publicKey.export({ type: 'spki', format: 'der' }), 'hex');
  return { id: `spiffe://${deployment}/custodian/${name}`, deployment, name, keyHash };
}
