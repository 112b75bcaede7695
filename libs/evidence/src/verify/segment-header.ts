// SPDX-License-Identifier: Apache-2.0
import { Refused } from '@strongroom/bytes';
import { SEGMENT_HEADER_MAX, decodeSegmentHeader, segmentHeaderDigest, type SegmentHeader } from '../segment.ts';
import type { SegmentFiles } from './segment-files.ts';
import { reason, type Findings } from './verdict.ts';

/** Said of a segment once, whoever misses it. */
export const MISSING = 'its batches are known, and it is not there';

/** A header that belongs to its place, with what later checks need of it. */
export interface CheckedHeader extends SegmentHeader {
  readonly digest: Buffer;
  readonly length: number;
  readonly bytes: Buffer;
}

/** The header of a segment of this log that is there, or null after naming what is wrong. */
export function checkedHeader(files: SegmentFiles, segment: string, origin: string, findings: Findings): CheckedHeader | null {
  const where = `segments/${segment}.seg`;
  const bytes = files.read(segment, 0, Math.min(SEGMENT_HEADER_MAX, files.length(segment)));
  if (bytes === null) {
    findings.fail('segment.truncated', where, 'its beginning is not all there');
    return null;
  }
  try {
    const { header, length } = decodeSegmentHeader(bytes);
    if (header.id !== segment) findings.fail('segment.header', where, `the header is of segment ${header.id}`);
    if (header.origin !== origin) findings.fail('segment.header', where, `the header is of the log ${header.origin}`);
    const own = Buffer.from(bytes.subarray(0, length));
    return { ...header, digest: segmentHeaderDigest(own), length, bytes: own };
  } catch (error) {
    const short = error instanceof Refused && error.code === 'bytes.truncated' && bytes.length < SEGMENT_HEADER_MAX;
    findings.fail(short ? 'segment.truncated' : 'segment.header', where, short ? 'its header is not all there' : reason(error));
    return null;
  }
}
