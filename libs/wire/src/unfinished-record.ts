// SPDX-License-Identifier: Apache-2.0
// A record whose end has not come yet. It keeps at most the limit; beyond that it only counts and hashes.
import { createHash, hash, type Hash } from 'node:crypto';

/** A record that is not whole: its beginning is kept, and the facts of the rest. */
export interface CutRecord {
  readonly beginning: Buffer;
  /** Octets of the message as announced, or as counted where nothing announces them. */
  readonly fullLength: number;
  /** SHA-256 over every octet that arrived: the whole message, unless it is `unfinished`. */
  readonly fullHash: Buffer;
  /** Octets that arrived. */
  readonly received: number;
  readonly reason: 'too-long' | 'unfinished';
}

const CAPACITY_FIRST = 512;
const EMPTY: Buffer = Buffer.alloc(0);

export class UnfinishedRecord {
  readonly #limit: number;
  #kept: Buffer = EMPTY;
  #keptLength = 0;
  #received = 0;
  #hash: Hash | undefined; // from the moment when more has arrived than is kept

  constructor(limitBytes: number) {
    this.#limit = limitBytes;
  }

  /** Octets that have arrived. */
  get received(): number {
    return this.#received;
  }

  /** Octets of memory in use. */
  get memoryBytes(): number {
    return this.#kept.length;
  }

  append(chunk: Buffer, start: number, end: number): void {
    const length = end - start;
    if (this.#received + length > this.#limit) this.#hashOn(chunk, start, end);
    this.#received += length;
    const keep = Math.min(length, this.#limit - this.#keptLength);
    if (keep === 0) return;
    this.#reserve(this.#keptLength + keep);
    chunk.copy(this.#kept, this.#keptLength, start, start + keep);
    this.#keptLength += keep;
  }

  /** What was kept, and begins anew. */
  take(): Buffer {
    const bytes = this.#kept.subarray(0, this.#keptLength);
    this.#kept = EMPTY;
    this.#keptLength = 0;
    this.#received = 0;
    this.#hash = undefined;
    return bytes;
  }

  /** The record as evidence although it is not whole, and begins anew. */
  takeCut(reason: CutRecord['reason'], announced?: number): CutRecord {
    const received = this.#received;
    const hashed = this.#hash?.digest();
    const beginning = this.take();
    return { beginning, fullLength: announced ?? received, fullHash: hashed ?? hash('sha256', beginning, 'buffer'), received, reason };
  }

  #hashOn(chunk: Buffer, start: number, end: number): void {
    this.#hash ??= createHash('sha256').update(this.#kept.subarray(0, this.#keptLength));
    this.#hash.update(chunk.subarray(start, end));
  }

  // Doubling, and never beyond the limit: an announced length alone reserves nothing.
  #reserve(needed: number): void {
    if (needed <= this.#kept.length) return;
    const capacity = Math.min(this.#limit, Math.max(needed, CAPACITY_FIRST, this.#kept.length * 2));
    const larger = Buffer.allocUnsafe(capacity);
    this.#kept.copy(larger, 0, 0, this.#keptLength);
    this.#kept = larger;
  }
}
