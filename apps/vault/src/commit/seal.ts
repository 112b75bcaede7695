// SPDX-License-Identifier: Apache-2.0
// From admitted runs to batches: plain form, record root, frame, manifest.
import { SEED_BYTES, batchRoot, batchSize, encodeBatch, packFrame, type BatchEntry, type PackedFrame } from '@strongroom/evidence';
import type { AdmittedRun } from '../intake/admission.ts';
import type { SegmentWriter } from './segment-writer.ts';
import type { World } from '../world.ts';

/** One batch stays near this: large enough for zstd and for few entries, small enough to prove and search cheaply. */
const BATCH_BYTES = 4 * 1024 * 1024;
const BATCH_RECORDS = 65_536;
/** Memory for small plain forms is kept from the first one on. */
const SMALL_BYTES = 256 * 1024;
/** Of a run in a batch, beside context, lengths and data. */
const RUN_BYTES = 20;

export interface SealedBatch {
  readonly entry: BatchEntry;
  /** The frame, in parts. */
  readonly frame: readonly Buffer[];
  readonly runs: readonly AdmittedRun[];
}

/** Cuts runs into batches, in order. A run is never split: services keep it below 512 KiB. */
export function* batchesOf(runs: Iterable<AdmittedRun>, bytesMax: number = BATCH_BYTES): Generator<AdmittedRun[]> {
  let batch: AdmittedRun[] = [];
  let [bytes, records] = [0, 0];
  for (const run of runs) {
    batch.push(run);
    bytes += RUN_BYTES + run.context.length + run.lengths.length + run.data.length;
    records += run.count;
    if (bytes < bytesMax && records < BATCH_RECORDS) continue;
    yield batch;
    batch = [];
    [bytes, records] = [0, 0];
  }
  if (batch.length > 0) yield batch;
}

/** A batch that lacks only its place in a segment. */
export interface PreparedBatch {
  readonly runs: readonly AdmittedRun[];
  readonly root: Buffer;
  readonly packed: PackedFrame;
}

/** As many are compressed at a time as there is memory for; each in a thread, while the records of the next are hashed here. */
export async function prepareBatches(world: Pick<World, 'random' | 'aside'>, runs: Iterable<AdmittedRun>, bytesMax?: number): Promise<PreparedBatch[]> {
  const batches: Promise<PreparedBatch>[] = [];
  for (const batch of batchesOf(runs, bytesMax)) {
    await batches[batches.length - held.length];
    const preparing = prepareBatch(world, batch, batches.length % held.length);
    preparing.catch(() => undefined); // it is awaited, perhaps after others
    batches.push(preparing);
  }
  return Promise.all(batches);
}

async function prepareBatch({ random, aside }: Pick<World, 'random' | 'aside'>, runs: readonly AdmittedRun[], place: number): Promise<PreparedBatch> {
  const [seed, size] = [random(SEED_BYTES), batchSize(runs)];
  const plain = encodeBatch(seed, runs, scratch(place, size));
  if (size < aside.fromBytes) return { runs, root: batchRoot(seed, runs), packed: copied(packFrame(plain)) };
  const packing = aside.pack(plain);
  const root = batchRoot(seed, runs);
  return { runs, root, packed: await packing };
}

/** What is not compressed lies in memory that is used again. */
function copied(packed: PackedFrame): PackedFrame {
  return packed.compressed ? packed : { ...packed, body: Buffer.from(packed.body) };
}

/** Gives it the next place. Nothing is awaited between the first of a cycle and the last: all of them are sealed, or none. */
export function sealBatch(segment: SegmentWriter, { runs, root, packed }: PreparedBatch): SealedBatch {
  const { frame, index, offset, length, digest } = segment.seal(packed);
  const entry: BatchEntry = {
    kind: 'batch', ...sums(runs), root, segment: segment.name, header: segment.headerDigest,
    frame: index, offset, length, digest, key: segment.keyId,
  };
  return { entry, frame, runs };
}

/** Memory for the plain forms of two batches, which are not needed any more once they are compressed: used by turns. */
const held = [Buffer.alloc(0), Buffer.alloc(0)];

function scratch(place: number, size: number): Buffer {
  if (held[place]!.length < size) held[place] = Buffer.allocUnsafeSlow(size < SMALL_BYTES ? SMALL_BYTES : Math.max(size, BATCH_BYTES + BATCH_BYTES / 4));
  return held[place]!.subarray(0, size);
}

function sums(runs: readonly AdmittedRun[]): Pick<BatchEntry, 'records' | 'bytes' | 'from' | 'to'> {
  let [records, bytes, from, to] = [0, 0, runs[0]!.receivedAt, runs[0]!.receivedAt];
  for (const run of runs) {
    records += run.count;
    bytes += run.data.length;
    if (run.receivedAt < from) from = run.receivedAt;
    if (run.receivedAt > to) to = run.receivedAt;
  }
  return { records, bytes, from, to };
}
