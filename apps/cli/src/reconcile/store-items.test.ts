// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { BuiltStream, StoreBuilder, memoryStore, writeFiles } from '@strongroom/testing';
import { memoryIo } from '../memory-io.ts';
import { run } from '../run.ts';
import { VERBS } from '../verbs/index.ts';
import { compare } from './compare.ts';
import { ListFile } from './list.ts';
import { storeForms, type StoreRange } from './store-items.ts';

const directory = mkdtempSync(join(tmpdir(), 'strongroom-store-items-'));
after(() => rmSync(directory, { recursive: true }));
const builder = new StoreBuilder();
const stream = new BuiltStream(builder);
builder.batch([stream.run(['<13>one', 'two'])]).closeSegment().batch([stream.run(['three'])]).batch([stream.run(['four', 'four'])]);
const store = builder.build();
const list = join(directory, 'list');

async function missing(lines: string, keys: ReadonlyMap<string, Buffer> = store.dataKeys, range: StoreRange = {}) {
  writeFileSync(list, lines);
  const found: string[] = [];
  const items = storeForms(memoryStore(store.files), (segment) => keys.get(segment) ?? null, range);
  const counts = await compare('lines', await ListFile.open(list), items, ({ bytes }) => { found.push(bytes.toString()); });
  return { ...counts, lines: found };
}

test('a snapshot is compared like the vault\'s own store', async () => {
  const { lines, found, surplus, unreadRecords } = await missing('one\ntwo\nthree\nfour\nfive\n');
  assert.deepEqual([lines, found, surplus, unreadRecords], [['five'], 4, 1, 0]);
  assert.deepEqual((await missing('three\n', store.dataKeys, { until: '1' })).lines, ['three'], 'received later than asked for');
  assert.deepEqual((await missing('three\n', store.dataKeys, { source: 'nobody' })).lines, ['three']);
});

test('what cannot be opened is not compared, and counted', async () => {
  const { lines, unreadRecords, unreadWhy } = await missing('one\nthree\n', new Map([...store.dataKeys].slice(1)));
  assert.deepEqual([lines, unreadRecords], [['one'], 2]);
  assert.match(unreadWhy!, /data key of segment 0000000000000001/);
});

test('ids need no keys', async () => {
  writeFiles(join(directory, 'copy'), store.files);
  writeFileSync(list, '0-1\n2-0\n2-1\n');
  const io = memoryIo();
  assert.equal(await run(['reconcile', list, '--store', join(directory, 'copy'), '--home', directory, '-o', 'json'], VERBS, io), 3);
  assert.deepEqual(JSON.parse(io.written.out), { as: 'ids', listed: 3, found: 2, missing: 1, surplus: null, unreadRecords: 0, unreadWhy: null, missingLines: [{ line: 3, text: '2-1' }] });
});
