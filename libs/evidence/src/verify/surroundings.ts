// SPDX-License-Identifier: Apache-2.0
// What lies in the store beside what the checkpoint covers.
import type { SegmentFiles } from './segment-files.ts';
import type { Segments } from './segments.ts';
import type { GuardedReader } from './store-reader.ts';
import { TIMESTAMP_FILE } from './timestamps.ts';
import type { Findings } from './verdict.ts';

/** Beside the folders, the space that the vault sets aside for the day when the disk is full. */
const KNOWN = ['log/', 'segments/', 'commit/', 'orders/', 'timestamps/', 'rotations/', 'witnessed', 'mirror', 'reserve'];
/** C2SP tlog-tiles: levels 0 to 63, indexes in groups of three digits, widths of partial tiles. */
const LOG_FILE = /^log\/(checkpoint|tile\/(entries|[0-9]|[1-5][0-9]|6[0-3])\/(x[0-9]{3}\/)*[0-9]{3}(\.p\/[1-9][0-9]{0,2})?)$/;
const DEPTH_MAX = 8;

/** Names files that no format describes. */
export function noteUnknownFiles(reader: GuardedReader, findings: Findings): void {
  for (const name of reader.list('.')) {
    if (!KNOWN.includes(name)) findings.note('store.unknown-file', name, 'does not belong to a store');
  }
  noteUnknownIn('log', reader, findings, DEPTH_MAX);
  for (const name of reader.list('timestamps')) {
    if (!TIMESTAMP_FILE.test(name)) findings.note('store.unknown-file', `timestamps/${name}`, 'is no timestamp');
  }
}

function noteUnknownIn(directory: string, reader: GuardedReader, findings: Findings, depth: number): void {
  for (const name of reader.list(directory)) {
    const path = `${directory}/${name}`;
    const inner = name.endsWith('/') && depth > 0;
    if (inner) noteUnknownIn(path.slice(0, -1), reader, findings, depth - 1);
    else if (!LOG_FILE.test(path)) findings.note('store.unknown-file', path, 'does not belong to a log');
  }
}

/**
 * Octets of segments that the checkpoint does not cover. What follows the closed length of a torn segment is a leftover
 * without meaning and is not counted.
 */
export function uncommittedBytes(files: SegmentFiles, segments: Segments, findings: Findings): number {
  let octets = 0;
  for (const segment of files.segments()) {
    const state = segments.state(segment);
    if (state === undefined) findings.note('segment.unlisted', `segments/${segment}.seg`, 'nothing in it is covered by the checkpoint');
    if (state?.closed !== true && state?.destroyed !== true) octets += Math.max(0, files.length(segment) - (state?.end ?? 0));
  }
  return octets;
}
