// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { heldBy } from './held.ts';

type Seen = Parameters<typeof heldBy>[0][number];
const child = (service: Seen['service'], state: Seen['state'] = 'running', reason: string | null = null): Seen => ({ service, state, reason });
const ALL = [child('keys'), child('vault'), child('gateway'), child('gateway'), child('capture')];
const but = (...changed: Seen[]): Seen[] => [...ALL.filter(({ service }) => !changed.some((one) => one.service === service)), ...changed];

test('evidence is taken while keys, vault and a gateway run', () => {
  assert.equal(heldBy(ALL, false), null);
  assert.equal(heldBy(ALL, null), null);
  assert.equal(heldBy(but(child('gateway'), child('gateway', 'starting')), false), null, 'the other gateway takes it');
  assert.equal(heldBy(but(child('vault', 'degraded')), false), null, 'a degraded vault seals');
});

test('it is not while one of them is gone, the vault is stalled, or no link is up', () => {
  assert.equal(heldBy(but(child('gateway', 'starting'), child('gateway', 'stopped')), false)?.cause, 'service-crash');
  assert.equal(heldBy(but(child('vault', 'stalled', 'the disk is full')), true)?.because, 'the vault is stalled: the disk is full');
  assert.equal(heldBy(ALL, true)?.cause, 'network-loss');
});
