// SPDX-License-Identifier: Apache-2.0
// From admitted runs to batches: plain form, record root, frame, manifest.
import { SEED_BYTES, batchRoot, batchSize, encodeBatch, type BatchEntry } from '@strongroom/evidence';
import type { AdmittedRun } from '../intake/admission.ts';
import type { SegmentWriter } from './segment-writer.ts';
import type { World } from '../world.ts';

/** One batch stays near this: large enough for zstd and for few entries, small enough to prove and search cheaply. */
const BATCH_BYTES = 4 * 1024 * 1024;
const BATCH_RECORDS = 65_536;
/** Of a run in a batch, beside context, lengths and data. */
const RUN_BYTES = 20;

export interface SealedBatch {
  readonly entry: BatchEntry;
  /** The frame, in parts. */
  readonly frame: readonly Buffer[];
  readonly runs: readonly AdmittedRun[];
}

/** Cuts runs into batches, in order. A run is never split: services keep it below 512 KiB. */
export function* batchesOf(runs: Iterable<AdmittedRun>): Generator<AdmittedRun[]> {
  let batch: AdmittedRun[] = [];
  let [bytes, records] = [0, 0];
  for (const run of runs) {
    batch.push(run);
    bytes += RUN_BYTES + run.context.length + run.lengths.length + run.data.length;
    records += run.count;
    if (bytes < BATCH_BYTES && records < BATCH_RECORDS) continue;
    yield batch;
    batch = [];
    [bytes, records] = [0, 0];
  }
  if (batch.length > 0) yield batch;
}

export function sealBatch(random: World['random'], segment: SegmentWriter, runs: readonly AdmittedRun[]): SealedBatch {
  const seed = random(SEED_BYTES);
  const root = batchRoot(seed, runs);
  const { frame, index, offset, length, digest } = segment.seal(encodeBatch(seed, runs, scratch(batchSize(runs))));
  const entry: BatchEntry = {
    kind: 'batch', ...sums(runs), root, segment: segment.name, header: segment.headerDigest,
    frame: index, offset, length, digest, key: segment.keyId,
  };
  return { entry, frame, runs };
}

let held = Buffer.alloc(0);

/** Memory for one batch's plain form, which is not needed any more once it is encrypted: used again for the next. */
function scratch(size: number): Buffer {
  if (held.length < size) held = Buffer.allocUnsafeSlow(Math.max(size, BATCH_BYTES + BATCH_BYTES / 4));
  return held.subarray(0, size);
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
