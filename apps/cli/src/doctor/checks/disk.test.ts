// SPDX-License-Identifier: Apache-2.0
// Real file systems that are full, have no inodes, are read-only, or have no flags: small ones in memory.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { TestAuthority } from '@strongroom/testing';
import { codesOf, FoundedHome } from '../testing/founded-home.ts';
import { diskCheck } from './disk.ts';

const authority = await TestAuthority.make('Strongroom CA');

const NO_FLAGS = 'there is no root to mount a file system';
const skip = process.getuid?.() === 0 && spawnSync('unshare', ['--mount', 'true']).status === 0 ? false : NO_FLAGS;

/** Room for the default of `vault.minFreeBytes`, without asking the machine for so much. */
const SMALL = { vault: { minFreeBytes: 65_536 } };

test('a disk with room says nothing', async () => {
  using home = await FoundedHome.make(authority);
  home.configure(SMALL);
  assert.deepEqual(codesOf(await home.examine(diskCheck)).filter((code) => code !== 'disk.flags'), []);
});

test('a full disk is told with what is free and what must be', { skip }, async () => {
  using home = await FoundedHome.make(authority);
  home.configure({ vault: { minFreeBytes: 524_288 } });
  using store = mounted('tmpfs', 'size=1m', home.paths.store);
  assert.deepEqual(codesOf(await home.examine(diskCheck)).filter((code) => code !== 'disk.flags'), ['disk.nearly-full']);
  writeFileSync(join(store.path, 'big'), Buffer.alloc(700_000));
  const { findings } = await home.examine(diskCheck);
  const full = findings.find(({ code }) => code === 'disk.full')!;
  assert.equal(full.evidence['neededBytes'], 524_288);
  assert.ok(Number(full.evidence['freeBytes']) < 524_288);
});

test('a disk that has room and no inodes is told', { skip }, async () => {
  using home = await FoundedHome.make(authority);
  home.configure(SMALL);
  using store = mounted('tmpfs', 'size=4m,nr_inodes=12', home.paths.store);
  writeFileSync(join(store.path, 'one'), 'x');
  assert.ok(codesOf(await home.examine(diskCheck)).includes('disk.inodes'));
});

test('a file system that became read-only is told', { skip }, async () => {
  using home = await FoundedHome.make(authority);
  home.configure(SMALL);
  using store = mounted('tmpfs', 'size=4m', home.paths.store);
  execFileSync('mount', ['-o', 'remount,ro', store.path]);
  assert.ok(codesOf(await home.examine(diskCheck)).includes('disk.read-only'));
});

test('a file system without flags is told', { skip }, async () => {
  using home = await FoundedHome.make(authority);
  home.configure(SMALL);
  using store = mounted('ramfs', 'mode=0755', home.paths.store);
  mkdirSync(join(store.path, 'segments'));
  assert.ok(codesOf(await home.examine(diskCheck)).includes('disk.flags'));
});

function mounted(type: string, options: string, path: string): Disposable & { readonly path: string } {
  execFileSync('mount', ['-t', type, '-o', options, 'strongroom-test', path]);
  return { path, [Symbol.dispose]: () => { execFileSync('umount', ['--lazy', path]); } };
}
