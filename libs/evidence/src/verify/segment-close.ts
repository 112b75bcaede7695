// SPDX-License-Identifier: Apache-2.0
// A closing entry fixes what a segment is: its length, its count of frames, its digest, whether it ended in order.
import type { CloseEntry } from '../entry.ts';
import { frameFault, readBounded, skipTo } from './frames.ts';
import type { Fail, SegmentState, SegmentTools } from './segment-state.ts';

/** Judges the close of a segment whose batches have all been read. */
export function judgeClose(state: SegmentState, entry: CloseEntry, tools: SegmentTools, fail: Fail): void {
  const whole = entry.state === 'whole';
  const batches = whole ? entry.frames - 1 : entry.frames;
  if (state.loose ? batches < state.frames : batches !== state.frames) {
    fail('segment.closed-frames', `it is closed with ${entry.frames} frames, the log has ${state.frames} batches in it`);
  }
  const rest = entry.length - state.end;
  const fits = state.loose ? rest >= 0 : whole ? rest > 0 : rest === 0;
  if (!fits) return fail('segment.closed-length', `it is closed at ${entry.length}, its last batch ends at ${state.end}`);
  if (entry.length > tools.files.length(entry.segment)) {
    return fail('segment.truncated', `it has ${tools.files.length(entry.segment)} octets of ${entry.length}`);
  }
  if (whole && !state.loose) finalFrame(state, entry, tools, fail);
  else skipTo(state, entry.length, tools);
  closingDigest(state, entry, tools, fail);
}

function finalFrame(state: SegmentState, entry: CloseEntry, tools: SegmentTools, fail: Fail): void {
  const frame = readBounded(tools.files, entry.segment, state.end, entry.length - state.end);
  if (frame === null) {
    state.logical = null;
    return fail('segment.final-frame', 'the octets before its end are no final frame');
  }
  tools.progress(frame.length);
  state.logical?.update(frame);
  const fault = frameFault(frame, entry.frames - 1, true) ?? tools.contents.finalFault(state.header!, state.headerDigest!, frame);
  if (fault !== null) fail('segment.final-frame', fault);
}

function closingDigest(state: SegmentState, entry: CloseEntry, { files, checksums }: SegmentTools, fail: Fail): void {
  const digest = state.logical?.digest();
  if (digest !== undefined && !digest.equals(entry.digest)) fail('segment.closed-digest', 'its octets are not those that were closed');
  const extra = files.length(entry.segment) - entry.length;
  if (entry.state === 'whole' && extra > 0) fail('segment.trailing', `${extra} octets follow its end, though it was closed in order`);
  checksums.closed(entry, digest ?? null);
}
