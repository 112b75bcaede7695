// SPDX-License-Identifier: Apache-2.0
// This thread alone gives way: on the disk to all else, on the processor to what matters more, but not to everything, or
// checksums would wait for ever on a machine that is always busy. Linux knows both for each thread.
import { spawn } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { basename } from 'node:path';

/** Best effort: a policy may forbid it, and pacing is there all the same. */
export function stepBack(): void {
  try {
    const thread = Number(basename(readlinkSync('/proc/thread-self')));
    setPriority(thread, constants.priority.PRIORITY_BELOW_NORMAL);
    spawn('ionice', ['-c', '3', '-p', String(thread)], { stdio: 'ignore' }).once('error', () => undefined).unref();
  } catch {
    // Then it runs as it is.
  }
}
