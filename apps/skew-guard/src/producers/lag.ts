// SPDX-License-Identifier: Apache-2.0
// One producer's clock, by the least lag of each of its last windows (minutes, mostly). A way only makes a claim look older, so the least
// lag of a window is nearest to the clock. What was queued and comes late shows as a lag that falls from window to window; a clock that is
// wrong, as one that stays: only windows that agree say anything.
import type { ClaimedLag } from '@strongroom/service';

export interface Lag {
  readonly behindNs: number;
  readonly resolutionNs: number;
}

const WINDOWS = 3;

interface Window extends Lag {
  readonly fromMs: number;
}

export class ProducerLag {
  /** When it was last heard. */
  heardMs = 0;
  #now: Window | null = null;
  #closed: readonly Window[] = [];

  take({ behindNs, resolutionNs }: ClaimedLag, nowMs: number): void {
    this.heardMs = nowMs;
    if (this.#now === null) this.#now = { behindNs, resolutionNs, fromMs: nowMs };
    else if (behindNs < this.#now.behindNs) this.#now = { ...this.#now, behindNs, resolutionNs };
  }

  /** Closes the present window if it is over. Returns whether it did. */
  close(nowMs: number, windowMs: number): boolean {
    if (this.#now === null || nowMs - this.#now.fromMs < windowMs) return false;
    this.#closed = [...this.#closed.slice(1 - WINDOWS), this.#now];
    this.#now = null;
    return true;
  }

  /** Nothing that was heard counts any more: our own clock was not known. */
  forget(): void {
    [this.#now, this.#closed] = [null, []];
  }

  /** What the last windows agree on, to within `toleranceNs`, and since when; null where they don't, or are too few. */
  agreed(toleranceNs: number): (Lag & { readonly fromMs: number }) | null {
    const [first] = this.#closed;
    if (first === undefined || this.#closed.length < WINDOWS) return null;
    const lags = this.#closed.map(({ behindNs }) => behindNs);
    const [least, most] = [Math.min(...lags), Math.max(...lags)];
    const resolutionNs = Math.max(...this.#closed.map((window) => window.resolutionNs));
    return most - least > toleranceNs + resolutionNs ? null : { behindNs: least, resolutionNs, fromMs: first.fromMs };
  }
}
