// SPDX-License-Identifier: Apache-2.0
// With data keys: what is sealed in the frames is what the log's manifests say of it.
import { Refused } from '@strongroom/bytes';
import { batchRoot, decodeBatch, type BatchRun } from '../batch.ts';
import type { BatchEntry } from '../entry.ts';
import { withoutBulkHasher } from '../hasher.ts';
import { KIND, decodeContext, type Context } from '../receipt.ts';
import { keyCommitment, openFrame } from '../segment.ts';
import { xaesKey, type XaesKey } from '../xaes.ts';
import type { CheckedHeader } from './segment-header.ts';
import { Streams } from './streams.ts';
import { reason, type Findings } from './verdict.ts';

/** The data key of a segment, or null when there is none (destroyed, or not the caller's to have). */
export type DataKeys = (segment: string) => Buffer | null;

/** Whether the batch at an entry is hashed without what this process may have been given to hash faster (hasher.ts). */
export type Independent = (index: number) => boolean;

export class Contents {
  readonly #dataKeys: DataKeys | undefined;
  readonly #independent: Independent;
  readonly #findings: Findings;
  readonly #streams: Streams;
  readonly #keys = new Map<string, XaesKey | null>();
  #without = 0;

  constructor(dataKeys: DataKeys | undefined, independent: Independent, findings: Findings) {
    this.#dataKeys = dataKeys;
    this.#independent = independent;
    this.#findings = findings;
    this.#streams = new Streams(findings);
  }

  /** Opens a frame whose digest is right, and holds it against its manifest. */
  batch(entry: BatchEntry, index: number, header: CheckedHeader, frame: Buffer): void {
    const key = this.#key(header);
    if (key === null) return;
    const where = `log entry ${index}`;
    try {
      const plain = openFrame(key, entry.header, frame);
      this.#judge(plain, entry, index, where);
    } catch (error) {
      const sealed = error instanceof Refused && error.code === 'xaes.tag';
      this.#findings.fail(sealed ? 'batch.sealed' : 'batch.contents', where, reason(error));
    }
  }

  #judge(plain: Buffer, entry: BatchEntry, index: number, where: string): void {
    const { seed, runs } = decodeBatch(plain);
    const contexts = runs.map((run) => decodeContext(run.context));
    for (const fault of faults(entry, runs, contexts)) this.#findings.fail('batch.contents', where, fault);
    const root = this.#independent(index) ? withoutBulkHasher(() => batchRoot(seed, runs)) : batchRoot(seed, runs);
    if (!root.equals(entry.root)) this.#findings.fail('batch.contents', where, 'the records have another root than the log says');
    runs.forEach((run, i) => this.#streams.run(contexts[i]!, run.firstSequence, run.count, run.data, where));
  }

  /** What is wrong with the plain bytes of a final frame, or null. */
  finalFault(header: CheckedHeader, headerDigest: Buffer, frame: Buffer): string | null {
    const key = this.#key(header);
    if (key === null) return null;
    try {
      return openFrame(key, headerDigest, frame).length === 0 ? null : 'the final frame is not empty';
    } catch (error) {
      return reason(error);
    }
  }

  /** A batch is not there. */
  missed(): void {
    this.#streams.beginAnew();
  }

  /** The segment's key is not needed any more. */
  forget(segment: string): void {
    this.#keys.delete(segment);
  }

  #key(header: CheckedHeader): XaesKey | null {
    const held = this.#keys.get(header.id);
    if (held !== undefined) return held;
    const key = this.#fetch(header);
    this.#keys.set(header.id, key);
    if (key === null) this.#without += 1;
    return key;
  }

  #fetch({ id, commitment }: CheckedHeader): XaesKey | null {
    try {
      const dataKey = this.#dataKeys?.(id) ?? null;
      if (dataKey === null) return null;
      if (dataKey.length === 32 && keyCommitment(dataKey, id).equals(commitment)) return xaesKey(dataKey);
      this.#findings.fail('segment.key', `segments/${id}.seg`, 'the data key is not the one that the segment commits to');
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.#findings.fail('segment.key', `segments/${id}.seg`, reason(error));
    }
    return null;
  }

  /** `checked`, or why not. */
  end(): string {
    this.#streams.end();
    if (this.#dataKeys === undefined) return 'not checked: no data keys were given';
    return this.#without === 0 ? 'checked' : `not checked: there is no data key for ${this.#without} segments, the others are checked`;
  }
}

function* faults(entry: BatchEntry, runs: readonly BatchRun[], contexts: readonly Context[]): Generator<string> {
  const records = runs.reduce((sum, run) => sum + run.count, 0);
  const bytes = runs.reduce((sum, run) => sum + run.data.length, 0);
  if (records !== entry.records) yield `it holds ${records} records, the log says ${entry.records}`;
  if (bytes !== entry.bytes) yield `its records have ${bytes} octets, the log says ${entry.bytes}`;
  const times = contexts.map((context) => context.receivedAt);
  const [from, to] = [times.reduce((a, b) => (a < b ? a : b), times[0] ?? 0n), times.reduce((a, b) => (a > b ? a : b), 0n)];
  if (from !== entry.from || to !== entry.to) yield `it was received from ${from} to ${to}, the log says from ${entry.from} to ${entry.to}`;
  if (contexts.some((context, i) => context.kind === KIND.cut && runs[i]!.count !== 1)) yield 'a run of a cut record has more than that one';
}
