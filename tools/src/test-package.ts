// SPDX-License-Identifier: Apache-2.0
// A package's `test` script: runs the `*.test.ts` below the current directory's src/ with `node --test`. Arguments are
// options of `node --test`, or files to run instead of all.
import { spawn } from 'node:child_process';

const TIMEOUT_MS = 300_000; // for one test file

const given = process.argv.slice(2);
const files = given.some((argument) => argument.endsWith('.ts')) ? [] : ['src/**/*.test.ts'];
const reporters = [
  ['spec', 'stdout'],
  [new URL('count-reporter.ts', import.meta.url).href, 'stderr'],
].flatMap(([reporter, destination]) => [
  `--test-reporter=${reporter}`,
  `--test-reporter-destination=${destination}`,
]);

const child = spawn(
  process.execPath,
  ['--test', `--test-timeout=${TIMEOUT_MS}`, ...reporters, ...given, ...files],
  { stdio: 'inherit' },
);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
child.on('exit', (code) => {
  process.exitCode = code ?? 1;
});
