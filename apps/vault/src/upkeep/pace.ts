// SPDX-License-Identifier: Apache-2.0
// How fast a pass may read: so that it ends within its period. A segment is read at no less than a gentle rate, or a
// restart would lose a day's work on it; in between the pass waits until it is as far as it should be.
import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises';

const BYTES_PER_SECOND_MIN = 4 * 1024 * 1024;
/** A pass plans to end somewhat early: time in which nothing runs counts too. */
const PART_OF_PERIOD = 0.9;
const WAIT_MS_MAX = 60_000;
/** Below that a timer is not worth it. */
const WAIT_MS_MIN = 5;

export interface Plan {
  /** ms since 1970. */
  readonly startedAt: number;
  readonly periodMs: number;
  readonly bytesDone: number;
  readonly bytesTotal: number;
}

/** When the octets that are done should be, ms since 1970. */
export function dueAt({ startedAt, periodMs, bytesDone, bytesTotal }: Plan): number {
  return startedAt + periodMs * PART_OF_PERIOD * Math.min(1, bytesDone / Math.max(1, bytesTotal));
}

/** What the rest of a pass needs. */
export function bytesPerSecond(plan: Plan, nowMs: number): number {
  const leftMs = plan.startedAt + plan.periodMs * PART_OF_PERIOD - nowMs;
  const left = Math.max(0, plan.bytesTotal - plan.bytesDone);
  return leftMs <= 0 ? Infinity : Math.max(BYTES_PER_SECOND_MIN, (left / leftMs) * 1000);
}

export class Pace {
  readonly #stop: AbortSignal;
  /** As fast as the thread may, until the pass ends. */
  hurried = false;
  #rate = BYTES_PER_SECOND_MIN;
  #behindMs = 0;
  #lastMs = performance.now();
  #wake = new AbortController();

  constructor(stop: AbortSignal) {
    this.#stop = stop;
  }

  set rate(bytesPerSecondNow: number) {
    this.#rate = bytesPerSecondNow;
  }

  hurry(): void {
    this.hurried = true;
    this.#wake.abort();
    this.#wake = new AbortController();
  }

  /** So much was read. Throws the signal's reason when it is time to stop. */
  async spent(bytes: number): Promise<void> {
    this.#stop.throwIfAborted();
    const now = performance.now();
    this.#behindMs = Math.max(0, this.#behindMs - (now - this.#lastMs)) + (bytes / this.#rate) * 1000;
    this.#lastMs = now;
    if (this.hurried) this.#behindMs = 0;
    if (this.#behindMs < WAIT_MS_MIN) await turn();
    else await this.until(Date.now() + this.#behindMs);
  }

  /** Waits until then, unless somebody hurries. */
  async until(atMs: number): Promise<void> {
    while (!this.hurried && Date.now() < atMs) {
      const signal = AbortSignal.any([this.#stop, this.#wake.signal]);
      await wait(Math.min(WAIT_MS_MAX, Math.max(1, atMs - Date.now())), undefined, { signal }).catch(() => undefined);
      this.#stop.throwIfAborted();
    }
  }
}
