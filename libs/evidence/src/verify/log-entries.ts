// SPDX-License-Identifier: Apache-2.0
// Entries as the log's tree vouches for them.
import { HASH_BYTES } from '../merkle.ts';

export interface EntryVisitor {
  /** An entry whose hash is in the tree. */
  entry(index: number, bytes: Buffer): void;
  /** Entries that the store has no longer, or not as they were. */
  lost(index: number, count: number): void;
}

/** Hands on the entries of a bundle whose hashes are those of the tree. */
export function visitEntries(first: number, width: number, entries: Buffer[] | null, hashes: Buffer | null, leaves: Buffer | null, visit: EntryVisitor): void {
  if (entries === null || hashes === null || leaves === null) return visit.lost(first, width);
  entries.forEach((entry, i) => {
    const at = i * HASH_BYTES;
    if (hashes.compare(leaves, at, at + HASH_BYTES, at, at + HASH_BYTES) === 0) visit.entry(first + i, entry);
    else visit.lost(first + i, 1);
  });
}

/** The first hash in which two tiles of one width differ. */
export function firstDifference(a: Buffer, b: Buffer): number {
  let at = 0;
  while (a.compare(b, at, at + HASH_BYTES, at, at + HASH_BYTES) === 0) at += HASH_BYTES;
  return at / HASH_BYTES;
}
