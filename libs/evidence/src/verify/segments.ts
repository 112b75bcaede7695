// SPDX-License-Identifier: Apache-2.0
// Segments as the log tells of them: each batch's frame stands in its place with its digest, and a closing entry fixes
// the rest. One frame is in memory, and a few words for each segment.
import { createHash, hash } from 'node:crypto';
import type { BatchEntry, CloseEntry } from '../entry.ts';
import { advance, frameFault, readBounded } from './frames.ts';
import { judgeClose } from './segment-close.ts';
import { MISSING, checkedHeader } from './segment-header.ts';
import type { Fail, SegmentState, SegmentTools } from './segment-state.ts';

export class Segments {
  readonly #tools: SegmentTools;
  readonly #states = new Map<string, SegmentState>();
  #loose = false;
  records = 0;
  batches = 0;

  constructor(tools: SegmentTools) {
    this.#tools = tools;
  }

  get count(): number {
    return this.#states.size;
  }

  get states(): ReadonlyMap<string, SegmentState> {
    return this.#states;
  }

  /** What the log has said of a segment so far. */
  state(segment: string): SegmentState | undefined {
    return this.#states.get(segment);
  }

  /** Entries were lost: they may have been of any segment that is not closed, or of one not seen yet. */
  lost(): void {
    this.#loose = true;
    for (const state of this.#states.values()) state.loose = true;
  }

  batch(entry: BatchEntry, index: number): void {
    this.records += entry.records;
    this.batches += 1;
    const state = this.#open(entry.segment);
    const path = `segments/${entry.segment}.seg`;
    const fail: Fail = (code, detail) => this.#tools.findings.fail(code, `${path}@${entry.offset}`, `${detail} (log entry ${index})`);
    if (state.closed) fail('segment.closed', 'a batch follows the closing entry of its segment');
    if (state.destroyed) fail('segment.destroyed', 'a batch follows the destruction of its segment');
    count(state, entry);
    if (state.header === null) return this.#unread(state, entry);
    state.headerDigest = entry.header;
    if (!state.header.digest.equals(entry.header)) this.#tools.findings.fail('segment.header', path, 'the header is not the one that the log names');
    if (state.header.keyId !== entry.key) this.#tools.findings.fail('segment.header', path, `the header names the key ${state.header.keyId}, the log ${entry.key}`);
    advance(state, entry, this.#tools, fail);
    const frame = readBounded(this.#tools.files, entry.segment, entry.offset, entry.length);
    if (frame === null) {
      state.logical = null;
      return fail('segment.truncated', `the ${entry.length} octets of a frame are not all there`);
    }
    this.#tools.progress(frame.length);
    state.logical?.update(frame);
    if (!hash('sha256', frame, 'buffer').equals(entry.digest)) return fail('segment.frame-digest', 'the frame is not the one that was sealed');
    const fault = frameFault(frame, entry.frame, false);
    if (fault !== null) return fail('segment.frame', fault);
    this.#tools.contents.batch(entry, index, state.header, frame);
  }

  close(entry: CloseEntry, index: number): void {
    const state = this.#open(entry.segment);
    const fail: Fail = (code, detail) => this.#tools.findings.fail(code, `segments/${entry.segment}.seg`, `${detail} (log entry ${index})`);
    if (state.closed) fail('segment.closed', 'it is closed twice');
    else if (state.header !== null) judgeClose(state, entry, this.#tools, fail);
    if (entry.state === 'torn') this.#tools.findings.note('segment.torn', `segments/${entry.segment}.seg`, `a crash interrupted it after ${entry.frames} frames`);
    this.#tools.contents.forget(entry.segment);
    state.closed = true;
    state.logical = null;
  }

  /** A batch that nobody can look at any more still counts; its streams are followed anew after it. */
  #unread(state: SegmentState, { frame, offset, length }: BatchEntry): void {
    state.frames = frame + 1;
    state.end = offset + length;
    this.#tools.contents.missed();
  }

  /** What is missing and was not destroyed, and what was destroyed and is still there. */
  end(): void {
    for (const { id, missing, destroyed } of this.#states.values()) {
      if (missing && !destroyed) this.#tools.findings.fail('segment.missing', `segments/${id}.seg`, MISSING);
      if (!missing && destroyed) this.#tools.findings.note('segment.remains', `segments/${id}.seg`, 'the log says that it was destroyed, and its octets are still here');
    }
  }

  #open(segment: string): SegmentState {
    const known = this.#states.get(segment);
    if (known !== undefined) return known;
    const missing = !this.#tools.files.has(segment);
    const header = missing ? null : checkedHeader(this.#tools.files, segment, this.#tools.origin, this.#tools.findings);
    const logical = header === null ? null : createHash('sha256').update(header.bytes);
    const state: SegmentState = {
      id: segment, header, headerDigest: header?.digest ?? null, frames: 0, end: header?.length ?? 0, logical, closed: false, loose: this.#loose,
      missing, destroyed: false, bucket: '', records: 0, bytes: 0,
    };
    this.#states.set(segment, state);
    if (header !== null) this.#tools.progress(header.length);
    return state;
  }
}

function count(state: SegmentState, { key, records, bytes }: BatchEntry): void {
  const bucket = key.slice(0, key.lastIndexOf('/'));
  state.bucket = state.bucket === '' || state.bucket === bucket ? bucket : null;
  state.records += records;
  state.bytes += bytes;
}
