// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { Protector } from './protect.ts';

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
  const protector = new Protector(join(directory, 'store'));
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
  const protector = new Protector(join(directory, 'store'), true);
  for (const path of [victim, join(directory, 'store', 'link'), join(directory, 'store', 'out', 'victim'), join(directory, 'store', '..', 'victim'), join(directory, 'store')]) {
    assert.notEqual(await protector.protect(path, 'append'), null, path);
  }
  writeFileSync(victim, 'still writable');
});

test('a missing file and a missing right are told, and the next one is served', async () => {
  const store = join(directory, 'store');
  assert.match((await new Protector(store, true).protect(join(store, 'absent'), 'append'))!, /ENOENT/);
  assert.equal(await new Protector(store, false).protect(file, 'append'), 'only root may set it');
});
