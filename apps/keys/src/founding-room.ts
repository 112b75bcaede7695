// SPDX-License-Identifier: Apache-2.0
// Founding needs room for the token's files, and a full volume shall leave nothing half made: neither PINs without a token nor
// a token whose last key was cut off.
import { readdirSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { Refused } from '@strongroom/bytes';
import { readFounded } from './founded.ts';

/** The embedded token's files take about a tenth of it, identities of services and of the operator some more. */
const FOUNDING_BYTES_MIN = 1024 * 1024;
const FOUNDING_FILES_MIN = 64;
/** Below this a failure of whatever kind is put down to it: SoftHSM does not say why it could not write. */
const FULL_BYTES = 64 * 1024;
const MADE = ['token', 'pin', 'so-pin', 'softhsm2.conf', 'ca.pem'];

/** Runs the founding of an embedded token in `directory`. Throws what `found` throws, and `Refused('keys.no-room')`. */
export async function withRoom<T>(directory: string, found: () => Promise<T>): Promise<T> {
  const { bytes, files } = free(directory);
  if (bytes < FOUNDING_BYTES_MIN) throw noRoom(directory, `it has ${bytes} octets free, ${FOUNDING_BYTES_MIN} are needed`);
  if (files < FOUNDING_FILES_MIN) throw noRoom(directory, `its file system takes ${files} more files, ${FOUNDING_FILES_MIN} are needed`);
  try {
    return await found();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const isFull = code === 'ENOSPC' || code === 'EDQUOT' || free(directory).bytes < FULL_BYTES;
    if (!isFull || readFounded(directory) !== undefined) throw error;
    removeMade(directory);
    throw noRoom(directory, message, error);
  }
}

/** Before founded.json nothing of it was handed out, and the next attempt makes all of it anew. */
function removeMade(directory: string): void {
  const unfinished = readdirSync(directory).filter((name) => name.endsWith('.new'));
  for (const name of [...MADE, ...unfinished]) rmSync(join(directory, name), { recursive: true, force: true });
}

/** File systems that make files as they need them tell of none. */
function free(directory: string): { readonly bytes: number; readonly files: number } {
  const { bavail, bsize, files, ffree } = statfsSync(directory);
  return { bytes: bavail * bsize, files: files === 0 ? Infinity : ffree };
}

function noRoom(directory: string, why: string, cause?: unknown): Refused {
  return new Refused('keys.no-room', `there is no room in ${directory} to make this deployment's keys`, {
    why, fix: 'make room on that file system, or put the home\'s secrets/ on another one, and start again: nothing was made', cause,
  });
}
