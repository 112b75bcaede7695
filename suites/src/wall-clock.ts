// SPDX-License-Identifier: Apache-2.0
// A wall clock that a test sets for the processes that it starts (libfaketime); the monotonic one stays.
import { chmodSync, globSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const LIBRARY = globSync('/usr/lib/*/faketime/libfaketimeMT.so.1')[0];

/** False, or why no clock can be set here. */
export const withoutFaketime: string | false = LIBRARY === undefined ? 'machine: libfaketime is not installed' : false;

export class WallClock {
  readonly #directory = mkdtempSync(join(tmpdir(), 'strongroom-clock-'));
  readonly #file = join(this.#directory, 'offset');

  constructor() {
    chmodSync(this.#directory, 0o755); // services have users of their own
    this.set('+0');
  }

  /** What the processes need in their environment. */
  get environment(): Readonly<Record<string, string>> {
    return { LD_PRELOAD: LIBRARY!, FAKETIME_TIMESTAMP_FILE: this.#file, FAKETIME_NO_CACHE: '1', FAKETIME_DONT_FAKE_MONOTONIC: '1', DONT_FAKE_MONOTONIC: '1', FAKETIME_DONT_RESET: '1' };
  }

  /** Beside the real time from now on: `+3600` s, `+70d`. */
  set(offset: string): void {
    writeFileSync(this.#file, `${offset}\n`, { mode: 0o644 });
  }

  remove(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
