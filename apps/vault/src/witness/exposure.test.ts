// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Exposure } from './exposure.ts';

test('what is not witnessed is as old as its oldest commit, and as much as all of them', () => {
  let now = 1000;
  const exposure = new Exposure(() => now, { records: 100, bytes: 1000 });
  assert.deepEqual(exposure.now(), { ageMs: null, records: 0, bytes: 0 });
  exposure.committed(5, { records: 110, bytes: 1100 });
  now = 3000;
  exposure.committed(8, { records: 130, bytes: 1300 });
  assert.deepEqual(exposure.now(), { ageMs: 2000, records: 30, bytes: 300 });
  assert.deepEqual(exposure.upTo(6), { records: 110, bytes: 1100 });
  exposure.witnessed(6);
  now = 3500;
  assert.deepEqual(exposure.now(), { ageMs: 500, records: 20, bytes: 200 });
  exposure.witnessed(8);
  assert.deepEqual(exposure.now(), { ageMs: null, records: 0, bytes: 0 });
});

test('a commit of an earlier life is as old as it is', () => {
  const exposure = new Exposure(() => 50, { records: 0, bytes: 0 });
  exposure.committed(3, { records: 7, bytes: 70 }, 60_000);
  assert.deepEqual(exposure.now(), { ageMs: 60_000, records: 7, bytes: 70 });
});

test('an outage of any length takes bounded memory, and is never told too young or too small', () => {
  let now = 0;
  const exposure = new Exposure(() => now, { records: 0, bytes: 0 });
  for (let size = 1; size <= 100_000; size += 1) {
    exposure.committed(size, { records: size, bytes: size * 10 });
    now += 10;
  }
  assert.deepEqual(exposure.now(), { ageMs: 1_000_000, records: 100_000, bytes: 1_000_000 });
  for (const size of [10, 5000, 50_000, 99_999]) {
    exposure.witnessed(size);
    const { ageMs, records } = exposure.now();
    assert.ok(ageMs! >= 1_000_000 - size * 10 && records >= 100_000 - size, `${size}: ${ageMs}, ${records}`);
  }
  exposure.witnessed(100_000);
  assert.equal(exposure.now().ageMs, null);
});
