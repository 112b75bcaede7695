// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Claims } from './claims.ts';

const AT = 1_772_323_200_000_000_000n; // 2026-03-01T00:00:00Z
const line = (second: string): Buffer => Buffer.from(`<13>1 2026-03-01T00:00:${second}Z web app - - - line`);

/** Records that came together. */
function together(claims: Claims, records: readonly Buffer[], receivedAt: bigint, nowMs: number): void {
  claims.look([Buffer.concat(records)], Uint32Array.from(records, (record) => record.length), receivedAt, nowMs);
}

test('of records that came together the last counts, of a while the one with the least lag', () => {
  const claims = new Claims();
  together(claims, [line('00.000'), line('02.000')], AT + 5_000_000_000n, 1000);
  together(claims, [line('04.000')], AT + 5_500_000_000n, 2000);
  together(claims, [line('05.000')], AT + 7_000_000_000n, 3000);
  assert.deepEqual(claims.take(), { behindNs: 1_500_000_000, resolutionNs: 1e6, records: 3 });
  assert.equal(claims.take(), null);
});

test('no more than one record in a second is looked at', () => {
  const claims = new Claims();
  for (let i = 0; i < 100; i += 1) together(claims, [line('00.0')], AT - BigInt(i), 1000 + i * 20);
  assert.deepEqual(claims.take(), { behindNs: -50, resolutionNs: 1e8, records: 2 });
});

test('a record that lies across two parts, or claims nothing, is let go', () => {
  const claims = new Claims();
  const whole = line('00.0');
  claims.look([whole.subarray(0, 9), whole.subarray(9)], Uint32Array.of(whole.length), AT, 1000);
  together(claims, [Buffer.from('no time')], AT, 3000);
  claims.look([], new Uint32Array(0), AT, 5000);
  assert.equal(claims.take(), null);
});
