// SPDX-License-Identifier: Apache-2.0
// The records of an opened batch that answer a query. The whole batch is searched at once, and only what lies where
// something was found becomes a record: looking at each record alone costs several times as much as decrypting it.
import { isAscii } from 'node:buffer';
import { decodeBatch, decodeContext, recordsOf, type BatchRecord, type BatchRun, type Context } from '@strongroom/evidence';
import type { Matcher } from './query.ts';

export interface Match {
  readonly record: BatchRecord;
  readonly context: Context;
}

/** In order. `plain` is what the batch's frame decrypts to. Throws what `decodeBatch` does. */
export function* matching(plain: Buffer, query: Matcher): Generator<Match> {
  if (query.contextPart !== null && !plain.includes(query.contextPart)) return;
  const next = query.needle?.within(plain) ?? null;
  const places = next === null ? null : new Places(next);
  if (places?.from(0) === -1) return;
  let first = 0;
  for (const run of decodeBatch(plain).runs) {
    const begin = run.data.byteOffset - plain.byteOffset;
    const isCandidate = places === null || within(places.from(begin), begin + run.data.length);
    if (isCandidate && (query.contextPart === null || run.context.includes(query.contextPart))) {
      const context = decodeContext(run.context);
      if (query.context(context)) for (const record of inRun(run, begin, places, query)) yield { record: { ...record, index: first + record.index }, context };
    }
    first += run.count;
  }
}

/** Places from left to right, each looked for once. */
class Places {
  readonly #next: (from: number) => number;
  #place = -2;

  constructor(next: (from: number) => number) {
    this.#next = next;
  }

  /** The first place from `at` on, -1 when there is none. `at` never falls. */
  from(at: number): number {
    if (this.#place !== -1 && this.#place < at) this.#place = this.#next(at);
    return this.#place;
  }
}

function within(place: number, end: number): boolean {
  return place !== -1 && place < end;
}

function inRun(run: BatchRun, begin: number, places: Places | null, query: Matcher): Iterable<BatchRecord> {
  if (places !== null) return atPlaces(run, begin, places, query);
  return query.text === null ? recordsWhere(run, query.record) : recordsByText(run, query.text);
}

/** Of each place the record that holds all of it. */
function* atPlaces(run: BatchRun, begin: number, places: Places, query: Matcher): Generator<BatchRecord> {
  const { length } = query.needle!;
  let at = begin;
  for (let index = 0; index < run.count; index += 1) {
    const end = at + run.lengths.readUInt32BE(index * 4);
    const place = places.from(at);
    if (!within(place, begin + run.data.length)) return;
    // What reaches beyond this record belongs to two, and so does every later place that begins in it.
    if (place + length <= end) {
      const record = { index, context: run.context, sequence: run.firstSequence + index, raw: run.data.subarray(at - begin, end - begin) };
      if (query.record(record)) yield record;
    }
    at = end;
  }
}

function* recordsWhere(run: BatchRun, wanted: (record: BatchRecord) => boolean): Generator<BatchRecord> {
  for (const record of recordsOf([run])) if (wanted(record)) yield record;
}

/** One string for all records of a run, of which each takes its part. */
function* recordsByText(run: BatchRun, wanted: (text: string) => boolean): Generator<BatchRecord> {
  if (!isAscii(run.data)) return yield* recordsWhere(run, ({ raw }) => wanted(raw.toString('utf8')));
  const text = run.data.toString('latin1');
  let at = 0;
  for (let index = 0; index < run.count; index += 1) {
    const end = at + run.lengths.readUInt32BE(index * 4);
    if (wanted(text.slice(at, end))) yield { index, context: run.context, sequence: run.firstSequence + index, raw: run.data.subarray(at, end) };
    at = end;
  }
}
