// SPDX-License-Identifier: Apache-2.0
// Wakes devices together, twice a second. A processor that wakes for each of 500 devices by itself takes twice as long for a
// look as one that does a dozen at once: it rests between them, and comes back with nothing of ours in its caches.

const BEAT_MS = 500;

export interface Sleep {
  readonly woken: Promise<void>;
  /** Before its time. */
  wake(): void;
}

export class Beat {
  readonly #sleepers = new Map<number, Set<() => void>>();
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Infinity;

  /** Until the beat nearest to `ms` from now, so that intervals of whole beats stay what they are. */
  sleep(ms: number): Sleep {
    const now = performance.now();
    const at = Math.max(Math.round((now + ms) / BEAT_MS), Math.ceil(now / BEAT_MS));
    const sleepers = this.#sleepers.get(at) ?? new Set();
    this.#sleepers.set(at, sleepers);
    const { promise, resolve } = Promise.withResolvers<void>();
    sleepers.add(resolve);
    if (at < this.#timerAt) this.#await(at);
    return { woken: promise, wake: () => this.#wake(at, sleepers, resolve) };
  }

  #wake(at: number, sleepers: Set<() => void>, resolve: () => void): void {
    sleepers.delete(resolve);
    if (sleepers.size === 0 && this.#sleepers.get(at) === sleepers) this.#sleepers.delete(at);
    resolve();
    if (this.#sleepers.size === 0) this.#rest();
  }

  #rest(): void {
    clearTimeout(this.#timer);
    [this.#timer, this.#timerAt] = [undefined, Infinity];
  }

  #await(at: number): void {
    clearTimeout(this.#timer);
    this.#timerAt = at;
    this.#timer = setTimeout(() => this.#strike(), Math.max(0, at * BEAT_MS - performance.now()));
  }

  /** Those whose beat has come; a loop that was held up may owe several. */
  #strike(): void {
    this.#rest();
    // A timer of whole milliseconds may come a little before its time.
    const until = Math.round(performance.now() / BEAT_MS);
    for (const [at, sleepers] of this.#sleepers) {
      if (at > until) continue;
      this.#sleepers.delete(at);
      for (const resolve of sleepers) resolve();
    }
    const next = Math.min(...this.#sleepers.keys());
    if (Number.isFinite(next)) this.#await(next);
  }
}
