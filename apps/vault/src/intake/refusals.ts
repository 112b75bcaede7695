// SPDX-License-Identifier: Apache-2.0
// Whoever is refused can come again for ever, and each refusal is logged and sealed: so each kind has a rate, what is
// beyond it is counted, and the count is sealed.
import type { Fields } from '@strongroom/service';
import type { Clock } from '../clock.ts';

/** So many of one kind at once, and so many per second after that. */
const BURST = 100;
const PER_SECOND = 20;
const SETTLE_MS = 1000;

interface Bucket {
  tokens: number;
  atMs: number;
  suppressed: number;
}

export class Refusals {
  readonly #out: (event: string, fields: Fields) => void;
  readonly #clock: Clock;
  readonly #buckets = new Map<string, Bucket>();
  #isSettling = false;

  constructor(clock: Clock, out: (event: string, fields: Fields) => void) {
    [this.#clock, this.#out] = [clock, out];
  }

  note(event: string, fields: Fields): void {
    const bucket = this.#filled(event);
    if (bucket.tokens >= 1) {
      bucket.tokens -= 1;
      return this.#out(event, fields);
    }
    bucket.suppressed += 1;
    if (this.#isSettling) return;
    this.#isSettling = true;
    this.#clock.after(SETTLE_MS, () => { this.#isSettling = false; this.settle(); });
  }

  /** Tells of what was suppressed. */
  settle(): void {
    for (const [suppressed, bucket] of this.#buckets) {
      const { suppressed: count } = bucket;
      bucket.suppressed = 0;
      if (count > 0) this.#out('vault.events-suppressed', { suppressed, count });
    }
  }

  #filled(event: string): Bucket {
    const nowMs = this.#clock.nowMs();
    const bucket = this.#buckets.get(event) ?? { tokens: BURST, atMs: nowMs, suppressed: 0 };
    this.#buckets.set(event, bucket);
    bucket.tokens = Math.min(BURST, bucket.tokens + ((nowMs - bucket.atMs) / 1000) * PER_SECOND);
    bucket.atMs = nowMs;
    return bucket;
  }
}
