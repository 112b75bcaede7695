// SPDX-License-Identifier: Apache-2.0
// How often a device is asked: each second while something happens there, and for a minute after; then less and less, as often as
// the configuration says at the least. A device that is slow is asked less often, so that it has time for its own work.

const FAST_MS = 1000;
const NEAR_MS = 60_000;
const SLOWER = 1.5;
/** A device has so much rest for the time that a look at it took. */
const REST = 4;

export class Pace {
  readonly #calmMs: number;
  #intervalMs: number;
  #happenedAt = -Infinity;

  constructor(calmMs: number) {
    this.#calmMs = calmMs;
    this.#intervalMs = calmMs;
  }

  get intervalMs(): number {
    return this.#intervalMs;
  }

  /** The pause after a look that took `tookMs`; all by a monotonic clock. */
  next(nowMs: number, tookMs: number, happened: boolean): number {
    if (happened) this.#happenedAt = nowMs;
    const isNear = nowMs - this.#happenedAt < NEAR_MS;
    const wished = isNear ? Math.min(FAST_MS, this.#calmMs) : Math.min(this.#calmMs, this.#intervalMs * SLOWER);
    this.#intervalMs = Math.max(wished, Math.min(this.#calmMs, tookMs * REST));
    return Math.max(this.#intervalMs - tookMs, Math.min(this.#intervalMs, tookMs));
  }
}
