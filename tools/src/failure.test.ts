// SPDX-License-Identifier: Apache-2.0
// The real script on tests that fail: what it leaves to be said at the end of a run.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { countsFile, type Counts } from './count-reporter.ts';

const TESTS = `import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
test('compares', () => assert.deepEqual({ a: [1, 2] }, { a: [1, 3] }, 'what was found'));
describe('a suite', () => {
  it('throws', () => { throw Object.assign(new Error('first\\n' + 'and so on\\n'.repeat(40) + 'what the program said last'), { why: 'the disk is full' }); });
});
test('waits in vain', async () => { setInterval(() => 0, 1000); await new Promise(() => 0); });
test('passes', () => 0);
`;

const directory = mkdtempSync(join(tmpdir(), 'strongroom-failing-'));
let counts: Counts;
before(() => {
  mkdirSync(join(directory, 'src'));
  writeFileSync(join(directory, 'package.json'), '{ "name": "failing", "type": "module" }');
  writeFileSync(join(directory, 'src/some.test.ts'), TESTS);
  const { NODE_TEST_CONTEXT: _, ...environment } = process.env;
  const { status } = spawnSync(process.execPath, [join(import.meta.dirname, 'test-package.ts'), '--timeout=3000'], { cwd: directory, env: { ...environment, STRONGROOM_TEST_COUNTS: directory } });
  assert.equal(status, 1);
  counts = JSON.parse(readFileSync(countsFile(directory, 'failing'), 'utf8')) as Counts;
});
after(() => rmSync(directory, { recursive: true }));

const why = (name: string): readonly string[] => counts.failed.find((one) => one.name === name)!.why;

test('a failed test is told with its place, what was compared, and from where', () => {
  const [place, ...said] = why('compares');
  assert.match(place!, /src\/some\.test\.ts:3$/);
  assert.equal(said[0], 'AssertionError [ERR_ASSERTION]: what was found');
  assert.ok(said.some((line) => /^\+ +2$/.test(line)) && said.some((line) => /^- +3$/.test(line)), said.join('\n'));
  assert.match(said.at(-1)!, /at .*some\.test\.ts:3:/);
});

test('of a long text the beginning and the end are told', () => {
  const said = why('throws');
  assert.ok(said.length <= 25);
  assert.equal(said[1], 'Error: first');
  for (const part of ['what the program said last', "why: 'the disk is full'"]) assert.ok(said.some((line) => line.includes(part)), said.join('\n'));
});

test('what waits in vain fails alone: its file ends, and the others are counted', () => {
  assert.match(why('waits in vain').join('\n'), /some\.test\.ts:7\n.*timed out after 3000ms/);
  assert.deepEqual([counts.passed, counts.failed.length], [1, 3]);
});
