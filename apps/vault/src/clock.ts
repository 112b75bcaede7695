// SPDX-License-Identifier: Apache-2.0
import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises';
import { nowNs, UNMEASURED, type ReceiptClock } from '@strongroom/service';

/** The vault's time. Nothing that it seals by reads another clock. */
export interface Clock extends ReceiptClock {
  /** UTC, nanoseconds since 1970; may jump. */
  nowNs(): bigint;
  /** Milliseconds that only grow. */
  nowMs(): number;
  /** Resolves after so long, or when the signal is aborted; never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Lets what has already arrived be taken. */
  turn(): Promise<void>;
  /** Calls once after so long, unless it is cancelled by what this returns. Keeps no process alive. */
  after(ms: number, call: () => void): () => void;
}

export const SYSTEM_CLOCK: Clock = {
  ...UNMEASURED,
  nowNs,
  nowMs: () => performance.now(),
  sleep: (ms, signal) => wait(ms, undefined, { signal }).catch(() => undefined),
  turn: () => turn(),
  after: (ms, call) => {
    const timer = setTimeout(call, ms).unref();
    return () => clearTimeout(timer);
  },
};
