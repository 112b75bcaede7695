// SPDX-License-Identifier: Apache-2.0
// The flags of this home's own segments, as its file system has them.
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { FileFlag, Protection } from '@strongroom/evidence';
import { readFileFlags, type Layout } from '@strongroom/service/client';

/** A running vault flags a segment just after it was opened or closed. */
const SECOND_LOOK_MS = 1000;

export function homeProtection(paths: Layout): Protection {
  let looks = 0;
  const flags = (files: readonly string[]): ReadonlyMap<string, FileFlag> => {
    if (looks > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, SECOND_LOOK_MS);
    looks += 1;
    return read(paths.store, files);
  };
  return { flags, expected: wereSet(paths) };
}

function read(store: string, files: readonly string[]): Map<string, FileFlag> {
  const byName = new Map(files.map((path) => [basename(path), path]));
  return new Map([...readFileFlags(files.map((path) => join(store, path)))].map(([name, flag]) => [byName.get(name)!, flag]));
}

/** Whether the vault of this home ever had a flag set. */
function wereSet(paths: Layout): boolean {
  try {
    return (JSON.parse(readFileSync(join(paths.vaultState, 'upkeep.json'), 'utf8')) as { flagsHeld?: unknown }).flagsHeld === true;
  } catch {
    return false;
  }
}
