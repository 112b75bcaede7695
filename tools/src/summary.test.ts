// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { summarise } from './summary.ts';

const counts = {
  project: 'p',
  passed: 3,
  failed: [{ name: 'a', why: ['src/a.test.ts:7', 'Error: no'] }],
  skipped: [
    { name: 'b', reason: 'machine: no IPv6' },
    { name: 'c', reason: '' },
  ],
};

test('sums, shows skipped tests with their reasons, and ends with what failed and why', () => {
  const { lines, failed } = summarise([counts, counts], false);
  assert.equal(failed, 2);
  assert.ok(lines.includes('  p: b (machine: no IPv6)'));
  assert.ok(lines.includes('  p: c (no reason given)'));
  const why = ['  p: a', '      src/a.test.ts:7', '      Error: no'];
  assert.deepEqual(lines.slice(-8), ['Failed:', ...why, ...why, '6 passed, 2 failed']);
});

test('of very many failures all are named, and the first explained', () => {
  const { lines } = summarise(Array.from({ length: 50 }, () => counts), false);
  assert.equal(lines.filter((line) => line === '  p: a').length, 50);
  assert.equal(lines.filter((line) => line === '      Error: no').length, 10);
});

test('in CI a skip counts as failed unless the machine is the reason', () => {
  const { lines, failed } = summarise([counts], true);
  assert.equal(lines.at(-1), '3 passed, 2 failed');
  assert.equal(failed, 2);
});
