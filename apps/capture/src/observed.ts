// SPDX-License-Identifier: Apache-2.0
// One record as it was observed, whole or cut.
import { hash } from 'node:crypto';

/** What is known of a record that was longer than the limit. */
export interface Cut {
  readonly fullLength: bigint;
  /** SHA-256 of all its octets. */
  readonly fullHash: Buffer;
}

export interface Observed {
  /** The record's octets, untouched; of a cut one the beginning. */
  readonly raw: Buffer;
  readonly cut?: Cut;
}

/** A record of which all octets are at hand: cut only if they are more than `limit`. */
export function observe(octets: Buffer, limit: number): Observed {
  if (octets.length <= limit) return { raw: octets };
  return { raw: octets.subarray(0, limit), cut: { fullLength: BigInt(octets.length), fullHash: hash('sha256', octets, 'buffer') } };
}
