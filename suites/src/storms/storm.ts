// SPDX-License-Identifier: Apache-2.0
// storm.c, built where it is needed.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const directory = mkdtempSync(join(tmpdir(), 'strongroom-storm-'));
const program = join(directory, 'storm');
// Also where everything is skipped.
process.on('exit', () => rmSync(directory, { recursive: true, force: true }));

/** Why it cannot be had, or false. Linked statically: it is started thousands of times. */
export function buildStorm(): string | false {
  const { status, stderr, error } = spawnSync('gcc', ['-std=gnu17', '-O2', '-Wall', '-Wextra', '-static', join(import.meta.dirname, 'storm.c'), '-o', program], { encoding: 'utf8' });
  return status === 0 ? false : `machine: storm.c was not built: ${error?.message ?? stderr}`;
}

/** What it says that it made. Throws when it failed. */
export function storm(args: readonly string[]): Readonly<Record<string, number>> {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`storm ${args.join(' ')} ended with ${status}: ${stderr}`);
  return JSON.parse(stdout) as Record<string, number>;
}
