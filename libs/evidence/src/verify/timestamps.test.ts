// SPDX-License-Identifier: Apache-2.0
// What a store's timestamps pin, and which of them are failures. Tokens themselves are judged in ../timestamp.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StoreBuilder, buildStore, makeResponse, memoryStore, stampingIdentity, type BuiltStore, type TokenWishes } from '@strongroom/testing';
import { rootAt } from '../log-proof.ts';
import { timestampTrust } from '../timestamp/index.ts';
import { tilePath } from '../tiles.ts';
import type { Verdict } from './verdict.ts';
import { verifyStore, type VerifyOptions } from './verify.ts';

const root = stampingIdentity({ commonName: 'Root', authority: true });
const signer = stampingIdentity({ commonName: 'Stamper', issuer: root });
const trust = timestampTrust([root.certificate]);
const whole = buildStore(600);

function verify(store: BuiltStore, files: ReadonlyMap<string, Buffer>, options: Partial<VerifyOptions> = {}): Verdict {
  return verifyStore(memoryStore(files), { key: store.key, trust, ...options });
}

/** The true checkpoint of an older size, or of another tree of that size. */
function noteOf(store: BuiltStore, size: number, lie?: Buffer): Buffer {
  const at = lie ?? rootAt(size, store.size, ({ level, index, width }) => store.files.get(`log/${tilePath(level, index, width)}`)!);
  return Buffer.from(store.signCheckpoint(size, at));
}

/** The store's files with a timestamp for each of these sizes. */
function stamped(store: BuiltStore, sizes: readonly number[], wishes: Partial<TokenWishes> = {}): Map<string, Buffer> {
  const files = new Map(store.files);
  for (const size of sizes) {
    const note = noteOf(store, size);
    files.set(`timestamps/${size}.checkpoint`, note);
    files.set(`timestamps/${size}.tsr`, makeResponse({ signer, stamped: note, time: `20260301${String(size).padStart(6, '0')}Z`, ...wishes }));
  }
  return files;
}

function failures({ failures: found }: Verdict): string[] {
  return found.map(({ code, where }) => `${code} ${where}`);
}

test('says what timestamps pin, wherever in the log their checkpoints end', () => {
  const { ok, facts, timestamps } = verify(whole, stamped(whole, [1, 255, 256, 257, 512, 600].toReversed()));
  assert.equal(ok, true);
  assert.ok(!facts.some(({ code }) => code === 'store.unknown-file'));
  assert.deepEqual(timestamps, {
    kept: 6, checked: 'checked', valid: 6,
    first: { size: 1, time: '2026-03-01T00:00:01.000Z', accuracyNs: null, authority: 'CN=Stamper' },
    last: { size: 600, time: '2026-03-01T00:06:00.000Z', accuracyNs: null, authority: 'CN=Stamper' },
  });
});

test('without an authority they are counted, and their checkpoints are still held against the log', () => {
  const files = stamped(whole, [5, 9]);
  files.set('timestamps/9.checkpoint', noteOf(whole, 9, Buffer.alloc(32, 7)));
  const verdict = verifyStore(memoryStore(files), { key: whole.key });
  assert.deepEqual([verdict.timestamps.kept, verdict.timestamps.checked, verdict.timestamps.valid], [2, 'not checked: no authority was named', 0]);
  assert.deepEqual(failures(verdict), ['store.fork timestamps/9.checkpoint']);
});

test('a store without any says so', () => {
  assert.deepEqual(verify(whole, whole.files).timestamps, { kept: 0, checked: 'not checked: none are kept', valid: 0, first: null, last: null });
});

