// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { test } from 'node:test';
import { Failed } from '@strongroom/bytes';
import { encodeBatch, type BatchEntry } from '@strongroom/evidence';
import { BuiltStream, StoreBuilder } from '@strongroom/testing';
import { parseQuery } from './query.ts';
import { giveBatches, giveForms, type BatchesItem, type FormsItem, type ReconcileTools } from './reconcile.ts';

const stream = new BuiltStream(new StoreBuilder());
const batches = [['one', '<13>two'], ['three'], ['four']].map((records, index) => (
  { index: index * 10, entry: { digest: encodeBatch(Buffer.alloc(32), [stream.run(records)]), records: records.length } as BatchEntry }));
const tools = (give: ReconcileTools['give'], lost = -1): ReconcileTools => ({
  history: { open: async (entry) => { if (entry === batches[lost]?.entry) throw new Failed('read.damaged', 'it is damaged'); return entry.digest; } },
  mayHold: async () => true, turn: async () => undefined, isLeft: () => false, give,
});
const digest = (text: string): Buffer => hash('sha256', text, 'buffer').subarray(0, 16);

test('digests of every form are given, and what cannot be read is told of and passed over', async () => {
  const given: Buffer[] = [];
  const give = async (items: readonly unknown[]): Promise<boolean> => { given.push(...(items as FormsItem[]).map(({ digests }) => Buffer.from(digests, 'base64'))); return true; };
  assert.deepEqual(await giveForms(batches, parseQuery({}), tools(give, 1)), { looked: 3, unreadRecords: 1, unreadWhy: 'it is damaged' });
  assert.deepEqual(Buffer.concat(given), Buffer.concat([Buffer.of(1), digest('one'), Buffer.of(2), digest('<13>two'), digest('two'), Buffer.of(1), digest('four')]));
  given.splice(0);
  assert.equal((await giveForms(batches, parseQuery({ source: 'another' }), tools(give))).looked, 0);
  assert.deepEqual(given, []);
});

test('how many records each batch has is given without opening one', async () => {
  const given: unknown[] = [];
  await giveBatches(batches, tools(async (items) => { given.push(...(items as BatchesItem[])); return true; }));
  assert.deepEqual(given, [{ batches: [[0, 2], [10, 1], [20, 1]] }]);
});
