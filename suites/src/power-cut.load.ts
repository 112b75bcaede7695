// SPDX-License-Identifier: Apache-2.0
// What both sides of the power cut know: the load, and the marks by which the guest says what was acknowledged.
import { createHash } from 'node:crypto';

export const MARK_BYTES = 4096;
const MAGIC = Buffer.from('strongroom mark\n');

/** Both machines find the same keys by it. */
export const SECRET: Buffer = createHash('sha256').update('power cut').digest();
/** Small segments, so that a short run closes some. */
export const VAULT = { segmentMaxBytes: 1_048_576, reserveBytes: 1_048_576, minFreeBytes: 0, heartbeatSeconds: 1 };

/** All texts below `acked` were acknowledged. */
export function encodeMark(acked: number): Buffer {
  const mark = Buffer.alloc(MARK_BYTES);
  MAGIC.copy(mark);
  mark.writeUInt32BE(acked, MAGIC.length);
  return mark;
}

/** Null for what is no mark. */
export function decodeMark(bytes: Buffer): number | null {
  return bytes.subarray(0, MAGIC.length).equals(MAGIC) ? bytes.readUInt32BE(MAGIC.length) : null;
}

/** Text `i` of the load; zstd makes little of it, so that segments fill. */
export function textOf(i: number): string {
  return `${i} ${createHash('shake256', { outputLength: 100 + (i * 397) % 9000 }).update(String(i)).digest('base64')}`;
}
