// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { boundBy, type Reference } from './reference.ts';

const DRIFT = { oscillatorPpb: 1000, holdoverPpb: 15_000 };
const REFERENCE: Reference = { offsetNs: -3000, rootDelayNs: 9000, rootDispersionNs: 2500, residualPpb: -9, skewPpb: 507, wanderNs: 0, update: 'a', updatedAtNs: 0n, intervalNs: 5e8, leap: 'none' };

test('the bound is the offset, half the root delay and the root dispersion', () => {
  assert.deepEqual(boundBy(REFERENCE, 0n, DRIFT), { boundNs: 10_000n, growthPpb: 1516n, isHoldover: false });
  assert.deepEqual(boundBy({ ...REFERENCE, offsetNs: 3000 }, 0n, DRIFT), boundBy(REFERENCE, 0n, DRIFT));
});

test('measurements that are overdue leave the oscillator on its own, from then on', () => {
  const patience = 10_000_000_000n;
  assert.equal(boundBy(REFERENCE, patience, DRIFT).isHoldover, false);
  const late = boundBy(REFERENCE, patience + 1_000_000_000n, DRIFT);
  assert.deepEqual(late, { boundNs: 25_000n, growthPpb: 16_516n, isHoldover: true });
  assert.equal(boundBy({ ...REFERENCE, intervalNs: 64e9 }, 8n * 64_000_000_000n, DRIFT).isHoldover, false);
});

test('more of anything never gives a smaller bound', () => {
  for (const key of ['rootDelayNs', 'rootDispersionNs', 'wanderNs'] as const) {
    assert.ok(boundBy({ ...REFERENCE, [key]: REFERENCE[key] + 1001 }, 0n, DRIFT).boundNs > boundBy(REFERENCE, 0n, DRIFT).boundNs, key);
  }
  for (const key of ['residualPpb', 'skewPpb'] as const) {
    assert.ok(boundBy({ ...REFERENCE, [key]: 600 }, 0n, DRIFT).growthPpb > boundBy(REFERENCE, 0n, DRIFT).growthPpb, key);
  }
});
