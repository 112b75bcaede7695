// SPDX-License-Identifier: Apache-2.0
import { Refused } from './errors.ts';

/** Reads big-endian values off a buffer. Every read past the end throws `Refused('bytes.truncated')`. */
export class ByteReader {
  readonly #bytes: Buffer;
  #at: number;

  constructor(bytes: Buffer, offset = 0) {
    this.#bytes = bytes;
    this.#at = offset;
  }

  get offset(): number {
    return this.#at;
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  u8(): number {
    return this.#bytes[this.#advance(1)]!;
  }

  u16(): number {
    return this.#bytes.readUInt16BE(this.#advance(2));
  }

  u32(): number {
    return this.#bytes.readUInt32BE(this.#advance(4));
  }

  u64(): bigint {
    return this.#bytes.readBigUInt64BE(this.#advance(8));
  }

  /** A u64 that must be a safe integer (sizes, indexes, sequences). Throws `bytes.number-too-large`. */
  size(): number {
    const value = this.u64();
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new Refused('bytes.number-too-large', `${value} is no index or size`);
    return Number(value);
  }

  /** A view, not a copy. */
  take(length: number): Buffer {
    const start = this.#advance(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** u16 length and UTF-8. Throws `bytes.not-utf8`. */
  str16(): string {
    const bytes = this.take(this.u16());
    const text = bytes.toString('utf8');
    if (Buffer.byteLength(text) !== bytes.length || (text.includes('\uFFFD') && !Buffer.from(text).equals(bytes))) {
      throw new Refused('bytes.not-utf8', 'a text field is not UTF-8');
    }
    return text;
  }

  /** Throws `bytes.trailing` unless everything was read. */
  end(): void {
    if (this.remaining !== 0) throw new Refused('bytes.trailing', `${this.remaining} octets are left over`);
  }

  #advance(length: number): number {
    const start = this.#at;
    if (length > this.remaining) {
      throw new Refused('bytes.truncated', `${length} octets are needed at offset ${start}, ${this.remaining} are there`);
    }
    this.#at = start + length;
    return start;
  }
}
