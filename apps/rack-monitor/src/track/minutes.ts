// SPDX-License-Identifier: Apache-2.0
// A minute of readings, put together: least, mean, most and last of each.
import type { Reading } from '../profiles/profile.ts';
import { placeFields } from './places.ts';

/** So many in one record; the rest in further ones. */
const READINGS_MAX = 256;
export const MINUTE_MS = 60_000;

interface Sum {
  reading: Reading;
  /** The last number; null: it had none, as a state has none, and a sensor that is away. */
  last: number | null;
  least: number;
  most: number;
  sum: number;
  count: number;
  /** Of a counter: by how much it grew; null: not known. */
  grown: number | null | undefined;
}

export interface MinutePart {
  readonly type: 'readings';
  readonly from: string;
  readonly to: string;
  readonly looks: number;
  readonly failed: number;
  readonly part: number;
  readonly parts: number;
  readonly readings: readonly Readonly<Record<string, unknown>>[];
}

export class Minutes {
  readonly #sums = new Map<string, Sum>();
  #looks = 0;
  #failed = 0;
  #fromMs: number | null = null;

  take(readings: readonly Reading[], nowMs: number, grown: ReadonlyMap<string, number | null> = new Map()): void {
    this.#fromMs ??= nowMs;
    this.#looks += 1;
    for (const reading of readings) this.#add(reading, grown.get(reading.oid));
  }

  failed(nowMs: number): void {
    this.#fromMs ??= nowMs;
    this.#failed += 1;
  }

  /** What gathered, once a minute is over; the first look's is told at once. */
  due(nowMs: number, now = false): MinutePart[] {
    if (this.#fromMs === null || (!now && nowMs - this.#fromMs < MINUTE_MS)) return [];
    const all = this.#sums.values().map(asFields).toArray();
    const parts = Math.max(1, Math.ceil(all.length / READINGS_MAX));
    const facts = { type: 'readings', from: new Date(this.#fromMs).toISOString(), to: new Date(nowMs).toISOString(), looks: this.#looks, failed: this.#failed, parts } as const;
    this.#sums.clear();
    [this.#looks, this.#failed, this.#fromMs] = [0, 0, null];
    return Array.from({ length: parts }, (_, part) => ({ ...facts, part, readings: all.slice(part * READINGS_MAX, (part + 1) * READINGS_MAX) }));
  }

  #add(reading: Reading, grown: number | null | undefined): void {
    let sum = this.#sums.get(reading.oid);
    if (sum === undefined) {
      sum = { reading, last: null, least: Infinity, most: -Infinity, sum: 0, count: 0, grown };
      this.#sums.set(reading.oid, sum);
      grown = undefined;
    }
    sum.reading = reading;
    if (reading.value !== null) count(sum, reading.value);
    if (grown !== undefined) sum.grown = grown === null || sum.grown === null ? null : (sum.grown ?? 0) + grown;
  }
}

function count(sum: Sum, value: number): void {
  sum.last = value;
  sum.least = Math.min(sum.least, value);
  sum.most = Math.max(sum.most, value);
  sum.sum += value;
  sum.count += 1;
}

function asFields({ reading, last, least, most, sum, count: counted, grown }: Sum): Record<string, unknown> {
  const numbers = last === null ? {} : { min: least, mean: Number((sum / counted).toPrecision(9)), max: most, last };
  return { ...placeFields(reading), ...numbers, ...(grown === undefined ? {} : { grown }), state: reading.state };
}
