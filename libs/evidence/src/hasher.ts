// SPDX-License-Identifier: Apache-2.0
// Who hashes leaves and inner nodes in bulk. WebAssembly does (sha256-lanes.ts) unless a process was given something faster;
// the native hash of Node is what either is held against.
import { hash } from 'node:crypto';
import { invariant } from '@strongroom/bytes';

/** Consecutive records of one run, docs/FORMAT.md section 1. */
export interface LeafRun {
  /** SHA-256 of the run's context. */
  readonly context: Buffer;
  /** Of the first of the records. */
  readonly sequence: number;
  readonly count: number;
  /** u32 each, big-endian. */
  readonly lengths: Buffer;
  /** 16 octets each, those of the first record at `saltAt`. */
  readonly salts: Buffer;
  readonly saltAt: number;
  readonly data: Buffer;
}

export interface BulkHasher {
  /** The leaf hashes of a run's records, of any length, into `to` from `at`. */
  leaves(run: LeafRun, to: Buffer, at: number): void;
  /** Replaces a level of hashes, laid end to end, by the nodes over its pairs. */
  nodes(level: Buffer, pairs: number): void;
}

let given: BulkHasher | undefined;

/** The one that this process was given, if any. */
export function bulkHasher(): BulkHasher | undefined {
  return given;
}

/** Hashes with it from here on; with WebAssembly again when it is undefined. Throws `Bug('hasher.differs')`. */
export function useBulkHasher(hasher: BulkHasher | undefined): void {
  if (hasher !== undefined) check(hasher);
  given = hasher;
}

/** Hashes within `work` as if none was given. */
export function withoutBulkHasher<T>(work: () => T): T {
  const before = given;
  given = undefined;
  try {
    return work();
  } finally {
    given = before;
  }
}

/** Every place where a block can end, at an odd number of records, before one hash of it is believed. */
const CHECKED_RECORDS = 191;

function check(hasher: BulkHasher): void {
  const run = sampleRun();
  const leaves = Buffer.alloc((CHECKED_RECORDS + 1) * 32);
  hasher.leaves(run, leaves, 32);
  const expected = Buffer.concat([Buffer.alloc(32), ...leavesByDefinition(run)]);
  invariant(leaves.equals(expected), 'hasher.differs', 'the bulk hasher of this machine does not compute SHA-256 of leaves');
  const level = Buffer.from(expected.subarray(32));
  const pairs = CHECKED_RECORDS >>> 1;
  const nodes = Array.from({ length: pairs }, (_, i) => hash('sha256', Buffer.concat([Buffer.of(1), level.subarray(i * 64, i * 64 + 64)]), 'buffer'));
  hasher.nodes(level, pairs);
  invariant(level.subarray(0, pairs * 32).equals(Buffer.concat(nodes)), 'hasher.differs', 'the bulk hasher of this machine does not compute SHA-256 of nodes');
}

function sampleRun(): LeafRun {
  const lengths = Buffer.alloc(CHECKED_RECORDS * 4);
  for (let i = 0; i < CHECKED_RECORDS; i += 1) lengths.writeUInt32BE(i, i * 4);
  const data = Buffer.from(Array.from({ length: (CHECKED_RECORDS * (CHECKED_RECORDS - 1)) / 2 }, (_, i) => (i * 167 + (i >>> 8)) & 0xff));
  const salts = Buffer.from(Array.from({ length: (CHECKED_RECORDS + 2) * 16 }, (_, i) => (i * 59) & 0xff));
  return { context: hash('sha256', 'context', 'buffer'), sequence: 2 ** 33 - 60, count: CHECKED_RECORDS, lengths, salts, saltAt: 32, data };
}

function leavesByDefinition({ context, sequence, count, lengths, salts, saltAt, data }: LeafRun): Buffer[] {
  let at = 0;
  return Array.from({ length: count }, (_, i) => {
    const number = Buffer.alloc(8);
    number.writeBigUInt64BE(BigInt(sequence + i));
    const record = data.subarray(at, (at += lengths.readUInt32BE(i * 4)));
    return hash('sha256', Buffer.concat([Buffer.of(0), salts.subarray(saltAt + i * 16, saltAt + i * 16 + 16), context, number, record]), 'buffer');
  });
}
