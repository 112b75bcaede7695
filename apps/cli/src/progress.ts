// SPDX-License-Identifier: Apache-2.0
// A progress bar on stderr, on a terminal only, and gone when the work is done.
import { bytes, duration } from './quantity.ts';
import type { Sink } from './io.ts';

const INTERVAL_MS = 100;
const BAR_COLUMNS = 24;
/** Before that an estimate would only jump. */
const ESTIMATE_AFTER_MS = 1000;

export interface Progress {
  /** Octets done and to do; called as often as one likes. */
  update(done: number, total: number): void;
  /** Takes the bar away. */
  end(): void;
}

export function startProgress(sink: Sink, what: string): Progress {
  if (!sink.isTerminal) return { update: () => undefined, end: () => undefined };
  const began = performance.now();
  let drawn = 0;
  return {
    update: (done, total) => {
      const now = performance.now();
      if (now - drawn < INTERVAL_MS) return;
      drawn = now;
      void sink.write(`\r${progressLine(what, done, total, now - began).slice(0, (sink.columns ?? 80) - 1)}\u001b[K`);
    },
    end: () => { if (drawn > 0) void sink.write('\r\u001b[K'); },
  };
}

/** `verifying ████████░░░░  42 %  1.2 GiB of 2.9 GiB  610 MiB/s  3 s left` */
export function progressLine(what: string, done: number, total: number, elapsedMs: number): string {
  const part = total === 0 ? 1 : Math.min(1, done / total);
  const filled = Math.floor(part * BAR_COLUMNS);
  const perMs = elapsedMs <= 0 ? 0 : done / elapsedMs;
  const left = elapsedMs < ESTIMATE_AFTER_MS || perMs === 0 ? '' : `  ${duration((total - done) / perMs)} left`;
  const bar = '█'.repeat(filled) + '░'.repeat(BAR_COLUMNS - filled);
  const percent = String(Math.floor(part * 100)).padStart(3);
  return `${what} ${bar} ${percent} %  ${bytes(done)} of ${bytes(total)}  ${bytes(perMs * 1000)}/s${left}`;
}
