// SPDX-License-Identifier: Apache-2.0
// What is acknowledged and not yet witnessed: how old the oldest commit of it is, and how much it is.
import type { Totals } from '@strongroom/evidence';

/** So many commits are told apart; more are told in pairs, as old as the older and as large as the younger. */
const MARKS_MAX = 1024;

type Amount = Pick<Totals, 'records' | 'bytes'>;

/** A commit: all that the log held after it. */
interface Mark extends Amount {
  readonly size: number;
  readonly atMs: number;
}

export interface Unwitnessed extends Amount {
  /** Null: all is witnessed. */
  readonly ageMs: number | null;
}

export class Exposure {
  readonly #nowMs: () => number;
  #marks: Mark[] = [];
  /** What was witnessed. */
  #base: Amount;

  constructor(nowMs: () => number, witnessed: Amount) {
    [this.#nowMs, this.#base] = [nowMs, witnessed];
  }

  /** `ageMs`: of a commit of an earlier life. */
  committed(size: number, { records, bytes }: Amount, ageMs = 0): void {
    if (this.#marks.length >= MARKS_MAX) this.#marks = this.#marks.filter((_, i) => i % 2 === 1).map((mark, i) => ({ ...mark, atMs: this.#marks[2 * i]!.atMs }));
    this.#marks.push({ size, atMs: this.#nowMs() - ageMs, records, bytes });
  }

  /** All that a checkpoint of this size covers. A pair of which it covers one half counts as not covered. */
  upTo(size: number): Amount {
    const { records, bytes } = this.#marks.findLast((mark) => mark.size <= size) ?? this.#base;
    return { records, bytes };
  }

  /** A checkpoint of this size is witnessed. */
  witnessed(size: number): void {
    this.#base = this.upTo(size);
    this.#marks = this.#marks.filter((mark) => mark.size > size);
  }

  now(): Unwitnessed {
    const [oldest, newest] = [this.#marks[0], this.#marks.at(-1)];
    if (oldest === undefined || newest === undefined) return { ageMs: null, records: 0, bytes: 0 };
    return { ageMs: Math.round(this.#nowMs() - oldest.atMs), records: newest.records - this.#base.records, bytes: newest.bytes - this.#base.bytes };
  }
}
