// SPDX-License-Identifier: Apache-2.0
// A batch's plain form and the hashes over its records, docs/FORMAT.md sections 1 and 2. The hot path of sealing.
import { createCipheriv, hash } from 'node:crypto';
import { ByteReader, Refused, invariant } from '@strongroom/bytes';
import { contextDigest } from './receipt.ts';
import { bulkHasher } from './hasher.ts';
import { HASH_BYTES, rootOf } from './merkle.ts';
import { LANE_RECORD_MAX, hashLeaves } from './sha256-lanes.ts';

const MAGIC = Buffer.from('SRB1');
export const SEED_BYTES = 32;
export const SALT_BYTES = 16;
/** A leaf's input before the record's bytes: 0x00, salt, context digest, sequence. */
const LEAF_PREFIX = 1 + SALT_BYTES + HASH_BYTES + 8;
/** Fewer are not worth the way into WebAssembly's memory. */
const LANES_FROM = 16;
const RUN_FIXED = 4 + 8 + 4 + 4;

/** A run with its context encoded; `lengths` are u32 each, big-endian, as in the batch. */
export interface BatchRun {
  readonly context: Buffer;
  readonly firstSequence: number;
  readonly count: number;
  readonly lengths: Buffer;
  readonly data: Buffer;
}

/** One record of a batch: views into the batch's plain bytes. */
export interface BatchRecord {
  readonly index: number;
  readonly context: Buffer;
  readonly sequence: number;
  readonly raw: Buffer;
}

/** Octets of the plain form. */
export function batchSize(runs: readonly BatchRun[]): number {
  return runs.reduce((sum, run) => sum + RUN_FIXED + run.context.length + run.lengths.length + run.data.length, 40);
}

/** The plain form; into `plain` when that is given, which must have exactly {@link batchSize} octets. */
export function encodeBatch(seed: Buffer, runs: readonly BatchRun[], plain: Buffer = Buffer.allocUnsafe(batchSize(runs))): Buffer {
  invariant(seed.length === SEED_BYTES, 'batch.seed', 'a seed has 32 octets');
  MAGIC.copy(plain, 0);
  seed.copy(plain, 4);
  let at = plain.writeUInt32BE(runs.length, 36);
  for (const run of runs) {
    at = plain.writeUInt32BE(run.context.length, at);
    at += run.context.copy(plain, at);
    at = plain.writeBigUInt64BE(BigInt(run.firstSequence), at);
    at = plain.writeUInt32BE(run.count, at);
    at = plain.writeUInt32BE(run.data.length, at);
    at += run.lengths.copy(plain, at);
    at += run.data.copy(plain, at);
  }
  invariant(at === plain.length, 'batch.size', 'a batch has the size that was planned for it');
  return plain;
}

/** Views into `plain`. Throws `Refused`: `batch.version`, `batch.run` when lengths and data disagree, `bytes.*`. */
export function decodeBatch(plain: Buffer): { seed: Buffer; runs: BatchRun[] } {
  const from = new ByteReader(plain);
  if (!from.take(4).equals(MAGIC)) throw new Refused('batch.version', 'this is no batch of version 1');
  const seed = from.take(SEED_BYTES);
  const runs: BatchRun[] = [];
  for (let left = from.u32(); left > 0; left -= 1) {
    const context = from.take(from.u32());
    const firstSequence = from.size();
    const count = from.u32();
    const dataLength = from.u32();
    const lengths = from.take(count * 4);
    if (sumOf(lengths) !== dataLength) throw new Refused('batch.run', 'the lengths of a run do not add up to its data');
    runs.push({ context, firstSequence, count, lengths, data: from.take(dataLength) });
  }
  from.end();
  return { seed, runs };
}

function sumOf(lengths: Buffer): number {
  let sum = 0;
  for (let at = 0; at < lengths.length; at += 4) sum += lengths.readUInt32BE(at);
  return sum;
}

/** The records of a decoded batch in order. */
export function* recordsOf(runs: readonly BatchRun[]): Generator<BatchRecord> {
  let index = 0;
  for (const run of runs) {
    let at = 0;
    for (let i = 0; i < run.count; i += 1) {
      const end = at + run.lengths.readUInt32BE(i * 4);
      yield { index, context: run.context, sequence: run.firstSequence + i, raw: run.data.subarray(at, end) };
      index += 1;
      at = end;
    }
  }
}

