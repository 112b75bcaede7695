// SPDX-License-Identifier: Apache-2.0
// Compiled code, handed from one appliance to the next: each home has a cache of its own, and to fill it takes longer than
// most tests. What it is worth is the supervisor's to judge, by its stamps, and Node's, by each file's checksum.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';

const KEPT = join(import.meta.dirname, '../../../node_modules/.cache/strongroom-code/appliances');
/** Node's folder for code that we compiled; those of services' users are links. */
const OURS = new RegExp(`-${process.getuid?.() ?? ''}$`);
/** A stamp of code under the very paths that it has here; under those of a view each home has its own. */
const STAMP = /^(supervisor|services)-[0-9a-f]+\.stamp$/;

/** Gives a home that has none the code that an appliance before it left. */
export function lendCode(cache: string): void {
  if (existsSync(cache) || !existsSync(KEPT)) return;
  mkdirSync(dirname(cache), { recursive: true });
  copy(KEPT, cache);
}

/** Keeps what a home has and earlier ones had not. */
export function keepCode(cache: string): void {
  if (!existsSync(cache)) return;
  mkdirSync(KEPT, { recursive: true });
  const names = readdirSync(cache);
  const stamps = names.filter((name) => STAMP.test(name));
  const isCurrent = stamps.every((name) => existsSync(join(KEPT, name)));
  if (!isCurrent) for (const name of readdirSync(KEPT).filter((one) => STAMP.test(one))) rmSync(join(KEPT, name), { force: true });
  // Stamps last: with them a home takes the rest for whole.
  for (const name of [...names.filter((one) => OURS.test(one)), ...stamps]) copy(join(cache, name), join(KEPT, name), isCurrent ? '--no-clobber' : '--remove-destination');
}

/** By links where it can be: nobody writes into these files, Node replaces them. What is copied meanwhile may be half: Node sees that. */
function copy(from: string, to: string, ...options: readonly string[]): void {
  const isDone = (...how: readonly string[]): boolean => spawnSync('cp', ['--archive', '--no-target-directory', ...how, ...options, from, to], { stdio: 'ignore' }).status === 0;
  if (!isDone('--link')) isDone();
}
