// SPDX-License-Identifier: Apache-2.0
// While journald moves its runtime journal to disk, both hold the same entries under different sequence numbers. A
// journalctl that follows passes over what is older than the moment where it stands, but gives that moment once more.
import { partsOf } from './cursor.ts';

/** A moment has what journald read at once. Beyond this, and only then, repeats of it are not recognised. */
const ENTRIES_MAX = 10_000;

/** Tells entries that come a second time under another numbering. */
export class Moment {
  #key = '';
  #entries = 0;
  /** How often each entry came, by `t` and `x`, and by numbering: equal entries are as many as one numbering gives. */
  #came = new Map<string, Map<string, number>>();

  /** To be asked once for each entry, in order. */
  isRepeat(cursor: string): boolean {
    const { s = '', b, m, t, x } = partsOf(cursor);
    this.#enter(`${b} ${m}`);
    const entry = `${t} ${x}`;
    const counts = this.#came.get(entry) ?? new Map<string, number>();
    this.#came.set(entry, counts);
    const before = Math.max(0, ...counts.values());
    const now = (counts.get(s) ?? 0) + 1;
    counts.set(s, now);
    return now <= before;
  }

  #enter(key: string): void {
    this.#entries += 1;
    if (key === this.#key && this.#entries <= ENTRIES_MAX) return;
    this.#key = key;
    this.#entries = 1;
    this.#came = new Map();
  }
}
