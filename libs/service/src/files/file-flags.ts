// SPDX-License-Identifier: Apache-2.0
// What `chattr` has set, as `lsattr` of e2fsprogs reads it (FS_IOC_GETFLAGS, which Node has no call for): many files at
// once, because each call is a process.
import { spawnSync } from 'node:child_process';
import { basename } from 'node:path';
import type { FileFlag } from '@strongroom/evidence';

const FILES_AT_ONCE = 256;
const TIMEOUT_MS = 30_000;
const OUTPUT_BYTES_MAX = 4 * 1024 * 1024;
const LINE = /^([-A-Za-z]{8,64}) (.+)$/;

/**
 * Flags by file name of files in one directory, whose names hold no line feed. What is not there, or lies on a file system
 * without flags, is left out; all of it where there is no `lsattr`.
 */
export function readFileFlags(paths: readonly string[]): Map<string, FileFlag> {
  const found = new Map<string, FileFlag>();
  for (let at = 0; at < paths.length; at += FILES_AT_ONCE) {
    // It ends with 1 when one of the files could not be asked, and tells of the others all the same.
    const { stdout } = spawnSync('lsattr', ['--', ...paths.slice(at, at + FILES_AT_ONCE)], { encoding: 'utf8', timeout: TIMEOUT_MS, maxBuffer: OUTPUT_BYTES_MAX, stdio: ['ignore', 'pipe', 'ignore'] });
    for (const line of (stdout ?? '').split('\n')) {
      const [, flags, path] = LINE.exec(line) ?? [];
      if (flags === undefined) continue;
      found.set(basename(path!), flags.includes('i') ? 'immutable' : flags.includes('a') ? 'append' : 'none');
    }
  }
  return found;
}
