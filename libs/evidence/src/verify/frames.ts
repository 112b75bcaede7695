// SPDX-License-Identifier: Apache-2.0
// Reading frames in order, and what is wrong with one.
import type { BatchEntry } from '../entry.ts';
import { FRAME_HEADER_BYTES, FRAME_PLAIN_MAX, decodeFrameHeader } from '../segment.ts';
import { TAG_BYTES } from '../xaes.ts';
import type { SegmentFiles } from './segment-files.ts';
import type { Fail, SegmentState, SegmentTools } from './segment-state.ts';
import { reason } from './verdict.ts';

const FRAME_BYTES_MAX = FRAME_HEADER_BYTES + FRAME_PLAIN_MAX + TAG_BYTES;
const PIECE_BYTES = 1024 * 1024;

/** Moves past the entry's frame, which must begin where the one before ended. */
export function advance(state: SegmentState, { frame, offset, length }: BatchEntry, tools: SegmentTools, fail: Fail): void {
  if (state.loose && frame > state.frames && offset > state.end) skipTo(state, offset, tools);
  else if (frame !== state.frames || offset !== state.end) {
    fail('segment.place', `frame ${frame} lies at ${offset}, where frame ${state.frames} at ${state.end} is next`);
    state.logical = null;
  }
  state.frames = frame + 1;
  state.end = offset + length;
  state.loose = false;
}

/** Hashes frames whose entries were lost, so that the closing digest still tells whether they are whole. */
export function skipTo(state: SegmentState, to: number, { files, progress }: SegmentTools): void {
  for (let at = state.end; at < to && state.logical !== null; at += PIECE_BYTES) {
    const piece = files.read(state.id, at, Math.min(to - at, PIECE_BYTES));
    if (piece === null) state.logical = null;
    else state.logical.update(piece);
    progress(piece?.length ?? 0);
  }
  state.end = to;
}

/** A frame's octets; null when they are not there or are more than a frame can have. */
export function readBounded(files: SegmentFiles, segment: string, offset: number, length: number): Buffer | null {
  return length > FRAME_BYTES_MAX || offset + length > files.length(segment) ? null : files.read(segment, offset, length);
}

/** What a frame's header says against its place, or null when it agrees. */
export function frameFault(frame: Buffer, index: number, final: boolean): string | null {
  try {
    const header = decodeFrameHeader(frame);
    if (header.index !== index) return `the frame says that it is number ${header.index} and stands as ${index}`;
    if (header.final !== final) return final ? 'the last frame is not marked final' : 'a frame marked final holds a batch';
    return header.sealedLength + FRAME_HEADER_BYTES === frame.length ? null : `the frame of ${frame.length} octets says that ${header.sealedLength} are sealed`;
  } catch (error) {
    return reason(error);
  }
}
