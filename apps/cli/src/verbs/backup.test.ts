// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { appendFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { BuiltStream, StoreBuilder, syslogMessage, writeFiles, type BuiltStore } from '@strongroom/testing';
import type { BackupManifest } from '../backup/manifest.ts';
import { memoryIo } from '../memory-io.ts';
import { run } from '../run.ts';
import { VERBS } from './index.ts';

const directory = mkdtempSync(join(tmpdir(), 'strongroom-backup-'));
after(() => rmSync(directory, { recursive: true, force: true }));
let homes = 0;

function home(store: BuiltStore, path = join(directory, `home-${homes += 1}`)): string {
  writeFiles(join(path, 'store'), store.files);
  writeFiles(join(path, 'secrets/vault'), store.wrappedKeys);
  writeFiles(join(path, 'secrets/keys'), new Map([['founded.json', '{}'], ['token/a/b.object', 'key'], ['pin', '1'], ['so-pin', '2'], ['key.pem', 'x']].map(([name, text]) => [name!, Buffer.from(text!)])));
  writeFiles(join(path, 'state'), new Map([['vault/vkey', store.vkey], ['vault/checksums', store.checksums], ['vault/remembered', store.checkpoint], ['deployment', 'test\n'], ['registry.json', '{}']].map(([name, text]) => [name!, Buffer.from(text!)])));
  return path;
}

async function strongroom(...words: string[]): Promise<{ code: number; out: string; err: string }> {
  const io = memoryIo();
  const code = await run(words, VERBS, io);
  return { code, ...io.written };
}

/** Closed segments, and one that is open. */
function builder(): { builder: StoreBuilder; stream: BuiltStream } {
  const made = new StoreBuilder();
  const stream = new BuiltStream(made);
  for (let i = 0; i < 3; i += 1) made.batch([stream.run([syslogMessage(i, 500)])]).closeSegment();
  made.batch([stream.run([syslogMessage(9)])]);
  return { builder: made, stream };
}

test('a backup is made, checked, and restored to what it was made of', async () => {
  const store = builder().builder.build();
  const [from, to, copy] = [home(store), join(directory, 'restored'), join(directory, 'backup')];
  const made = await strongroom('backup', 'make', copy, '--home', from, '-o', 'json');
  assert.equal(made.code, 0, made.err);
  assert.deepEqual((({ size, segments, linked, dataKeys, token }) => ({ size, segments, linked, dataKeys, token }))(JSON.parse(made.out) as never), { size: store.size, segments: 4, linked: 0, dataKeys: 4, token: false });
  const { files } = JSON.parse(readFileSync(join(copy, 'backup.json'), 'utf8')) as BackupManifest;
  assert.ok(!files.some(({ path }) => /token|pin|key\.pem/.test(path)), 'no secret of the token');
  assert.equal((await strongroom('backup', 'check', copy, '--vkey', store.vkey)).code, 0);

  const restored = await strongroom('restore', copy, '--home', to, '-o', 'json');
  assert.equal(restored.code, 0, restored.err);
  for (const { path } of files) assert.deepEqual(readFileSync(join(to, path)), readFileSync(join(copy, path)), path);
  assert.equal(statSync(join(to, 'secrets/vault/0000000000000001.key')).mode & 0o777, 0o600);
  assert.equal(statSync(join(to, 'state/deployment')).mode & 0o777, 0o644, 'every service reads it');
  assert.ok(!existsSync(join(to, 'restoring')));
  assert.equal((await strongroom('verify', '--home', to)).code, 0);
});

test('the token goes elsewhere, and comes back from there', async () => {
  const from = home(builder().builder.build());
  const [copy, token, to] = [join(directory, 'backup-token'), join(directory, 'token'), join(directory, 'restored-token')];
  assert.match((await strongroom('backup', 'make', copy, '--home', from, '--with-token', join(copy, 'token'))).err, /\[backup\.token-beside\]/);
  const made = await strongroom('backup', 'make', copy, '--home', from, '--with-token', token);
  assert.equal(made.code, 0, made.err);
  assert.match(made.err, /reads everything and signs/);
  assert.equal((await strongroom('restore', copy, '--home', to, '--token', token)).code, 0);
  assert.equal(readFileSync(join(to, 'secrets/keys/token/a/b.object'), 'utf8'), 'key');
  rmSync(join(from, 'secrets/keys/token'), { recursive: true });
  assert.match((await strongroom('backup', 'make', `${copy}-2`, '--home', from, '--with-token', `${token}-2`)).err, /\[backup\.external-token\]/);
});

