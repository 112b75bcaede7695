// SPDX-License-Identifier: Apache-2.0
// JSON, octet by octet, into one piece of memory that is used again. Written for speed: every kernel event comes by here, and
// strings put together and encoded cost several times as much.
import { isUtf8 } from 'node:buffer';
import { invariant } from '@strongroom/bytes';

const START_BYTES = 256 * 1024;
const [ZERO, MINUS, QUOTE, BACKSLASH, SPACE, DELETE] = [0x30, 0x2d, 0x22, 0x5c, 0x20, 0x7f];
const BILLION = 1_000_000_000;
const WORD = 0x1_0000_0000;
/** Where the upper half of a number is smaller, a double holds it exactly. */
const EXACT_HIGH = 0x20_0000;
/** An octet takes at most so many in a JSON string: `\u0001`. */
export const ESCAPED_BYTES_MAX = 6;

/** What is written often, ready to be copied. */
export function literal(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text));
}

export class LineWriter {
  #bytes = Buffer.allocUnsafeSlow(START_BYTES);
  #at = 0;

  get at(): number {
    return this.#at;
  }

  /** Makes room for `count` further octets; what is written without it is lost, so {@link take} looks. */
  reserve(count: number): void {
    if (this.#bytes.length - this.#at >= count) return;
    const larger = Buffer.allocUnsafeSlow(2 * (this.#at + count));
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
  }

  /** A copy of what was written since `from`. */
  since(from: number): Uint8Array {
    return new Uint8Array(this.#bytes.subarray(from, this.#at));
  }

  /** Copies what was written since `from`. */
  copyTo(target: Buffer, at: number, from: number): void {
    this.#bytes.copy(target, at, from, this.#at);
  }

  /** All that was written, and begins anew. */
  take(): Buffer {
    invariant(this.#at <= this.#bytes.length, 'ebpf.line-room', 'a line was longer than the room reserved for it');
    const all = Buffer.from(this.#bytes.subarray(0, this.#at));
    this.#at = 0;
    return all;
  }

  put(octets: Uint8Array): void {
    const bytes = this.#bytes;
    let at = this.#at;
    for (let i = 0; i < octets.length; i += 1) bytes[at++] = octets[i]!;
    this.#at = at;
  }

  /** The same for many octets. */
  putLong(octets: Uint8Array): void {
    this.#bytes.set(octets, this.#at);
    this.#at += octets.length;
  }

  /** A part of them. */
  putFrom(octets: Buffer, from: number, length: number): void {
    octets.copy(this.#bytes, this.#at, from, from + length);
    this.#at += length;
  }

  string(text: string): void {
    this.#at += this.#bytes.write(text, this.#at);
  }

  /** A whole number of at most 2^53. */
  number(value: number): void {
    if (value < 0) {
      this.#bytes[this.#at++] = MINUS;
      this.number(-value);
    } else if (value < BILLION) {
      this.#digits(value, digitsOf(value));
    } else {
      const high = Math.floor(value / BILLION);
      this.number(high);
      this.#digits(value - high * BILLION, 9);
    }
  }

  u64(view: DataView, at: number): void {
    const high = view.getUint32(at + 4, true);
    if (high < EXACT_HIGH) this.number(high * WORD + view.getUint32(at, true));
    else this.string(String(view.getBigUint64(at, true)));
  }

  i64(view: DataView, at: number): void {
    const high = view.getInt32(at + 4, true);
    if (high >= -EXACT_HIGH && high < EXACT_HIGH) this.number(high * WORD + view.getUint32(at, true));
    else this.string(String(view.getBigInt64(at, true)));
  }

  /**
   * Octets as a JSON string. Those that are no UTF-8 stand as `\xNN`, and so does each backslash beside them; then it returns
   * true.
   */
  octets(from: Uint8Array, start: number, end: number): boolean {
    if (this.#plain(from, start, end)) return false;
    const octets = Buffer.from(from.buffer, from.byteOffset + start, end - start);
    const isText = isUtf8(octets);
    this.string(JSON.stringify(isText ? octets.toString() : octets.toString('latin1').replaceAll(/[^\x20-\x5b\x5d-\x7e]/g, escaped)));
    return !isText;
  }

  /** Writes octets that need no escape; otherwise nothing. */
  #plain(from: Uint8Array, start: number, end: number): boolean {
    const bytes = this.#bytes;
    let at = this.#at;
    bytes[at++] = QUOTE;
    for (let i = start; i < end; i += 1) {
      const octet = from[i]!;
      if (octet < SPACE || octet >= DELETE || octet === QUOTE || octet === BACKSLASH) return false;
      bytes[at++] = octet;
    }
    bytes[at++] = QUOTE;
    this.#at = at;
    return true;
  }

  #digits(value: number, count: number): void {
    const bytes = this.#bytes;
    for (let at = this.#at + count - 1, rest = value | 0; at >= this.#at; at -= 1) {
      const tenth = (rest / 10) | 0;
      bytes[at] = ZERO + rest - tenth * 10;
      rest = tenth;
    }
    this.#at += count;
  }
}

function digitsOf(value: number): number {
  if (value < 10_000) return value < 100 ? (value < 10 ? 1 : 2) : value < 1000 ? 3 : 4;
  if (value < 1_000_000) return value < 100_000 ? 5 : 6;
  return value < 10_000_000 ? 7 : value < 100_000_000 ? 8 : 9;
}

function escaped(character: string): string {
  return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
}
