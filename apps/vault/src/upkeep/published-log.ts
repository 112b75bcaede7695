// SPDX-License-Identifier: Apache-2.0
import { TILE_WIDTH, bundlePath, decodeBundle, decodeEntry, type Entry } from '@strongroom/evidence';
import type { LogDirectory } from '../commit/log-directory.ts';

/** The log as it was published when this was made; one bundle is in memory. */
export class PublishedLog {
  readonly #log: LogDirectory;
  readonly size: number;

  constructor(log: LogDirectory) {
    this.#log = log;
    this.size = Number((log.checkpoint() ?? '').split('\n')[1] ?? 0);
  }

  /** Throws what a file of the log that is missing or malformed does. */
  *entries(from: number): Generator<{ readonly index: number; readonly entry: Entry }> {
    for (let first = from - (from % TILE_WIDTH); first < this.size; first += TILE_WIDTH) {
      const width = Math.min(TILE_WIDTH, this.size - first);
      const bundle = decodeBundle(this.#log.read(bundlePath(first / TILE_WIDTH, width)), width);
      for (const [i, bytes] of bundle.entries()) if (first + i >= from) yield { index: first + i, entry: decodeEntry(bytes) };
    }
  }
}
