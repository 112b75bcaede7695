// SPDX-License-Identifier: Apache-2.0
// How often each digest is listed and found: open addressing over typed arrays, 24 octets for each place, because a list may
// have millions of lines and each as an object would take ten times as much.
import { Refused } from '@strongroom/bytes';

/** Different lines; the table then takes about 400 MiB. */
export const DISTINCT_MAX = 10_000_000;
const WORDS = 4;
const FILLED_MAX = 0.7;

export class DigestTable {
  readonly #max: number;
  #places = 1 << 12;
  #keys = new Uint32Array(this.#places * WORDS);
  #listed = new Uint32Array(this.#places);
  #found = new Uint32Array(this.#places);
  #distinct = 0;

  constructor(max = DISTINCT_MAX) {
    this.#max = max;
  }

  /** Lists the digest once more: the 16 octets at `at`. Throws `Refused('reconcile.too-many')`. */
  list(digests: Buffer, at = 0): void {
    const place = this.#placeOf(digests, at);
    if (this.#listed[place] === 0) this.#add(place, digests, at);
    else this.#listed[place]! += 1;
  }

  /**
   * A record has these digests, `count` one after the other from `at`: it counts as one of the lines that still lack one, by
   * the first that does, else as more than was listed of the first that is listed at all.
   */
  find(digests: Buffer, at: number, count: number): 'found' | 'surplus' | 'unlisted' {
    let surplus = false;
    for (let i = 0; i < count; i += 1) {
      const place = this.#placeOf(digests, at + i * WORDS * 4);
      if (this.#listed[place] === 0) continue;
      if (this.#found[place]! < this.#listed[place]!) {
        this.#found[place]! += 1;
        return 'found';
      }
      surplus = true;
    }
    return surplus ? 'surplus' : 'unlisted';
  }

  /** Takes one of the found ones for a listed line; false when there is none left for it. */
  take(digests: Buffer, at = 0): boolean {
    const place = this.#placeOf(digests, at);
    if (this.#found[place] === 0) return false;
    this.#found[place]! -= 1;
    return true;
  }

  #add(place: number, digests: Buffer, at: number): void {
    if (this.#distinct >= this.#max) {
      throw new Refused('reconcile.too-many', 'the list has too many different lines', {
        why: `at most ${this.#max.toLocaleString('en-US')} are compared at once`, fix: 'divide the list, for example by day, and give each part its --since and --until',
      });
    }
    for (let word = 0; word < WORDS; word += 1) this.#keys[place * WORDS + word] = digests.readUInt32LE(at + word * 4);
    this.#listed[place] = 1;
    this.#distinct += 1;
    if (this.#distinct > this.#places * FILLED_MAX) this.#grow();
  }

  #placeOf(digests: Buffer, at: number): number {
    const [a, b, c, d] = [digests.readUInt32LE(at), digests.readUInt32LE(at + 4), digests.readUInt32LE(at + 8), digests.readUInt32LE(at + 12)];
    return this.#seek(a, b, c, d);
  }

  /** The place of the key, or the free one where it would be. */
  #seek(a: number, b: number, c: number, d: number): number {
    const keys = this.#keys;
    for (let place = a & (this.#places - 1); ; place = (place + 1) & (this.#places - 1)) {
      const key = place * WORDS;
      if (this.#listed[place] === 0 || (keys[key] === a && keys[key + 1] === b && keys[key + 2] === c && keys[key + 3] === d)) return place;
    }
  }

  #grow(): void {
    const [keys, listed, places] = [this.#keys, this.#listed, this.#places];
    this.#places *= 2;
    this.#keys = new Uint32Array(this.#places * WORDS);
    this.#listed = new Uint32Array(this.#places);
    // Nothing is found while the list is still read.
    this.#found = new Uint32Array(this.#places);
    for (let old = 0; old < places; old += 1) {
      if (listed[old] === 0) continue;
      const at = old * WORDS;
      const place = this.#seek(keys[at]!, keys[at + 1]!, keys[at + 2]!, keys[at + 3]!);
      this.#keys.set(keys.subarray(at, at + WORDS), place * WORDS);
      this.#listed[place] = listed[old]!;
    }
  }
}
