// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { checkApproved, decodeApproval, newOrderFile, type ReleaseOrder } from '@strongroom/evidence';
import { mayApprove } from '@strongroom/service';
import { CUSTODIAN_NAMES, SIMULATED_AUTHORITY, SIMULATED_REGISTRY, simulatedApproval } from './simulated-custodians.ts';

const ORDER: ReleaseOrder = {
  kind: 'release', id: '0'.repeat(32), origin: 'simulated.example/log', size: 1, root: Buffer.alloc(32), created: 1_800_000_000_000_000_000n, expires: 1_900_000_000_000_000_000n,
  authority: SIMULATED_AUTHORITY, reason: 'closed', hold: '1'.repeat(32),
};

it('simulated custodians approve as real ones do, and sign the same octets each time', () => {
  const file = newOrderFile(ORDER);
  const sign = (): string[] => CUSTODIAN_NAMES.map((name) => simulatedApproval(file.text, name, ORDER.created));
  const approved = { ...file, approvals: sign().map(decodeApproval) };
  const rules = { origin: ORDER.origin, authority: SIMULATED_AUTHORITY, mayApprove: (custodian: { id: string; keyHash: string }) => mayApprove(SIMULATED_REGISTRY, custodian, Number(ORDER.created / 1_000_000n)) };
  assert.deepEqual(checkApproved(approved, rules).map(({ name }) => name), CUSTODIAN_NAMES);
  assert.throws(() => checkApproved({ ...approved, approvals: approved.approvals.slice(1) }, rules), { name: 'Refused' });
  assert.deepEqual(sign(), sign());
});
