// SPDX-License-Identifier: Apache-2.0
// What the framers of all stream protocols have in common: octets in, blocks of records out.
import type { CutRecord } from './unfinished-record.ts';

/** Takes what a framer finds, in the order of the stream. */
export interface RecordSink {
  /** Whole records: `lengths` in octets, and their bytes, end to end over `parts`. The memory is the sink's to keep. */
  records(parts: readonly Buffer[], lengths: Uint32Array): void;
  cut(record: CutRecord): void;
}

/** Why a stream ends: its peer closed it, or is given up because a frame took too long. */
export type StreamClose = 'closed' | 'given-up';
/** How it ended: between frames; in a line, which is kept as a record; inside a frame, which is kept cut. */
export type StreamEnd = 'complete' | 'unterminated' | 'unfinished';

export interface Framer {
  /** Whether a frame has begun and not ended. */
  readonly unfinished: boolean;
  /** Octets of memory held for it. */
  readonly memoryBytes: number;
  /**
   * Takes the stream's next octets; the chunk becomes the framer's and is overwritten. However a stream is divided into
   * chunks, its records are the same. Throws `Refused` after it has handed over every record before; the stream cannot
   * go on then.
   */
  push(chunk: Buffer, sink: RecordSink): void;
  end(how: StreamClose, sink: RecordSink): StreamEnd;
}

/** Longest record that is kept whole, unless the configuration says otherwise. */
export const RECORD_BYTES_DEFAULT = 256 * 1024;
