// SPDX-License-Identifier: Apache-2.0
// A minute of readings, put together: least, mean, most and last of each.
import type { Reading } from '../profiles/profile.ts';
import { placeFields } from './places.ts';

/** So many in one record; the rest in further ones. */
const READINGS_MAX = 256;
export const MINUTE_MS = 60_000;

interface Sum {
  reading: Reading;
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
    const value = reading.value ?? 0;
    const sum = this.#sums.get(reading.oid);
    if (sum === undefined) {
      this.#sums.set(reading.oid, { reading, least: value, most: value, sum: value, count: 1, grown });
      return;
    }
    sum.reading = reading;
    sum.least = Math.min(sum.least, value);
    sum.most = Math.max(sum.most, value);
    sum.sum += value;
    sum.count += 1;
    if (grown !== undefined) sum.grown = grown === null || sum.grown === null ? null : (sum.grown ?? 0) + grown;
  }
}

function asFields({ reading, least, most, sum, count, grown }: Sum): Record<string, unknown> {
  const { value, state } = reading;
  const numbers = value === null ? {} : { min: least, mean: Number((sum / count).toPrecision(9)), max: most, last: value };
  return { ...placeFields(reading), ...numbers, ...(grown === undefined ? {} : { grown }), state };
}