/** The salts of `count` records: the AES-256-CTR keystream under the seed. */
export function saltsOf(seed: Buffer, count: number): Buffer {
  const cipher = createCipheriv('aes-256-ctr', seed, zeros.subarray(0, 16));
  const size = count * SALT_BYTES;
  if (zeros.length < size) zeros = Buffer.alloc(size);
  return cipher.update(zeros.subarray(0, size));
}

let zeros = Buffer.alloc(65_536 * SALT_BYTES);

/** The leaf of one record, for a proof. */
export function recordLeaf(salt: Buffer, context: Buffer, sequence: number, raw: Buffer): Buffer {
  const input = Buffer.alloc(LEAF_PREFIX + raw.length);
  salt.copy(input, 1);
  contextDigest(context).copy(input, 1 + SALT_BYTES);
  input.writeBigUInt64BE(BigInt(sequence), LEAF_PREFIX - 8);
  raw.copy(input, LEAF_PREFIX);
  return hash('sha256', input, 'buffer');
}

let scratch = Buffer.alloc(LEAF_PREFIX + 65_536);

/** Leaf hashes of all records, laid end to end. One scratch buffer, no allocation for each record but its view. */
export function leavesOf(seed: Buffer, runs: readonly BatchRun[]): Buffer {
  const count = runs.reduce((sum, run) => sum + run.count, 0);
  const leaves = Buffer.allocUnsafe(count * HASH_BYTES);
  const salts = saltsOf(seed, count);
  let index = 0;
  for (const run of runs) {
    hashRun(run, salts, leaves, index);
    index += run.count;
  }
  return leaves;
}

function hashRun(run: BatchRun, salts: Buffer, leaves: Buffer, first: number): void {
  const { lengths, data, firstSequence: sequence, count } = run;
  const leafRun = { context: contextDigest(run.context), sequence, count, lengths, salts, saltAt: first * SALT_BYTES, data };
  const hasher = bulkHasher();
  if (hasher !== undefined) return hasher.leaves(leafRun, leaves, first * HASH_BYTES);
  const inLanes = laneCount(run);
  const start = inLanes === 0 ? 0 : hashLeaves({ ...leafRun, count: inLanes }, leaves, first * HASH_BYTES);
  hashAlone(run, leafRun.context, salts, leaves, first, inLanes, start);
}

/** The records of a run from `from` on, whose bytes begin at `at`. */
function hashAlone(run: BatchRun, context: Buffer, salts: Buffer, leaves: Buffer, first: number, from: number, at: number): void {
  let start = at;
  context.copy(scratch, 1 + SALT_BYTES);
  for (let i = from; i < run.count; i += 1) {
    const length = run.lengths.readUInt32BE(i * 4);
    const saltAt = (first + i) * SALT_BYTES;
    if (scratch.length < LEAF_PREFIX + length) grow(length);
    salts.copy(scratch, 1, saltAt, saltAt + SALT_BYTES);
    writeSequence(run.firstSequence + i);
    run.data.copy(scratch, LEAF_PREFIX, start, start + length);
    start += length;
    leaves.write(hash('sha256', scratch.subarray(0, LEAF_PREFIX + length), 'latin1'), (first + i) * HASH_BYTES, 'latin1');
  }
}

/** How many of a run's records are hashed four at a time: none when they are few or long, else all but up to three. */
function laneCount({ count, lengths, firstSequence }: BatchRun): number {
  if (count < LANES_FROM || (firstSequence % 0x1_0000_0000) + count > 0xffff_ffff) return 0;
  for (let at = 0; at < lengths.length; at += 4) if (lengths.readUInt32BE(at) > LANE_RECORD_MAX) return 0;
  return count - (count % 4);
}

/** Two u32 writes: a bigint for each record would cost as much as the copy. */
function writeSequence(sequence: number): void {
  scratch.writeUInt32BE(Math.floor(sequence / 0x1_0000_0000), LEAF_PREFIX - 8);
  scratch.writeUInt32BE(sequence % 0x1_0000_0000, LEAF_PREFIX - 4);
}

function grow(length: number): void {
  const larger = Buffer.alloc(LEAF_PREFIX + length * 2);
  scratch.copy(larger, 0, 0, LEAF_PREFIX);
  scratch = larger;
}

/** The RFC 6962 tree head over the records of a batch. */
export function batchRoot(seed: Buffer, runs: readonly BatchRun[]): Buffer {
  return rootOf(leavesOf(seed, runs));
}