const spoilt: readonly (readonly [string, (files: Map<string, Buffer>) => unknown, string])[] = [
  ['the answer over another checkpoint', (files) => files.set('timestamps/9.tsr', files.get('timestamps/5.tsr')!), 'timestamp.token timestamps/9.tsr'],
  ['a changed answer', (files) => files.set('timestamps/9.tsr', Buffer.from(files.get('timestamps/9.tsr')!).fill(0, 100, 101)), 'timestamp.token timestamps/9.tsr'],
  ['an empty answer', (files) => files.set('timestamps/9.tsr', Buffer.alloc(0)), 'timestamp.token timestamps/9.tsr'],
  ['an answer above the limit', (files) => files.set('timestamps/9.tsr', Buffer.alloc(65_537)), 'store.format timestamps/9.tsr'],
  ['no checkpoint', (files) => files.delete('timestamps/9.checkpoint'), 'timestamp.missing timestamps/9.checkpoint'],
  ['the checkpoint of another size', (files) => restamp(files, 9, noteOf(whole, 8)), 'timestamp.checkpoint timestamps/9.checkpoint'],
  ['a checkpoint that another log signed', (files) => restamp(files, 9, noteOf(buildStore(20), 9)), 'timestamp.checkpoint timestamps/9.checkpoint'],
  ['a checkpoint of another tree', (files) => restamp(files, 9, noteOf(whole, 9, Buffer.alloc(32, 7))), 'store.fork timestamps/9.checkpoint'],
];

function restamp(files: Map<string, Buffer>, size: number, note: Buffer): void {
  files.set(`timestamps/${size}.checkpoint`, note).set(`timestamps/${size}.tsr`, makeResponse({ signer, stamped: note }));
}

for (const [name, spoil, failure] of spoilt) {
  test(`fails for ${name}, and the others still count`, () => {
    const files = stamped(whole, [5, 9]);
    spoil(files);
    const verdict = verify(whole, files);
    assert.deepEqual(failures(verdict), [failure]);
    assert.deepEqual([verdict.timestamps.kept, verdict.timestamps.valid, verdict.timestamps.last?.size], [2, 1, 5]);
  });
}

test('fails for an authority that is not the one named', () => {
  const verdict = verify(whole, stamped(whole, [5]), { trust: timestampTrust([stampingIdentity({ commonName: 'Root', authority: true }).certificate]) });
  assert.deepEqual(failures(verdict), ['timestamp.token timestamps/5.tsr']);
  assert.match(verdict.failures[0]!.detail, /\[timestamp\.untrusted\]$/);
});

test('a stamped checkpoint beyond the log tells of a rollback, unless an old copy is wished for', () => {
  const builder = new StoreBuilder().heartbeat().heartbeat();
  const old = builder.build();
  const now = builder.heartbeat().build();
  const files = new Map([...old.files, ...[...stamped(now, [3])].filter(([path]) => path.startsWith('timestamps/'))]);
  assert.deepEqual(failures(verify(old, files)), ['store.rollback timestamps/3.checkpoint']);
  const wished = verify(old, files, { asOf: true });
  assert.deepEqual([wished.ok, wished.facts.map(({ code }) => code), wished.timestamps.kept], [true, ['store.as-of'], 0]);
});

test('what a live vault stamps meanwhile is left to the next time', () => {
  const builder = new StoreBuilder().heartbeat().heartbeat();
  const old = builder.build();
  const now = builder.heartbeat().build();
  const files = memoryStore(stamped(now, [3]));
  let read = 0;
  const live = { ...files, readFile: (path: string) => (path === 'log/checkpoint' && (read += 1) === 1 ? Buffer.from(old.checkpoint) : files.readFile(path)) };
  const verdict = verifyStore(live, { key: now.key, trust });
  assert.deepEqual([verdict.logSize, failures(verdict), verdict.timestamps.kept], [2, [], 0]);
});

test('a checkpoint that waits for its answer, and foreign files, are facts', () => {
  const files = stamped(whole, [5]);
  files.set('timestamps/9.checkpoint', noteOf(whole, 9)).set('timestamps/9.tsr.new', Buffer.alloc(3)).set('timestamps/0.tsr', Buffer.alloc(3));
  const { ok, facts } = verify(whole, files);
  const found = facts.filter(({ code }) => code !== 'segment.torn').map(({ code, where }) => `${code} ${where}`);
  assert.deepEqual([ok, found.toSorted()], [true, ['store.unknown-file timestamps/0.tsr', 'store.unknown-file timestamps/9.tsr.new', 'timestamp.unfinished timestamps/9.checkpoint']]);
});
