// SPDX-License-Identifier: Apache-2.0
// A deployment's authority and two custodians who always sign the same octets: keys follow from their names, and a nonce
// from what is signed (as in RFC 6979), so that a simulated life can be lived again. The certificates are fixed.
import { X509Certificate, createECDH, createHmac, hash } from 'node:crypto';
import { derInteger, derSequence } from '@strongroom/bytes';
import { encodeApproval, orderHash, type Approval } from '@strongroom/evidence';
import type { Enrolment, Registry } from '@strongroom/service';
import { AUTHORITY, CUSTODIANS } from './custodians.table.ts';

/** Of P-256. */
const ORDER = 0xffff_ffff_0000_0000_ffff_ffff_ffff_ffff_bce6_faad_a717_9e84_f3b9_cac2_fc63_2551n;

export type CustodianName = keyof typeof CUSTODIANS;

export const CUSTODIAN_NAMES = Object.keys(CUSTODIANS) as readonly CustodianName[];

/** The certificate (DER) of the deployment's CA. */
export const SIMULATED_AUTHORITY: Buffer = Buffer.from(AUTHORITY, 'base64');

export const SIMULATED_REGISTRY: Registry = {
  sources: {}, readers: {}, custodians: Object.fromEntries(CUSTODIAN_NAMES.map((name) => [name, enrolmentOf(name)])),
};

function enrolmentOf(name: CustodianName): Enrolment {
  const certificate = new X509Certificate(Buffer.from(CUSTODIANS[name], 'base64'));
  return {
    id: certificate.subjectAltName!.slice('URI:'.length), keyHash: hash('sha256', certificate.publicKey.export({ type: 'spki', format: 'der' }), 'hex'),
    serial: '1', enrolledAt: certificate.validFromDate.toISOString(), notAfter: certificate.validToDate.toISOString(), revokedAt: null,
  };
}

/** The approval of an order's text, as "strongroom approve" writes it. */
export function simulatedApproval(orderText: string, name: CustodianName, time: bigint): string {
  const unsigned = { order: orderHash(orderText), custodian: SIMULATED_REGISTRY.custodians[name]!.id, time, certificate: Buffer.from(CUSTODIANS[name], 'base64') };
  const text = encodeApproval({ ...unsigned, signature: Buffer.alloc(8) });
  const signed = Buffer.from(text.slice(0, text.lastIndexOf('signature ')));
  const approval: Approval = { ...unsigned, signature: derSignature(simulatedEcdsa(`custodian ${name}`, signed)) };
  return encodeApproval(approval);
}

/** The private key of a name. */
export function simulatedPrivateKey(name: string): Buffer {
  return hash('sha256', `strongroom simulated ${name}`, 'buffer');
}

/** ECDSA P-256 with SHA-256, `r ‖ s`, the same each time. Not for keys of anything real. */
export function simulatedEcdsa(name: string, message: Buffer): Buffer {
  const secret = simulatedPrivateKey(name);
  const digest = hash('sha256', message, 'buffer');
  const nonce = createHmac('sha256', secret).update(digest).digest();
  const curve = createECDH('prime256v1');
  curve.setPrivateKey(nonce);
  const r = numberOf(curve.getPublicKey().subarray(1, 33)) % ORDER;
  const s = (inverse(numberOf(nonce)) * ((numberOf(digest) + r * numberOf(secret)) % ORDER)) % ORDER;
  return Buffer.concat([octetsOf(r), octetsOf(s)]);
}

function derSignature(raw: Buffer): Buffer {
  return derSequence(derInteger(raw.subarray(0, 32)), derInteger(raw.subarray(32)));
}

function numberOf(octets: Buffer): bigint {
  return BigInt(`0x${octets.toString('hex')}`);
}

function octetsOf(number: bigint): Buffer {
  return Buffer.from(number.toString(16).padStart(64, '0'), 'hex');
}

/** By the extended Euclidean algorithm. */
function inverse(of: bigint): bigint {
  let [a, b, x, y] = [of % ORDER, ORDER, 1n, 0n];
  while (a > 1n) {
    const quotient = a / b;
    [a, b] = [b, a - quotient * b];
    [x, y] = [y, x - quotient * y];
  }
  return x < 0n ? x + ORDER : x;
}
