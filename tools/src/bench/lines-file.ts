// SPDX-License-Identifier: Apache-2.0
// Follows a plain file that another system writes: when it last grew, and how many lines it has.
import { closeSync, openSync, readSync, statSync, truncateSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Kept } from './subject.ts';

const POLL_MS = 10;
/** A file that has not grown for so long after the load is over will not grow any more. */
const QUIET_NS = 1_500_000_000n;
const READ_BYTES = 1024 * 1024;
const LF = 0x0a;

export class LinesFile {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** Empties it. The writer appends, so it goes on at the start. */
  clear(): void {
    if (this.#size() > 0) truncateSync(this.#path);
  }

  /** Only the size is looked at while the load runs: counting lines would take CPU time from what is measured. */
  async kept(over: Promise<unknown>): Promise<Kept> {
    let isOver = false;
    void over.catch(() => undefined).finally(() => { isOver = true; });
    let size = 0;
    let atNs = process.hrtime.bigint();
    while (!isOver || process.hrtime.bigint() - atNs < QUIET_NS) {
      const now = this.#size();
      if (now !== size || !isOver) atNs = process.hrtime.bigint();
      size = now;
      await delay(POLL_MS);
    }
    return { events: this.lines(), atNs };
  }

  lines(): number {
    if (this.#size() === 0) return 0;
    const file = openSync(this.#path, 'r');
    const bytes = Buffer.allocUnsafe(READ_BYTES);
    let lines = 0;
    for (let read = readSync(file, bytes); read > 0; read = readSync(file, bytes)) {
      const part = bytes.subarray(0, read);
      for (let at = part.indexOf(LF); at !== -1; at = part.indexOf(LF, at + 1)) lines += 1;
    }
    closeSync(file);
    return lines;
  }

  #size(): number {
    return statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0;
  }
}
