// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { Protector } from './protect.ts';

const none = (): boolean => false;
let directory: string;
let file: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'strongroom-protect-'));
  mkdirSync(join(directory, 'store'));
  file = join(directory, 'store', '0000000000000001.seg');
  writeFileSync(file, 'a');
});
afterEach(() => {
  spawnSync('chattr', ['-R', '-f', '-i', '-a', directory]);
  rmSync(directory, { recursive: true });
});

test('an append-only file grows and does not shrink; an immutable one does neither', async (t) => {
  const protector = new Protector(join(directory, 'store'), none);
  const outcome = await protector.protect(file, 'append');
  if (outcome !== null) return t.skip(`not possible here: ${outcome}`);
  appendFileSync(file, 'b');
  assert.throws(() => truncateSync(file, 0), { code: 'EPERM' });
  assert.equal(await protector.protect(file, 'immutable'), null);
  assert.throws(() => appendFileSync(file, 'c'), { code: 'EPERM' });
  return undefined;
});

test('nothing outside the store is touched, also not through links', async () => {
  const victim = join(directory, 'victim');
  writeFileSync(victim, '');
  symlinkSync(victim, join(directory, 'store', 'link'));
  symlinkSync(directory, join(directory, 'store', 'out'));
  const protector = new Protector(join(directory, 'store'), none, true);
  for (const path of [victim, join(directory, 'store', 'link'), join(directory, 'store', 'out', 'victim'), join(directory, 'store', '..', 'victim'), join(directory, 'store')]) {
    assert.notEqual(await protector.protect(path, 'append'), null, path);
  }
  writeFileSync(victim, 'still writable');
});

test('a missing file and a missing right are told, and the next one is served', async () => {
  const store = join(directory, 'store');
  assert.match((await new Protector(store, none, true).protect(join(store, 'absent'), 'append'))!, /ENOENT/);
  assert.equal(await new Protector(store, none, false).protect(file, 'append'), 'only root may set it');
});

test('flags are taken from a segment alone that an order names', async (t) => {
  const [store, segments] = [join(directory, 'store'), join(directory, 'store/segments')];
  mkdirSync(segments);
  const [condemned, other, foreign] = ['0000000000000001.seg', '0000000000000002.4096.seg', 'notes'].map((name) => join(segments, name)) as [string, string, string];
  for (const path of [condemned, other, foreign]) writeFileSync(path, 'a');
  const protector = new Protector(store, (segment) => segment === '0000000000000001');
  const outcome = await protector.protect(condemned, 'immutable');
  for (const path of [other, foreign, file]) assert.notEqual(await protector.protect(path, 'none'), null, path);
  if (outcome !== null) return t.skip(`not possible here: ${outcome}`);
  assert.throws(() => rmSync(condemned), { code: 'EPERM' });
  assert.equal(await protector.protect(condemned, 'none'), null);
  rmSync(condemned);
  return undefined;
});
