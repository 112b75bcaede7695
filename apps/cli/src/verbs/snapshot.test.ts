// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { BuiltStream, StoreBuilder, buildStore, syslogMessage, writeFiles, type BuiltStore } from '@strongroom/testing';
import { memoryIo } from '../memory-io.ts';
import { run } from '../run.ts';
import { VERBS } from './index.ts';
import type { Verification } from './verify.ts';

const directory = mkdtempSync(join(tmpdir(), 'strongroom-snapshot-'));
after(() => rmSync(directory, { recursive: true, force: true }));
let homes = 0;

function home(store: Pick<BuiltStore, 'files' | 'vkey'>): string {
  const path = join(directory, `home-${homes += 1}`);
  writeFiles(join(path, 'store'), store.files);
  writeFiles(join(path, 'state'), new Map([['vault/vkey', Buffer.from(store.vkey)]]));
  return path;
}

async function strongroom(...words: string[]): Promise<{ code: number; out: string; err: string }> {
  const io = memoryIo();
  const code = await run(words, VERBS, io);
  return { code, ...io.written };
}

async function verified(path: string, copy: string): Promise<Verification> {
  return JSON.parse((await strongroom('verify', '--home', path, '--store', copy, '-o', 'json')).out) as Verification;
}

for (const entries of [1, 2, 9, 255, 256, 257, 600]) {
  test(`copies a store of ${entries} entries so that it verifies, commit log and all`, async () => {
    const store = buildStore(entries);
    const path = home(store);
    const copy = join(directory, `copy-${entries}`);
    const { code, out } = await strongroom('snapshot', copy, '--home', path, '-o', 'json');
    assert.equal(code, 0);
    assert.equal((JSON.parse(out) as { logSize: number }).logSize, entries);
    const verdict = await verified(path, copy);
    assert.deepEqual(verdict.failures, []);
    assert.deepEqual([verdict.ok, verdict.logSize, verdict.records, verdict.uncommittedBytes], [true, entries, store.records, 0]);
    assert.ok(!verdict.facts.some(({ code: fact }) => fact === 'store.unknown-file'));
  });
}

test('leaves out what the checkpoint does not cover, and takes partial tiles from wider ones', async () => {
  const builder = new StoreBuilder();
  const stream = new BuiltStream(builder);
  for (let i = 0; i < 40; i += 1) builder.batch([stream.run([syslogMessage(i)])]).commit();
  const earlier = builder.build();
  for (let i = 0; i < 400; i += 1) builder.batch([stream.run([syslogMessage(i, 900)])]).commit();
  const later = builder.build();
  // As a live vault looks between publishing tiles and renaming the checkpoint: everything is newer but that.
  later.files.set('log/checkpoint', Buffer.from(earlier.checkpoint));
  const path = home(later);
  const copy = join(directory, 'copy-of-live');
  assert.equal((await strongroom('snapshot', copy, '--home', path)).code, 0);
  const verdict = await verified(path, copy);
  assert.deepEqual(verdict.failures, []);
  assert.deepEqual([verdict.logSize, verdict.records, verdict.uncommittedBytes], [40, 40, 0]);
  assert.deepEqual(readdirSync(join(copy, 'log/tile/0')), ['000.p']);
  assert.equal(readFileSync(join(copy, 'log/tile/0/000.p/40')).length, 40 * 32);
  assert.ok(readFileSync(join(copy, 'commit', readdirSync(join(copy, 'commit'))[0]!)).length < later.files.get('commit/0000000000000000-0001.commit')!.length);
});

test('refuses a place that is not empty, or lies in the store, and leaves it alone', async () => {
  const path = home(buildStore(9));
  const full = join(directory, 'full');
  mkdirSync(full);
  writeFileSync(join(full, 'mine'), 'x');
  const refused = await strongroom('snapshot', full, '--home', path);
  assert.deepEqual([refused.code, readdirSync(full)], [1, ['mine']]);
  assert.match(refused.err, /\[snapshot\.not-empty\]/);
  assert.match((await strongroom('snapshot', join(path, 'store/copy'), '--home', path)).err, /\[snapshot\.inside\]/);
});

test('makes no copy of a damaged store: it has no checkpoint then', async () => {
  const path = home(buildStore(9));
  truncateSync(join(path, 'store/segments', readdirSync(join(path, 'store/segments'))[0]!), 200);
  const copy = join(directory, 'copy-of-damaged');
  const { code, err } = await strongroom('snapshot', copy, '--home', path);
  assert.equal(code, 1);
  assert.match(err, /\[snapshot\.damaged\]/);
  assert.ok(!existsSync(join(copy, 'log/checkpoint')));
});

const NAMES = ['5.checkpoint', '5.tsr', '9.checkpoint', '9.tsr', '7.checkpoint', '10.checkpoint', '10.tsr', '9.tsr.new'];

test('copies the timestamps of what it covers, and no others', async () => {
  const store = buildStore(9);
  const path = home({ ...store, files: new Map([...store.files, ...NAMES.map((name) => [`timestamps/${name}`, Buffer.from(name)] as const)]) });
  const copy = join(directory, 'copy-with-timestamps');
  const { code, out } = await strongroom('snapshot', copy, '--home', path, '-o', 'json');
  assert.deepEqual([code, (JSON.parse(out) as { timestamps: number }).timestamps], [0, 2]);
  assert.deepEqual(readdirSync(join(copy, 'timestamps')).toSorted(), ['5.checkpoint', '5.tsr', '9.checkpoint', '9.tsr']);
  assert.equal(readFileSync(join(copy, 'timestamps/5.tsr'), 'utf8'), '5.tsr');
});

test('makes no copy where the checkpoint of a timestamp is missing', async () => {
  const store = buildStore(9);
  const path = home({ ...store, files: new Map([...store.files, ['timestamps/5.tsr', Buffer.alloc(3)]]) });
  assert.match((await strongroom('snapshot', join(directory, 'copy-without-checkpoint'), '--home', path)).err, /timestamps\/5\.checkpoint.*\[snapshot\.damaged\]/);
});
