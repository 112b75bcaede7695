// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expiryBucket, isExpired } from './retention.ts';

const DAY_NS = 86_400_000_000_000n;
const at = (time: string): bigint => BigInt(Date.parse(time)) * 1_000_000n;

test('what is sealed is kept to its last day, and until its month begins', () => {
  for (const [sealed, keepDays] of [['2026-01-31T23:59:59Z', 1], ['2026-02-28T00:00:00Z', 30], ['2026-12-31T23:59:59Z', 400], ['2028-02-29T12:00:00Z', 366]] as const) {
    const bucket = expiryBucket(at(sealed), keepDays);
    const lastKept = at(sealed) + BigInt(keepDays) * DAY_NS;
    assert.equal(isExpired(bucket, lastKept), false, `${sealed} ${keepDays}`);
    assert.equal(isExpired(bucket, at(`${bucket}-01T00:00:00Z`)), true);
    assert.equal(isExpired(bucket, at(`${bucket}-01T00:00:00Z`) - 1_000_000n), false);
    assert.ok(at(`${bucket}-01T00:00:00Z`) > lastKept);
  }
});
