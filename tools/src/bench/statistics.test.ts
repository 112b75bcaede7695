// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { median, percentile, timesUntil } from './statistics.ts';

test('the median is the middle, or the mean of the middle two', () => {
  assert.equal(median([9, 1, 5]), 5);
  assert.equal(median([4, 1, 3, 2]), 2.5);
  assert.ok(Number.isNaN(median([])));
});

test('a percentile is a value that occurred', () => {
  const hundred = Float64Array.from({ length: 100 }, (_, index) => index + 1);
  assert.equal(percentile(hundred, 0.5), 50);
  assert.equal(percentile(hundred, 0.99), 99);
  assert.equal(percentile(hundred, 1), 100);
  assert.ok(Number.isNaN(percentile(new Float64Array(0), 0.5)));
});

test('what is reached later than it was due took the time between', () => {
  const due = [10, 20, 30].map((ms, i) => ({ atNs: BigInt(ms) * 1_000_000n, events: (i + 1) * 100 }));
  const course = [[15, 100], [32, 250], [41, 300]].map(([ms, events]) => ({ atNs: BigInt(ms!) * 1_000_000n, events: events! }));
  assert.deepEqual(timesUntil(due, course), { p50Ms: 11, p99Ms: 12, maxMs: 12 });
  assert.equal(timesUntil(due, undefined), undefined);
  assert.equal(timesUntil(undefined, course), undefined);
});
