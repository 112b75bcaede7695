// SPDX-License-Identifier: Apache-2.0
// Where framers put the records that they find. The common record lies whole in one chunk: it is moved down inside that
// chunk, next to the record before it, so a chunk's records become one contiguous block without an object, a buffer or
// an allocation for each. Only what a chunk leaves unfinished is copied, into memory that never exceeds the record limit.
import type { RecordSink } from './framer.ts';
import { UnfinishedRecord, type CutRecord } from './unfinished-record.ts';

const EMPTY: Buffer = Buffer.alloc(0);

// Lengths of the block that is being filled. Shared by all framers: no block outlives the push that fills it.
let lengths = new Uint32Array(4096);

export class RecordBlock {
  /** The record that the stream is in the middle of. */
  readonly unfinished: UnfinishedRecord;
  readonly #limit: number;
  #chunk: Buffer = EMPTY;
  #from = 0; // the block's bytes are chunk[from, to),
  #to = 0;
  #before: Buffer | undefined; // and before them what earlier chunks brought of its first record
  #count = 0;

  constructor(limitBytes: number) {
    this.unfinished = new UnfinishedRecord(limitBytes);
    this.#limit = limitBytes;
  }

  /** Takes a chunk over: its bytes will be moved about. */
  begin(chunk: Buffer): void {
    this.#chunk = chunk;
    this.#from = 0;
    this.#to = 0;
  }

  /** A record that lies whole in the chunk, at [start, end). */
  whole(start: number, end: number, sink: RecordSink): void {
    const length = end - start;
    if (length > this.#limit) {
      this.unfinished.append(this.#chunk, start, end);
      this.cut('too-long', undefined, sink);
      return;
    }
    if (start !== this.#to) this.#chunk.copyWithin(this.#to, start, end);
    this.#to += length;
    this.#note(length);
  }

  /** [start, end) belongs to the unfinished record. */
  hold(start: number, end: number): void {
    this.unfinished.append(this.#chunk, start, end);
  }

  /** The unfinished record ends at `end`, its last part begins the chunk. */
  finish(end: number, sink: RecordSink): void {
    const length = this.unfinished.received + end;
    if (length > this.#limit) {
      this.unfinished.append(this.#chunk, 0, end);
      this.cut('too-long', undefined, sink);
      return;
    }
    this.#before = this.unfinished.take();
    this.#to = end;
    this.#note(length);
  }

  /** What was held becomes a cut record. */
  cut(reason: CutRecord['reason'], announced: number | undefined, sink: RecordSink): void {
    this.flush(sink);
    sink.cut(this.unfinished.takeCut(reason, announced));
  }

  /** Hands the block to the sink; the chunk may go on to fill another. */
  flush(sink: RecordSink): void {
    if (this.#count === 0) return;
    const block = this.#chunk.subarray(this.#from, this.#to);
    const parts = this.#before === undefined || this.#before.length === 0 ? [block] : [this.#before, block];
    const noted = lengths.slice(0, this.#count);
    this.#from = this.#to;
    this.#before = undefined;
    this.#count = 0;
    sink.records(parts, noted);
  }

  #note(length: number): void {
    if (this.#count === lengths.length) {
      const larger = new Uint32Array(lengths.length * 2);
      larger.set(lengths);
      lengths = larger;
    }
    lengths[this.#count] = length;
    this.#count += 1;
  }
}
