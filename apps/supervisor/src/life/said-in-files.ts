// SPDX-License-Identifier: Apache-2.0
// What this machine says of itself in files that may not be there.
import { readdirSync, readFileSync } from 'node:fs';

const ENTRIES_MAX = 1000;

/** The first of them; none where the directory cannot be read. */
export function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory).slice(0, ENTRIES_MAX);
  } catch {
    return [];
  }
}

/** A file's text, or `other` where it cannot be read. */
export function textOr(path: string, other: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return other;
  }
}
