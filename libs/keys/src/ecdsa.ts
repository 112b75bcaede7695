// SPDX-License-Identifier: Apache-2.0
import { derInteger, derSequence, invariant } from '@strongroom/bytes';

/**
 * ECDSA P-256 with SHA-256 by whoever holds the key: takes the message, returns `r ‖ s`, 64 octets (what PKCS#11's
 * CKM_ECDSA gives, and node:crypto with `dsaEncoding: 'ieee-p1363'`).
 */
export type SignEcdsa = (message: Buffer) => Promise<Buffer> | Buffer;

/** Signs a message and returns the signature as X.509 wants it: SEQUENCE { r INTEGER, s INTEGER } (RFC 3279 section 2.2.3). */
export async function ecdsaSignature(message: Buffer, sign: SignEcdsa): Promise<Buffer> {
  const raw = await sign(message);
  invariant(raw.length === 64, 'keys.signature-length', `an ECDSA P-256 signature has ${raw.length} octets, 64 are expected`);
  return derSequence(derInteger(raw.subarray(0, 32)), derInteger(raw.subarray(32)));
}
