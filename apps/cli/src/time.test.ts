// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ageMs, boundText, parseTime, shortTime } from './time.ts';

const NOW = 1_790_000_000_123_456_789n;

test('takes times before now', () => {
  assert.equal(parseTime('now', NOW), NOW);
  assert.equal(parseTime('90s', NOW), NOW - 90_000_000_000n);
  assert.equal(parseTime('15m', NOW), NOW - 900_000_000_000n);
  assert.equal(parseTime('1h', NOW), NOW - 3_600_000_000_000n);
  assert.equal(parseTime('2d', NOW), NOW - 172_800_000_000_000n);
  assert.equal(parseTime('1w', NOW), NOW - 604_800_000_000_000n);
  assert.equal(parseTime('999999999w', NOW), 0n);
});

test('takes RFC 3339 with every digit of a second and any zone', () => {
  assert.equal(parseTime('2026-03-01T08:30:00Z', NOW), 1_772_353_800_000_000_000n);
  assert.equal(parseTime('2026-03-01T08:30:00.000000001Z', NOW), 1_772_353_800_000_000_001n);
  assert.equal(parseTime('2026-03-01t10:30:00.5+02:00', NOW), 1_772_353_800_500_000_000n);
  assert.equal(parseTime('2026-03-01 08:30Z', NOW), 1_772_353_800_000_000_000n);
  assert.equal(parseTime('2026-03-01', NOW), 1_772_323_200_000_000_000n);
});

for (const text of ['', 'yesterday', '1x', '-1h', '1.5h', '2026-03-01T08:30:00', '2026-02-30', '2026-13-01T00:00:00Z', '2026-03-01T25:00:00Z', '1969-12-31', '2026-03-01T00:00:00.1234567890Z']) {
  test(`refuses "${text}" as a time`, () => assert.throws(() => parseTime(text, NOW), { code: 'usage.time' }));
}

test('shows times to the millisecond and no digit that was not measured', () => {
  assert.equal(shortTime('2026-03-01T08:30:00.123456Z'), '2026-03-01 08:30:00.123Z');
  assert.equal(shortTime('2026-03-01T08:30:00Z'), '2026-03-01 08:30:00Z');
  assert.equal(shortTime('something else'), 'something else');
});

test('tells ages, and bounds with their unit', () => {
  assert.equal(ageMs('2026-09-21T14:13:20.000Z', NOW), 123);
  assert.equal(ageMs(null, NOW), null);
  assert.equal(ageMs('2030-01-01T00:00:00Z', NOW), 0);
  assert.deepEqual([null, 0, 999, 50_000, 1_500_000, 80_000_000, 1_500_000_000, 1e9].map(boundText), ['± not known', '± 0 ns', '± 999 ns', '± 50.0 µs', '± 1.5 ms', '± 80 ms', '± 1.5 s', '± 1 s']);
});
