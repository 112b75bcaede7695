// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { test } from 'node:test';
import { StoreBuilder, approvedBy, makeCustody, memoryStore, type BuiltStore, type TestCustodian } from '@strongroom/testing';
import { encodeEntry, type ReleaseEntry } from '../entry.ts';
import { encodeOrderFile, newOrderFile, type ReleaseOrder } from '../order/index.ts';
import { verifyStore } from './verify.ts';

const ORIGIN = 'strongroom.test/log';
const [ID, HOLD] = ['00112233445566778899aabbccddeeff', 'ffeeddccbbaa99887766554433221100'];
const HOUR_NS = 3_600_000_000_000n;

const { ca, anna, bert } = await makeCustody('strongroom.test');

interface Wishes {
  readonly order?: Partial<ReleaseOrder>;
  readonly entry?: Partial<ReleaseEntry>;
  readonly by?: readonly TestCustodian[];
}

/** A hold that began and ended. */
function released({ order = {}, entry = {}, by = [anna, bert] }: Wishes = {}): BuiltStore {
  const builder = new StoreBuilder({ origin: ORIGIN }).start();
  const time = BigInt(Date.now()) * 1_000_000n;
  builder.entryBytes(encodeEntry({ kind: 'hold', time, hold: HOLD, document: Buffer.alloc(32, 1) }));
  const { size, checkpoint } = builder.build();
  const root = Buffer.from(checkpoint.split('\n')[2]!, 'base64');
  const file = approvedBy(newOrderFile({ kind: 'release', id: ID, origin: ORIGIN, size, root, created: time, expires: time + HOUR_NS, authority: ca, reason: 'a test', hold: HOLD, ...order }), ...by);
  const bytes = encodeOrderFile(file);
  builder.files.set(`orders/${ID}.order`, bytes);
  builder.entryBytes(encodeEntry({ kind: 'release', time: time + 5_000_000_000n, hold: HOLD, order: ID, approvals: hash('sha256', bytes, 'buffer'), ...entry }));
  return builder.build();
}

function codes(store: BuiltStore): string[] {
  return [...new Set(verifyStore(memoryStore(store.files), { key: store.key, authority: ca }).failures.map(({ code }) => code))];
}

test('a hold that two custodians ended leaves a valid store', () => {
  assert.deepEqual(codes(released()), []);
});

test('its order may neither be missing nor another, and says the same as the log', () => {
  const without = released();
  without.files.delete(`orders/${ID}.order`);
  const other = released();
  other.files.set(`orders/${ID}.order`, released({ order: { reason: 'another test' } }).files.get(`orders/${ID}.order`)!);
  for (const [what, store] of Object.entries({
    without, other, hold: released({ entry: { hold: ID } }), log: released({ order: { root: Buffer.alloc(32, 7) } }), deployment: released({ order: { origin: 'strongroom.other/log' } }),
  })) assert.deepEqual(codes(store), ['release.order'], what);
});

test('one custodian, one twice, or one too late ends no hold', () => {
  for (const store of [released({ by: [anna] }), released({ by: [anna, anna] }), released({ order: { expires: 1n } })]) assert.deepEqual(codes(store), ['release.order']);
});
