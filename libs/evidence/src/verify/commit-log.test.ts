// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { StoreBuilder, buildStore, memoryStore, type BuiltStore } from '@strongroom/testing';
import { encodeCommit, NO_DIGEST } from '../commit.ts';
import { verifyStore } from './verify.ts';

function codes({ files, key }: Pick<BuiltStore, 'files' | 'key'>): string[] {
  return verifyStore(memoryStore(files), { key }).failures.map((failure) => failure.code);
}

/** A store with three files of the commit log: at 0, 5 and 5 again. */
function turned(): StoreBuilder {
  const builder = new StoreBuilder();
  for (let i = 0; i < 5; i += 1) builder.heartbeat().commit();
  builder.turnCommitLog().turnCommitLog();
  return builder.heartbeat().commit().heartbeat().commit();
}

const FIRST = 'commit/0000000000000000-0001.commit';
const SECOND = 'commit/0000000000000005-0002.commit';
const THIRD = 'commit/0000000000000005-0003.commit';

test('several files of the commit log are each held against the log', () => {
  const store = turned().build();
  assert.deepEqual([...store.files.keys()].filter((path) => path.startsWith('commit/')), [FIRST, SECOND, THIRD]);
  assert.deepEqual(codes(store), []);
});

test('a torn tail after what the checkpoint covers is what a crash leaves', () => {
  const store = turned().build();
  for (const path of [FIRST, SECOND, THIRD]) store.files.set(path, Buffer.concat([store.files.get(path)!, Buffer.from('00001000', 'hex'), randomBytes(50)]));
  assert.deepEqual(codes(store), []);
});

test('a whole cycle after what the checkpoint covers is not judged', () => {
  const builder = turned();
  const { files } = builder.build();
  const next = builder.heartbeat().commit().build();
  assert.deepEqual(codes({ key: next.key, files: new Map([...files, [THIRD, next.files.get(THIRD)!]]) }), []);
});

test('a file that was begun beside an older one and torn in its snapshot loses nothing', () => {
  const builder = new StoreBuilder();
  builder.heartbeat().commit().turnCommitLog();
  const store = builder.build();
  const path = 'commit/0000000000000001-0002.commit';
  store.files.set(path, store.files.get(path)!.subarray(0, 20));
  assert.deepEqual(codes(store), []);
  store.files.delete(FIRST);
  assert.deepEqual(codes(store), ['commit.digest']);
});

test('an older file is broken too when its records do not reach the one after it', () => {
  const store = turned().build();
  store.files.set(FIRST, store.files.get(FIRST)!.subarray(0, -1));
  assert.deepEqual(codes(store), ['commit.digest']);
});

test('a store without a commit log, which a vault has from its first entry on, is not whole', () => {
  const copied = buildStore(3, { commitLog: false });
  assert.deepEqual(codes(copied), ['commit.missing']);
  copied.files.set('mirror', Buffer.from('{}'));
  assert.deepEqual(codes(copied), [], 'a mirror has none');
  assert.deepEqual(codes(buildStore(0, { commitLog: false })), []);
});

test('a signed checkpoint of another tree in the commit log is a fork that is named', () => {
  const builder = new StoreBuilder();
  const store = builder.heartbeat().build();
  const snapshot = encodeCommit(NO_DIGEST, { kind: 'snapshot', size: 1, totals: { records: 0, batches: 0, bytes: 0 }, nextSegment: 1, open: [], holds: [], destroying: [], producers: [], checkpoint: store.signCheckpoint(1, randomBytes(32)) });
  store.files.set('commit/0000000000000001-0002.commit', snapshot.bytes);
  assert.deepEqual(codes(store), ['commit.checkpoint']);
});

test('what does not begin with a snapshot, or has two, is refused', () => {
  const store = buildStore(1);
  const cycle = encodeCommit(NO_DIGEST, { kind: 'cycle', sizeBefore: 0, entries: [], producers: [], checkpoint: store.checkpoint });
  store.files.set(FIRST, cycle.bytes);
  assert.deepEqual(codes(store).toSorted(), ['commit.digest', 'commit.digest', 'commit.format']);
  const snapshot = { kind: 'snapshot', size: 0, totals: { records: 0, batches: 0, bytes: 0 }, nextSegment: 1, open: [], holds: [], destroying: [], producers: [], checkpoint: '' } as const;
  const one = encodeCommit(NO_DIGEST, snapshot);
  store.files.set(FIRST, Buffer.concat([one.bytes, encodeCommit(one.digest, snapshot).bytes]));
  assert.deepEqual(codes(store).toSorted(), ['commit.digest', 'commit.format']);
});
