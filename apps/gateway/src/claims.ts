// SPDX-License-Identifier: Apache-2.0
// What one source claims of time, held against the time of receipt. A way only makes a claim look older, so the least lag counts. One
// record in a second is looked at, and it is the last of those that came together: it waited least.
import { claimedTime } from '@strongroom/wire';
import type { ClaimedLag } from '@strongroom/service';

const EVERY_MS = 1000;

export class Claims {
  #nextMs = 0;
  #least: { readonly behindNs: number; readonly resolutionNs: number } | null = null;
  #records = 0;

  /** `parts`: records end to end, so long each; received at `receivedAt` (ns since 1970) and `nowMs` (of a clock that only grows). */
  look(parts: readonly Buffer[], lengths: Uint32Array, receivedAt: bigint, nowMs: number): void {
    if (nowMs < this.#nextMs) return;
    this.#nextMs = nowMs + EVERY_MS;
    const [last, length] = [parts.at(-1), lengths.at(-1)];
    // One that lies across two parts is let go: there will be another.
    if (last === undefined || length === undefined || length > last.length) return;
    const claimed = claimedTime(last.subarray(last.length - length));
    if (claimed === null) return;
    this.#records += 1;
    const behindNs = Number(receivedAt - claimed.atNs);
    if (this.#least === null || behindNs < this.#least.behindNs) this.#least = { behindNs, resolutionNs: claimed.resolutionNs };
  }

  /** Since the last call; null: it claimed none. */
  take(): ClaimedLag | null {
    const [least, records] = [this.#least, this.#records];
    [this.#least, this.#records] = [null, 0];
    return least === null ? null : { ...least, records };
  }
}
