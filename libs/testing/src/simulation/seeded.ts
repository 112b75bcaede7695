// SPDX-License-Identifier: Apache-2.0
// All chance of simulations and of tests that kill and cut: one seed, and the same numbers on every machine. Not for keys
// of anything real.
import { hash } from 'node:crypto';

export class Seeded {
  #a: number;
  #b: number;
  #c: number;
  #count = 1;

  constructor(seed: number | string) {
    const digest = hash('sha256', `strongroom simulation ${seed}`, 'buffer');
    [this.#a, this.#b, this.#c] = [digest.readInt32BE(0), digest.readInt32BE(4), digest.readInt32BE(8)];
  }

  /** 32 random bits (sfc32). */
  next(): number {
    const sum = (this.#a + this.#b + this.#count) | 0;
    this.#count = (this.#count + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** From 0 up to 1, without it. */
  fraction(): number {
    return this.next() / 2 ** 32;
  }

  /** A whole number from 0 to `count - 1`. */
  below(count: number): number {
    return Math.floor(this.fraction() * count);
  }

  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  bytes(size: number): Buffer {
    const bytes = Buffer.alloc(size);
    for (let at = 0; at < size; at += 4) for (let i = at, word = this.next(); i < Math.min(size, at + 4); i += 1, word >>>= 8) bytes[i] = word & 0xff;
    return bytes;
  }

  /** Chance of its own for a part, so that what one part asks for does not change what another gets. */
  fork(label: string): Seeded {
    return new Seeded(`${this.next()} ${label}`);
  }
}
