// SPDX-License-Identifier: Apache-2.0
// For tests and fuzzing: drives a framer over a stream in given chunks and notes all that comes out.
import { Refused } from '@strongroom/bytes';
import type { Framer, RecordSink, StreamEnd } from '../framer.ts';
import type { CutRecord } from '../unfinished-record.ts';

export type Found = Buffer | CutRecord;

export interface Outcome {
  readonly found: readonly Found[];
  /** How many of them are owed an answer. */
  readonly owed: number;
  readonly end: StreamEnd | undefined;
  /** Code of the refusal, if the stream was refused. */
  readonly refused: string | undefined;
  /** Most memory that was held for an unfinished frame. */
  readonly memoryBytesMax: number;
}

/** Feeds copies of `chunks`, then closes the stream. Rethrows everything but `Refused`. */
export function collect(framer: Framer, chunks: Iterable<Buffer>): Outcome {
  const found: Found[] = [];
  const sink: RecordSink = {
    records: (parts, lengths) => { found.push(...divide(Buffer.concat(parts), lengths)); },
    cut: (record) => { found.push(record); },
  };
  let memoryBytesMax = 0;
  try {
    for (const chunk of chunks) {
      framer.push(Buffer.from(chunk), sink);
      memoryBytesMax = Math.max(memoryBytesMax, framer.memoryBytes);
    }
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { found, owed: found.length, end: undefined, refused: error.code, memoryBytesMax };
  }
  const owed = found.length;
  return { found, owed, end: framer.end('closed', sink), refused: undefined, memoryBytesMax };
}

function divide(data: Buffer, lengths: Uint32Array): Buffer[] {
  const records: Buffer[] = [];
  let at = 0;
  for (const length of lengths) {
    records.push(Buffer.from(data.subarray(at, at + length)));
    at += length;
  }
  if (at !== data.length) throw new Error(`the lengths add up to ${at}, the data has ${data.length} octets`);
  return records;
}

/** Chunks of `size` octets, the last one shorter. */
export function* inChunks(stream: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < stream.length; at += size) yield stream.subarray(at, at + size);
}
