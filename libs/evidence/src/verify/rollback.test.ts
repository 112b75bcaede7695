// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { test } from 'node:test';
import { StoreBuilder, approvedBy, makeCustody, memoryStore, type BuiltStore, type TestCustodian } from '@strongroom/testing';
import { encodeEntry, type RollbackEntry } from '../entry.ts';
import { encodeOrderFile, newOrderFile, type AcceptRollbackOrder } from '../order/index.ts';
import { verifyStore } from './verify.ts';

const ID = '00112233445566778899aabbccddeeff';
const [ROOT, SEEN] = [Buffer.alloc(32, 5), Buffer.alloc(32, 6)];

const { ca, anna, bert } = await makeCustody('strongroom.test');

interface Wishes {
  readonly order?: Partial<AcceptRollbackOrder>;
  readonly entry?: Partial<RollbackEntry>;
  readonly by?: readonly TestCustodian[];
  readonly isLate?: boolean;
}

function begun({ order = {}, entry = {}, by = [anna, bert], isLate = false }: Wishes = {}): BuiltStore {
  const builder = new StoreBuilder({ origin: 'strongroom.test/log-2' });
  const created = BigInt(Date.now()) * 1_000_000n;
  const file = approvedBy(newOrderFile({
    kind: 'accept-rollback', id: ID, origin: 'strongroom.test/log', size: 300, root: ROOT, seen: 400, seenRoot: SEEN,
    created, expires: created + 3_600_000_000_000n, authority: ca, reason: 'a test', ...order,
  }), ...by);
  const bytes = encodeOrderFile(file);
  builder.files.set(`orders/${ID}.order`, bytes);
  if (isLate) builder.heartbeat();
  builder.entryBytes(encodeEntry({
    kind: 'rollback', time: created, origin: 'strongroom.test/log', size: 300, root: ROOT, seen: 400, seenRoot: SEEN, order: ID, approvals: hash('sha256', bytes, 'buffer'), ...entry,
  }));
  return builder.start().build();
}

const verify = (store: BuiltStore) => verifyStore(memoryStore(store.files), { key: store.key, authority: ca });
const codes = (store: BuiltStore): string[] => [...new Set(verify(store).failures.map(({ code }) => code))];

test('a log that two custodians let begin is valid, and says what is lost', () => {
  const { failures, facts } = verify(begun());
  assert.deepEqual(failures, []);
  assert.deepEqual(facts.map(({ code, where }) => [code, where]), [['log.rollback', 'log entry 0']]);
  assert.match(facts[0]!.detail, /goes on from strongroom\.test\/log as of 300 entries; 100 after that are lost/);
});

test('one custodian, other figures, another place in the log, or no order is a failure', () => {
  const without = begun();
  without.files.delete(`orders/${ID}.order`);
  for (const store of [
    begun({ by: [anna] }), begun({ by: [anna, anna] }), begun({ isLate: true }), without, begun({ entry: { size: 301 } }), begun({ entry: { seenRoot: ROOT } }),
    begun({ entry: { origin: 'strongroom.test/log-2' } }), begun({ order: { seen: 401 } }), begun({ entry: { approvals: ROOT } }),
  ]) assert.deepEqual(codes(store), ['log.rollback']);
});
