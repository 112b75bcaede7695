// SPDX-License-Identifier: Apache-2.0
// A package's `test` script: runs the `*.test.ts` below the current directory's src/, each in a process of its own, one at
// a time. Arguments are files to run instead of all, and:
//   --concurrency=N   so many at a time
//   --timeout=MS      for one test, instead of ten minutes
//   --first=NAME,…    files to begin with, by their names in src/ without `.test.ts`: long ones, so that none is left at the end
//   --lane=NAME,…     files that run one after the other, beside the others: what they use there is once
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
  options: { concurrency: { type: 'string', default: '1' }, timeout: { type: 'string', default: String(TIMEOUT_MS) }, first: { type: 'string', default: '' }, lane: { type: 'string', default: '' } },
  allowPositionals: true,
});
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
process.env['NODE_COMPILE_CACHE'] ??= CODE_CACHE;

if (positionals.length > 0) {
  runFiles(positionals, Number(values.concurrency));
} else {
  const found = globSync('src/**/*.test.ts').toSorted();
  const [lane, first] = [named(values.lane, found), named(values.first, found)];
  runFiles([...first, ...found.filter((file) => !first.includes(file) && !lane.includes(file))], Number(values.concurrency));
  if (lane.length > 0) runFiles(lane, 1);
}

/** What waits in vain, or was left open, shall not keep the process of a file from ending, and all that comes after from being counted. */
function runFiles(files: readonly string[], concurrency: number): void {
  const tests = run({ files: files.map((file) => join(process.cwd(), file)), concurrency, timeout: Number(values.timeout), signal: stop.signal, forceExit: true });
  tests.on('test:fail', ({ todo }) => { if (todo === undefined || todo === false) process.exitCode = 1; });
  tests.compose(countReporter).resume();
  tests.compose(new Spec()).pipe(process.stdout);
}

/** Throws when a name fits no file: one that was renamed would be in another place unnoticed. */
function named(names: string, found: readonly string[]): string[] {
  const files = names.split(',').filter((name) => name !== '').map((name) => `src/${name}.test.ts`);
  for (const file of files) if (!found.includes(file)) throw new Error(`${file} is named, and is not there`);
  return files;
}
