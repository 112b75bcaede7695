// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { claimedTime } from './claimed-time.ts';

const claimed = (text: string): [bigint, number] | null => {
  const found = claimedTime(Buffer.from(text));
  return found === null ? null : [found.atNs, found.resolutionNs];
};
const AT = 1_772_323_200_000_000_000n; // 2026-03-01T00:00:00Z

test('a claimed time is read with its zone and to its last digit', () => {
  assert.deepEqual(claimed('<13>1 2026-03-01T00:00:00Z web app - - - line'), [AT, 1e9]);
  assert.deepEqual(claimed('<165>1 2026-03-01T01:00:00.003001+01:00 web app'), [AT + 3_001_000n, 1000]);
  assert.deepEqual(claimed('<13>2026-02-28T19:30:00.5-04:30 web app: as rsyslog forwards it'), [AT + 500_000_000n, 1e8]);
  assert.deepEqual(claimed('<0>1 2026-03-01T00:00:00.123456789Z h'), [AT + 123_456_789n, 1]);
});

test('what has no year or no zone, or is no time, claims none', () => {
  for (const text of [
    '', '<13>', '<13>1 - web app - - - line', '<13>Mar  1 00:00:00 web app: line', '<13>1 2026-03-01T00:00:00 web', '2026-03-01T00:00:00Z web', '<13>1 2026-03-01T00:00:00Z',
    '<13>1 2026-02-30T25:00:00Z web', '<13>1 2026-12-31T23:59:60Z web', '<13>2 2026-03-01T00:00:00Z web', '<13>1 2026-03-01T00:00:00.1234567890Z web', '<1300>1 2026-03-01T00:00:00Z web',
  ]) assert.equal(claimed(text), null, text);
});
