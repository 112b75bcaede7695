// SPDX-License-Identifier: Apache-2.0
// A package's `test` script: runs the `*.test.ts` below the current directory's src/, each in a process of its own, one at
// a time. Arguments are files to run instead of all, and:
//   --concurrency=N   so many at a time
//   --timeout=MS      for one file, instead of ten minutes
//   --first=NAME,…    files to begin with, by their names in src/ without `.test.ts`: long ones, so that none is left at the end
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { run } from 'node:test';
import { spec as Spec } from 'node:test/reporters';
import { parseArgs } from 'node:util';
import countReporter from './count-reporter.ts';

/** Only so that what hangs ends. */
const TIMEOUT_MS = 600_000;
/** Compiled code: of the tests, and of programs that they start other than in a Strongroom's home, which has its own. */
const CODE_CACHE = join(import.meta.dirname, '../../node_modules/.cache/strongroom-code/tests');

const { values, positionals } = parseArgs({
  options: { concurrency: { type: 'string', default: '1' }, timeout: { type: 'string', default: String(TIMEOUT_MS) }, first: { type: 'string', default: '' } },
  allowPositionals: true,
});
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
process.env['NODE_COMPILE_CACHE'] ??= CODE_CACHE;

const tests = run({
  files: (positionals.length > 0 ? positionals : inOrder(globSync('src/**/*.test.ts').toSorted(), values.first)).map((file) => join(process.cwd(), file)),
  concurrency: Number(values.concurrency), timeout: Number(values.timeout), signal: stop.signal,
});
tests.on('test:fail', ({ todo }) => { if (todo === undefined || todo === false) process.exitCode = 1; });
const counted = tests.compose(countReporter);
counted.resume();
tests.compose(new Spec()).pipe(process.stdout);

/** Those that are named first. Throws when a name fits none: a file that was renamed would be late unnoticed. */
function inOrder(files: readonly string[], names: string): string[] {
  const first = names.split(',').filter((name) => name !== '').map((name) => `src/${name}.test.ts`);
  for (const file of first) if (!files.includes(file)) throw new Error(`--first names ${file}, which is not there`);
  return [...first, ...files.filter((file) => !first.includes(file))];
}
