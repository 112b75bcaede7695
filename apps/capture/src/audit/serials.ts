// SPDX-License-Identifier: Apache-2.0
// Which events never came. The kernel counts events over all processors, modulo 2^32, so a number that is left out is an
// event that was not seen. Processors overtake each other, so a hole counts only when it has stayed open for a while.
const MODULUS = 2 ** 32;
/** A number that is further ahead than this is behind. */
const AHEAD_MAX = 2 ** 31;

/** Numbers that are missing, both ends included; `to` is smaller than `from` where the count began anew at 0. */
export interface Hole {
  readonly from: number;
  readonly to: number;
  readonly count: number;
  /** When it was noticed. */
  readonly sinceMs: number;
}

interface OpenHole {
  from: number;
  to: number;
  readonly sinceMs: number;
}

export class Serials {
  readonly #graceMs: number;
  readonly #holesMax: number;
  #next: number | null;
  #holes: OpenHole[] = [];
  #overflow: Hole[] = [];

  /** `next`: the number that should come first, null where that isn't known. */
  constructor(next: number | null = null, graceMs = 5000, holesMax = 4096) {
    this.#next = next;
    this.#graceMs = graceMs;
    this.#holesMax = holesMax;
  }

  /** Goes on where an earlier life ended; what was missing then has `graceMs` from `atMs` on to come. */
  static resume(next: number, missing: readonly { readonly from: number; readonly to: number }[], atMs: number): Serials {
    const serials = new Serials(next);
    serials.#holes = missing.map(({ from, to }) => ({ from, to, sinceMs: atMs }));
    return serials;
  }

  /** Behind the greatest number that was seen; null: none yet. */
  get next(): number | null {
    return this.#next;
  }

  /** What was left out so far and may still come. */
  get missing(): { readonly from: number; readonly to: number }[] {
    return this.#holes.map(({ from, to }) => ({ from, to }));
  }

  /** Whether `serial` was seen, or counted as missing for good. */
  isPast(serial: number): boolean {
    if (this.#next === null) return false;
    const ahead = distance(this.#next, serial);
    return ahead >= AHEAD_MAX && !this.#holes.some(({ from, to }) => distance(from, serial) <= distance(from, to));
  }

  /** Notes that `serial` was seen, at `atMs` by any steady clock. Repeats don't matter. */
  note(serial: number, atMs: number): void {
    if (this.#next === null) this.#next = serial;
    const ahead = distance(this.#next, serial);
    if (ahead === 0) this.#next = (serial + 1) % MODULUS;
    else if (ahead < AHEAD_MAX) {
      this.#holes.push({ from: this.#next, to: (serial + MODULUS - 1) % MODULUS, sinceMs: atMs });
      this.#next = (serial + 1) % MODULUS;
      if (this.#holes.length > this.#holesMax) this.#overflow.push(closed(this.#holes.shift()!));
    } else this.#fill(serial);
  }

  /** Holes that have stayed open long enough. `atMs`: all that the kernel had sent by then has been noted. */
  settle(atMs: number): Hole[] {
    const cut = this.#holes.findIndex(({ sinceMs }) => atMs - sinceMs < this.#graceMs);
    return this.#close(cut < 0 ? this.#holes.length : cut);
  }

  /** All holes, at the end of reading. */
  flush(): Hole[] {
    return this.#close(this.#holes.length);
  }

  #close(count: number): Hole[] {
    const holes = [...this.#overflow, ...this.#holes.splice(0, count).map(closed)];
    this.#overflow = [];
    return holes;
  }

  #fill(serial: number): void {
    const index = this.#holes.findLastIndex(({ from, to }) => distance(from, serial) <= distance(from, to));
    if (index < 0) return;
    const { from, to, sinceMs } = this.#holes[index]!;
    const rest: OpenHole[] = [];
    if (serial !== from) rest.push({ from, to: (serial + MODULUS - 1) % MODULUS, sinceMs });
    if (serial !== to) rest.push({ from: (serial + 1) % MODULUS, to, sinceMs });
    this.#holes.splice(index, 1, ...rest);
  }
}

/** How far ahead `to` is, 0 to 2^32 - 1. */
export function distance(from: number, to: number): number {
  return (to - from + MODULUS) % MODULUS;
}

function closed({ from, to, sinceMs }: OpenHole): Hole {
  return { from, to, count: distance(from, to) + 1, sinceMs };
}
