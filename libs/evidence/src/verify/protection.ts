// SPDX-License-Identifier: Apache-2.0
// Whether the file system keeps segments from being altered. It proves nothing, whoever is root takes the flags off: so
// one that is missing makes a store worth a look (degraded) and never invalid.
import type { SegmentFiles } from './segment-files.ts';
import type { Segments } from './segments.ts';
import type { Findings } from './verdict.ts';

/** What the file system holds a file to: nothing, to grow only, or never to change. */
export type FileFlag = 'none' | 'append' | 'immutable';

export interface Protection {
  /**
   * Flags of files of the store, by path; a file that the answer lacks lies where there are no flags. Asked again for those
   * that lack one: beside a running vault the answer may then be another.
   */
  readonly flags: (paths: readonly string[]) => ReadonlyMap<string, FileFlag>;
  /** Whether flags were ever set here: if not, a store without any is as it was left. */
  readonly expected: boolean;
}

/** Notes files of segments that lack their flag. Returns what is held, in words. */
export function judgeProtection({ flags, expected }: Protection, files: SegmentFiles, segments: Segments, findings: Findings): string {
  const wanted = wantedFlags(files, segments);
  const found = flags([...wanted.keys()]);
  if (found.size === 0) return wanted.size === 0 ? 'nothing to hold yet' : 'not held: this file system keeps no flags, or they cannot be read here';
  if (!expected && [...found.values()].every((flag) => flag === 'none')) return 'not held: no segment was ever flagged here';
  const lacking = lackingOf(wanted, found);
  const still = lacking.length === 0 ? lacking : lackingOf(wanted, flags(lacking));
  for (const path of still) {
    const detail = wanted.get(path) === 'immutable' ? 'its segment is closed, and it is not immutable' : 'its segment is being written, and it is not append-only';
    findings.degrade('segment.unprotected', path, detail);
  }
  return still.length === 0 ? `held: ${found.size} files` : `not held whole: ${still.length} of ${found.size} files lack their flag`;
}

function lackingOf(wanted: ReadonlyMap<string, FileFlag>, found: ReadonlyMap<string, FileFlag>): string[] {
  return [...found].filter(([path, flag]) => flag !== 'immutable' && flag !== wanted.get(path)).map(([path]) => path);
}

/** Every file of a segment that the log tells of. */
function wantedFlags(files: SegmentFiles, segments: Segments): Map<string, FileFlag> {
  const wanted = new Map<string, FileFlag>();
  for (const segment of files.segments()) {
    const state = segments.state(segment);
    if (state === undefined) continue;
    for (const { path } of files.parts(segment)) wanted.set(path, state.closed ? 'immutable' : 'append');
  }
  return wanted;
}
