// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytes, count, duration, some } from './quantity.ts';

test('writes octets in the unit that leaves two or three digits', () => {
  const cases = [[0, '0 B'], [999, '999 B'], [1023, '1023 B'], [1024, '1.0 KiB'], [1536, '1.5 KiB'], [10_240, '10 KiB'], [1_048_575, '1.0 MiB'], [5_368_709_120, '5.0 GiB'], [2 ** 60, '1024 PiB']] as const;
  for (const [value, text] of cases) assert.equal(bytes(value), text);
});

test('writes durations in two units at most', () => {
  const cases = [[-5, '0 ms'], [0.4, '0 ms'], [850, '850 ms'], [999.9, '1.0 s'], [4200, '4.2 s'], [59_600, '1 min'], [185_000, '3 min 5 s'], [7_800_000, '2 h 10 min'], [86_400_000, '1 d'], [442_800_000, '5 d 3 h']] as const;
  for (const [value, text] of cases) assert.equal(duration(value), text);
});

test('groups digits and chooses the noun', () => {
  assert.equal(count(1_234_567), '1,234,567');
  assert.equal(some(1, 'record'), '1 record');
  assert.equal(some(0, 'batch', 'batches'), '0 batches');
});