test('a later backup links what an earlier one has, and stands by itself', async () => {
  const { builder: made, stream } = builder();
  const from = home(made.build());
  const [first, second] = [join(directory, 'monday'), join(directory, 'tuesday')];
  await strongroom('backup', 'make', first, '--home', from);
  const later = made.batch([stream.run([syslogMessage(10)])]).closeSegment().batch([stream.run([syslogMessage(11)])]).build();
  home(later, from);
  const { out } = await strongroom('backup', 'make', second, '--home', from, '--base', first, '-o', 'json');
  assert.equal((JSON.parse(out) as { linked: number }).linked, 3);
  assert.equal(statSync(join(second, 'store/segments/0000000000000001.seg')).ino, statSync(join(first, 'store/segments/0000000000000001.seg')).ino);
  rmSync(first, { recursive: true });
  assert.equal((await strongroom('backup', 'check', second, '--vkey', later.vkey)).code, 0);
  const other = home(new StoreBuilder({ origin: 'other.example/log' }).heartbeat().build());
  assert.match((await strongroom('backup', 'make', `${second}-2`, '--home', other, '--base', second)).err, /\[backup\.other-log\]/);
});

test('what is damaged or missing is named, and nothing of it is restored', async () => {
  const copy = join(directory, 'damaged');
  await strongroom('backup', 'make', copy, '--home', home(builder().builder.build()));
  for (const [path, damage] of [
    ['store/segments/0000000000000002.seg', (file: string) => appendFileSync(file, 'x')],
    ['secrets/vault/0000000000000003.key', (file: string) => rmSync(file)],
    ['state/registry.json', (file: string) => writeFileSync(file, '[]')],
  ] as const) {
    const [broken, to] = [mkdtempSync(join(directory, 'broken-')), mkdtempSync(join(directory, 'to-'))];
    cpSync(copy, broken, { recursive: true });
    damage(join(broken, path));
    const { code, out } = await strongroom('backup', 'check', broken, '-o', 'json');
    assert.equal(code, 3);
    assert.ok((JSON.parse(out) as { faults: string[] }).faults[0]!.startsWith(path));
    assert.match((await strongroom('restore', broken, '--home', to)).err, /\[restore\.damaged\]/);
    assert.ok(!existsSync(join(to, 'store')) && !existsSync(join(to, 'state')));
  }
  rmSync(join(copy, 'backup.json'));
  assert.match((await strongroom('backup', 'check', copy)).err, /\[backup\.none\]/);
  writeFileSync(join(copy, 'backup.json'), JSON.stringify({ format: 'strongroom backup v1', deployment: 'a', origin: 'b', size: 1, vkey: 'c', createdAt: 'd', files: [{ path: '../x', bytes: 1, sha256: '0'.repeat(64) }] }));
  assert.match((await strongroom('restore', copy, '--home', join(directory, 'none'))).err, /\[backup\.manifest\]/);
});

test('a home with a store is never written over, and what outlived the disk stays', async () => {
  const { builder: made, stream } = builder();
  const old = made.build();
  const copy = join(directory, 'older');
  await strongroom('backup', 'make', copy, '--home', home(old));
  const newer = made.batch([stream.run([syslogMessage(12)])]).build();
  const from = home(newer);
  assert.match((await strongroom('restore', copy, '--home', from)).err, /\[restore\.not-empty\]/);
  rmSync(join(from, 'store'), { recursive: true });
  mkdirSync(join(from, 'store/log'), { recursive: true });
  const restored = await strongroom('restore', copy, '--home', from, '-o', 'json');
  assert.equal(restored.code, 0, restored.err);
  assert.equal((JSON.parse(restored.out) as { remembered: number }).remembered, newer.size);
  assert.equal(readFileSync(join(from, 'state/vault/remembered'), 'utf8'), newer.checkpoint);
  const verdict = await strongroom('verify', '--home', from, '-o', 'json');
  assert.deepEqual([verdict.code, (JSON.parse(verdict.out) as { failures: { code: string }[] }).failures.map(({ code }) => code)], [3, ['store.rollback']]);
  writeFileSync(join(from, 'state/deployment'), 'other\n');
  rmSync(join(from, 'store'), { recursive: true });
  assert.match((await strongroom('restore', copy, '--home', from)).err, /\[restore\.other\]/);
});
