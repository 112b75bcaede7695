// SPDX-License-Identifier: Apache-2.0
// What the person who started us reads on the terminal: errors are three lines, what, why, what to do.
import { Bug, Failed, Refused } from '@strongroom/bytes';
import { exitCodeFor } from '@strongroom/service';

/** An error in three lines. */
export function threeLines(error: unknown): string {
  if (error instanceof Refused || error instanceof Failed || error instanceof Bug) {
    return `strongroom: ${error.message}\n  why: ${error.why ?? error.code}\n  do:  ${error.fix ?? 'see the lines above'}\n`;
  }
  const { code, path } = (error ?? {}) as NodeJS.ErrnoException;
  if (typeof path === 'string' && (isFull(code) || code === 'EACCES' || code === 'EPERM' || code === 'EROFS')) {
    return `strongroom: ${path} cannot be used\n  why: ${(error as Error).message}\n  do:  ${fixFor(code, 'start as the user who owns the home')}\n`;
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `strongroom: the supervisor failed\n  why: ${text}\n  do:  report this, with these lines\n`;
}

function isFull(code: string | undefined): boolean {
  return code === 'ENOSPC' || code === 'EDQUOT';
}

/** What to do where a path of the home cannot be written. `owner`: what helps where a right is missing. */
export function fixFor(code: string | undefined, owner: string): string {
  if (isFull(code)) return 'make room on that file system (df, and df -i for its number of files), and start again';
  return `${owner}, or as root; or set STRONGROOM_HOME to another directory`;
}

/** Prints an error and ends: 78 for what a person must correct, 75 for what may pass, 1 for a bug. */
export function endWith(error: unknown): never {
  process.stderr.write(threeLines(error));
  process.exit(exitCodeFor(error));
}

/** One line for the person at the terminal. */
export function say(line: string): void {
  process.stderr.write(`strongroom: ${line}\n`);
}
