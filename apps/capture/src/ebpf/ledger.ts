// SPDX-License-Identifier: Apache-2.0
// What became of what the probe produced, in one life of capture. At every moment
//   produced = received + own + sum of lost
// Each processor numbers its events, so a number that never came is a loss. Numbers of one processor come in order, but for
// an interrupt between the drawing of a number and the writing of the event: one that comes late takes its loss back.
import type { FieldValue } from '@strongroom/service';
import { sumsOf, type Tally } from '../sums.ts';
import type { EventType, ProbeCounts, ProbeEvent } from './frames.ts';

/** Counts of one life of the probe, from the moment at which we met it. */
export class Ledger {
  /** Of earlier lives of the probe, and what was on its way to an earlier life of capture. */
  notRead = 0;
  /** Times that no probe was there, so that nobody counted. */
  notWatched = 0;
  #received = 0;
  /** Numbers that never came, and what the kernel's side says that it could not write; of ended lives, the larger one of both. */
  #holes = 0;
  #overrun = 0;
  #endedOverrun = 0;
  #endedUnseen = 0;
  readonly own: Partial<Record<EventType, number>> = {};
  /** Executions that found no room. */
  lostExecs = 0;
  #next: number[] = [];

  /** A probe that is new to us: `next` by processor. */
  begin(next: readonly number[]): void {
    this.#endedOverrun += this.#overrun;
    this.#endedUnseen += Math.max(0, this.#holes - this.#overrun);
    [this.#holes, this.#overrun, this.#next] = [0, 0, [...next]];
  }

  take({ cpu, sequence }: ProbeEvent): void {
    const next = this.#next[cpu] ?? 0;
    this.#received += 1;
    if (sequence >= next) {
      this.#holes += sequence - next;
      this.#next[cpu] = sequence + 1;
    } else {
      this.#holes -= 1;
    }
  }

  count({ rows }: ProbeCounts): void {
    for (const { type, lost, own } of rows) {
      this.#overrun += lost;
      if (type === 'exec') this.lostExecs += lost;
      if (own > 0) this.own[type] = (this.own[type] ?? 0) + own;
    }
  }

  get received(): number {
    return this.#received;
  }

  /** Found no room in the ring. */
  get overrun(): number {
    return this.#endedOverrun + this.#overrun;
  }

  /** Numbers that never came, and nothing tells why. */
  get unseen(): number {
    return this.#endedUnseen + Math.max(0, this.#holes - this.#overrun);
  }

  get lost(): number {
    return this.notRead + this.overrun + this.unseen;
  }

  /** The numbers of this life of the probe that we have done with. */
  get settled(): number {
    return this.#next.reduce((sum, number) => sum + number, 0);
  }

  get ownTotal(): number {
    return Object.values(this.own).reduce((sum, count) => sum + count, 0);
  }

  /** Puts what it knows into the sums of all origins. */
  settle(tally: Tally): void {
    tally.own = this.ownTotal;
    tally.lost = { overrun: this.overrun, 'not-read': this.notRead, unseen: this.unseen };
    tally.uncounted = this.notWatched;
  }

  fields(tally: Tally, isReading: boolean): Record<string, FieldValue> {
    return { reading: isReading, ...sumsOf(tally) };
  }
}
