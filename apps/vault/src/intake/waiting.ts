// SPDX-License-Identifier: Apache-2.0
// What is admitted and not yet committed, in order; incidents go ahead of all else.
import type { Clock } from '../clock.ts';
import type { Admitted } from './admission.ts';

/** More octets than this do not wait for company. */
const LEISURE_BYTES = 256 * 1024;

export interface Taken {
  readonly incidents: readonly Admitted[];
  readonly queued: readonly Admitted[];
}

export class Waiting {
  readonly #clock: Clock;
  #incidents: Admitted[] = [];
  #queue: Admitted[] = [];
  #bytes = 0;
  #awaited = 0;
  /** When the oldest of the queue came, or the last cycle ended; monotonic ms. */
  #since = 0;
  #came = 0;
  #done = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isEmpty(): boolean {
    return this.#queue.length === 0 && this.#incidents.length === 0;
  }

  get hasIncidents(): boolean {
    return this.#incidents.length > 0;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** How many ever came, and how many of those are committed. */
  get came(): number {
    return this.#came;
  }

  get done(): number {
    return this.#done;
  }

  push(admitted: Admitted): void {
    if (this.#queue.length === 0) this.#since = this.#clock.nowMs();
    this.#queue.push(admitted);
    this.#bytes += admitted.bytes;
    if (admitted.awaited) this.#awaited += 1;
    this.#came += 1;
  }

  /** On record before more is promised. */
  pushIncident(admitted: Admitted): void {
    this.#incidents.push(admitted);
  }

  /** How long all of it may wait for company: until somebody awaits it, much of it has come, or `idleMs` have passed. */
  leisureMs(idleMs: number): number {
    if (this.#awaited > 0 || this.#bytes > LEISURE_BYTES || this.#queue.length === 0) return 0;
    return Math.max(0, this.#since + idleMs - this.#clock.nowMs());
  }

  /** Incidents and at most `bytesMax` of the queue, but never nothing while something waits. */
  take(bytesMax: number): Taken {
    const incidents = this.#incidents.splice(0);
    let [count, bytes] = [0, 0];
    for (const admitted of this.#queue) {
      const isFirst = count === 0 && incidents.length === 0;
      if (!isFirst && bytes + admitted.bytes > bytesMax) break;
      bytes += admitted.bytes;
      count += 1;
    }
    return { incidents, queued: this.#queue.splice(0, count) };
  }

  /** The cycle failed: everything has its place again. */
  putBack({ incidents, queued }: Taken): void {
    this.#incidents.unshift(...incidents);
    this.#queue.unshift(...queued);
  }

  committed({ queued }: Taken): void {
    this.#since = this.#clock.nowMs();
    this.#done += queued.length;
    for (const admitted of queued) {
      this.#bytes -= admitted.bytes;
      if (admitted.awaited) this.#awaited -= 1;
      admitted.committed();
    }
  }
}
