// SPDX-License-Identifier: Apache-2.0
// A package's `test` script: runs the `*.test.ts` below the current directory's src/ with `node --test`. Arguments are
// options of `node --test`, or files to run instead of all; `--alone=FILE` names one that runs after the others, by itself.
import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { join } from 'node:path';

const TIMEOUT_MS = 300_000; // for one test file

/** Compiled code: of the tests, and of programs that they start other than in a Strongroom's home, which has its own. */
const CODE_CACHE = join(import.meta.dirname, '../../node_modules/.cache/strongroom-code/tests');
const ALONE = '--alone=';

const given = process.argv.slice(2).filter((argument) => !argument.startsWith(ALONE));
const alone = process.argv.slice(2).flatMap((argument) => (argument.startsWith(ALONE) ? [argument.slice(ALONE.length)] : []));
const reporters = [
  ['spec', 'stdout'],
  [new URL('count-reporter.ts', import.meta.url).href, 'stderr'],
].flatMap(([reporter, destination]) => [
  `--test-reporter=${reporter}`,
  `--test-reporter-destination=${destination}`,
]);

if (given.some((argument) => argument.endsWith('.ts'))) {
  process.exitCode = await run(given);
} else {
  const together = globSync('src/**/*.test.ts').filter((file) => !alone.includes(file)).toSorted();
  const codes: number[] = [];
  for (const files of [together, ...alone.map((file) => [file])].filter(({ length }) => length > 0)) codes.push(await run([...given, ...files]));
  process.exitCode = codes.find((code) => code !== 0) ?? 0;
}

/** The exit code of one run of `node --test`. A signal ends it, and what would follow. */
function run(parameters: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, ['--test', `--test-timeout=${TIMEOUT_MS}`, ...reporters, ...parameters], {
    stdio: 'inherit', env: { NODE_COMPILE_CACHE: CODE_CACHE, ...process.env },
  });
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => {
        child.kill(signal);
        child.once('exit', () => process.exit(1));
      });
    }
    child.once('exit', (code) => resolve(code ?? 1));
  });
}
