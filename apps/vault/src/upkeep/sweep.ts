// SPDX-License-Identifier: Apache-2.0
// Files of closed segments that lack their flag, because a crash came between or somebody took it off. A few files at a
// time, newest first, and how far it got is remembered: no start looks at all of them.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parsePartName, type FileFlag } from '@strongroom/evidence';

const FILES_AT_ONCE = 256;

export interface Step {
  /** Paths that should be immutable and are not. */
  readonly lacking: readonly string[];
  /** Where the next step goes on; null: at the newest again, this one came to the end. */
  readonly sweptTo: string | null;
}

/** `isOpen`: segments that are written to, or flagged just now. `readFlags` tells them by file name. */
export function sweepStep(directory: string, sweptTo: string | null, isOpen: (segment: string) => boolean, readFlags: (paths: readonly string[]) => ReadonlyMap<string, FileFlag>): Step {
  const names = segmentFiles(directory).filter((name) => sweptTo === null || name < sweptTo);
  const looked = names.slice(0, FILES_AT_ONCE);
  const flags = readFlags(looked.map((name) => join(directory, name)));
  const lacking = looked.filter((name) => flags.has(name) && flags.get(name) !== 'immutable' && !isOpen(parsePartName(name)!.segment));
  return { lacking: lacking.map((name) => join(directory, name)), sweptTo: names.length > looked.length ? looked.at(-1)! : null };
}

/** Newest first. */
function segmentFiles(directory: string): string[] {
  return readdirSync(directory).filter((name) => parsePartName(name) !== null).sort().reverse();
}
