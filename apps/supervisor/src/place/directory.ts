// SPDX-License-Identifier: Apache-2.0
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Makes a directory and those above it that are missing. Node's own recursive mkdir never returns where a directory
 * cannot be made and the system says ENOENT (below /proc); here each is tried once. Throws the system's error.
 */
export function makeDirectory(path: string, mode = 0o755): void {
  if (tryMake(path, mode) === 'made') return;
  if (dirname(path) !== path) makeDirectory(dirname(path), 0o755);
  mkdirSync(path, { mode });
}

function tryMake(path: string, mode: number): 'made' | 'no-parent' {
  try {
    mkdirSync(path, { mode });
    return 'made';
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return 'made';
    if (code === 'ENOENT') return 'no-parent';
    throw error;
  }
}
