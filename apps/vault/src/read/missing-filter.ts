// SPDX-License-Identifier: Apache-2.0
// The filter of a segment that has none, because a crash ended it or because it is older than filters: made from the
// segment itself, while nobody reads.
import { closeSync, openSync, readSync } from 'node:fs';
import {
  FRAME_HEADER_BYTES, SEGMENT_HEADER_MAX, decodeBatch, decodeFrameHeader, decodeSegmentHeader, keyCommitment, openFrame, segmentHeaderDigest, xaesKey,
  type XaesKey,
} from '@strongroom/evidence';
import { FilterBuilder } from './filter.ts';
import type { SegmentParts } from './parts.ts';

/**
 * The filter's octets, of as many frames as can be opened one after the other; of those behind them it says nothing. Null
 * when not even the first can, or when `goOn` told to stop.
 */
export async function missingFilter(segment: string, parts: SegmentParts, dataKey: Buffer, goOn: () => Promise<boolean>): Promise<Buffer | null> {
  const start = attempt(() => startOf(segment, parts, dataKey));
  if (start === null) return null;
  const [key, builder] = [xaesKey(dataKey), new FilterBuilder()];
  for (let at = start.length; await goOn(); ) {
    const length = attempt(() => addFrame(builder, segment, parts, at, key, start.digest));
    if (length === null) return builder.frames === 0 ? null : builder.seal(key, segment, start.digest);
    at += length;
  }
  return null;
}

/** Length and digest of the segment's header. */
function startOf(segment: string, parts: SegmentParts, dataKey: Buffer): { length: number; digest: Buffer } | null {
  const bytes = readAt(parts, segment, 0, SEGMENT_HEADER_MAX);
  const { header, length } = decodeSegmentHeader(bytes);
  if (header.id !== segment || !keyCommitment(dataKey, segment).equals(header.commitment)) return null;
  return { length, digest: segmentHeaderDigest(bytes.subarray(0, length)) };
}

/** The length of the frame at an offset, once its runs are added; null where no further batch is. */
function addFrame(builder: FilterBuilder, segment: string, parts: SegmentParts, at: number, key: XaesKey, digest: Buffer): number | null {
  const { index, final, sealedLength } = decodeFrameHeader(readAt(parts, segment, at, FRAME_HEADER_BYTES));
  if (final || index !== builder.frames) return null;
  const frame = readAt(parts, segment, at, FRAME_HEADER_BYTES + sealedLength);
  const { runs } = decodeBatch(openFrame(key, digest, frame));
  builder.add(runs, runs.reduce((sum, run) => sum + run.data.length, 0));
  return frame.length;
}

/** Up to `length` octets; decoders notice when they are fewer. */
function readAt(parts: SegmentParts, segment: string, offset: number, length: number): Buffer {
  const part = parts.at(segment, offset);
  const bytes = Buffer.allocUnsafe(length);
  const fd = openSync(part.path, 'r');
  try {
    return bytes.subarray(0, readSync(fd, bytes, 0, length, offset - part.offset));
  } finally {
    closeSync(fd);
  }
}

/** Null when it throws: a segment ends where nothing more can be opened. */
function attempt<T>(work: () => T): T | null {
  try {
    return work();
  } catch {
    return null;
  }
}
