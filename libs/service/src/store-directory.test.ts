// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { verifyStore } from '@strongroom/evidence';
import { buildStore, writeFiles } from '@strongroom/testing';
import { StoreDirectory } from './store-directory.ts';

function inStore(use: (directory: string, store: StoreDirectory) => void): void {
  const directory = mkdtempSync(join(tmpdir(), 'strongroom-store-'));
  const store = new StoreDirectory(directory);
  try {
    use(directory, store);
  } finally {
    store.close();
    rmSync(directory, { recursive: true });
  }
}

test('a store on disk is verified', () => inStore((directory, store) => {
  const built = buildStore(300);
  writeFiles(directory, built.files);
  assert.deepEqual(verifyStore(store, { key: built.key, dataKey: (segment) => built.dataKeys.get(segment) ?? null }).failures, []);
}));

test('files are read whole and in part, as long as they are at that moment', () => inStore((directory, store) => {
  writeFileSync(join(directory, 'a'), 'abc');
  assert.equal(store.readAt('a', 1, 10)!.toString(), 'bc');
  assert.equal(store.readAt('a', 9, 10)!.length, 0);
  assert.equal(store.readAt('a', 0, 2 ** 50)!.length, 3);
  appendFileSync(join(directory, 'a'), 'd');
  assert.equal(store.readAt('a', 1, 10)!.toString(), 'bcd');
  assert.equal(store.readFile('a')!.toString(), 'abcd');
  assert.equal(store.sizeOf('a'), 4);
}));

test('what is not there is null, and an empty directory', () => inStore((directory, store) => {
  mkdirSync(join(directory, 'd'));
  assert.deepEqual(['x', 'd', 'x/y'].map((path) => [store.readFile(path), store.readAt(path, 0, 1), store.sizeOf(path)]), [[null, null, null], [null, null, null], [null, null, null]]);
  assert.deepEqual([store.list('x'), store.list('d'), store.list('.')], [[], [], ['d/']]);
}));

test('symbolic links and pipes in place of files are nothing', () => inStore((directory, store) => {
  symlinkSync('/etc/passwd', join(directory, 'link'));
  spawnSync('mkfifo', [join(directory, 'pipe')]);
  for (const path of ['link', 'pipe']) assert.deepEqual([store.readFile(path), store.readAt(path, 0, 1), store.sizeOf(path)], [null, null, null]);
}));

test('more files than it keeps open are read all the same', () => inStore((directory, store) => {
  for (let i = 0; i < 50; i += 1) writeFileSync(join(directory, String(i)), String(i));
  for (let round = 0; round < 2; round += 1) for (let i = 0; i < 50; i += 1) assert.equal(store.readAt(String(i), 0, 9)!.toString(), String(i));
}));
