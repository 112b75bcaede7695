// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { restartDelayMs, SERIES_MS, type Ended } from './restart.ts';

const crashes = (count: number, code: number | null, apartMs = 1000, served = false): Ended[] => Array.from({ length: count }, (_, i) => ({ atMs: i * apartMs, code, served }));

test('crashes in a series are waited for longer and longer, up to a bound', () => {
  assert.deepEqual([1, 2, 3, 4, 20].map((count) => restartDelayMs(crashes(count, 1))), [250, 500, 1000, 2000, 30_000]);
});

test('a service that had served is back within a second', () => {
  assert.deepEqual([1, 2, 3, 20].map((count) => restartDelayMs(crashes(count, null, 1000, true))), [250, 500, 1000, 1000]);
});

test('a crash after a quiet minute begins a new series', () => {
  assert.equal(restartDelayMs(crashes(10, null, SERIES_MS + 1)), 250);
});

test('who asks for a restart gets it at once, but not for ever', () => {
  assert.deepEqual([1, 5, 6].map((count) => restartDelayMs(crashes(count, 75))), [0, 0, 8000]);
});

test('a wrong configuration is not tried again', () => {
  assert.equal(restartDelayMs(crashes(1, 78)), null);
});
