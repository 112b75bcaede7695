// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { summarise } from './summary.ts';

const counts = {
  project: 'p',
  passed: 3,
  failed: ['a'],
  skipped: [
    { name: 'b', reason: 'machine: no IPv6' },
    { name: 'c', reason: '' },
  ],
};

test('sums, names what failed, and shows skipped tests with their reasons', () => {
  const { lines, failed } = summarise([counts, counts], false);
  assert.equal(lines.at(-1), '6 passed, 2 failed');
  assert.equal(failed, 2);
  assert.ok(lines.includes('  p: b (machine: no IPv6)'));
  assert.ok(lines.includes('  p: c (no reason given)'));
});

test('in CI a skip counts as failed unless the machine is the reason', () => {
  const { lines, failed } = summarise([counts], true);
  assert.equal(lines.at(-1), '3 passed, 2 failed');
  assert.equal(failed, 2);
});
