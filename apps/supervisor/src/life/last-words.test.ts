// SPDX-License-Identifier: Apache-2.0
// Names and first lines are what Debian's kernel 6.1.0-56 left in QEMU 7.2 after "echo c > /proc/sysrq-trigger" at
// 2026-11-27T23:41:07Z, by ERST (by EFI variables of OVMF at 2026-11-28T00:07:27Z), and what systemd-pstore of systemd 252 made of it at the next boot.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { panics } from './last-words.ts';

const SECOND = 1_000_000_000n;
const PANICKED = 1_795_822_867;
const root = mkdtempSync(join(tmpdir(), 'strongroom-last-words-'));
const PARTS = {
  'dmesg-erst-7713000483173957633': 'Panic#1 Part1\n<6>[    1.838385] cblist_init_generic: Setting adjustable number of callback queues.\n',
  'dmesg-erst-7713000483173957634': 'Panic#1 Part2\n<5>[    0.000000] Linux version 6.1.0-56-amd64 (debian-kernel@lists.debian.org)\n',
};

after(() => rmSync(root, { recursive: true, force: true }));
beforeEach(() => rmSync(root, { recursive: true, force: true }));

function put(path: string, content: string, seconds: number): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
  utimesSync(join(root, path), seconds, seconds);
}

test('a dump of ERST tells when it was made, also as a copy that has the time of the next boot', () => {
  for (const [name, content] of Object.entries(PARTS)) put(name, content, PANICKED);
  assert.deepEqual(panics(root), [BigInt(PANICKED) * SECOND, BigInt(PANICKED) * SECOND]);
  rmSync(root, { recursive: true });
  for (const [name, content] of Object.entries(PARTS)) put(`7713000483173/${name}`, content, PANICKED + 1044);
  put('7713000483173/dmesg.txt', `dmesg-erst-7713000483173957634:\n${PARTS['dmesg-erst-7713000483173957634']}`, PANICKED + 1044);
  assert.deepEqual(panics(root), [BigInt(PANICKED) * SECOND, BigInt(PANICKED) * SECOND]);
});

test('ids of EFI have the seconds before part and count', () => {
  put('dmesg-efi-179582444712001', 'Panic#1 Part12\n', PANICKED + 9999);
  assert.deepEqual(panics(root), [1_795_824_447n * SECOND]);
});

test('an oops that the kernel outlived, a shutdown and the console are no panic', () => {
  put('dmesg-ramoops-0', 'Oops#1 Part1\n<4>[ 10.0] BUG: kernel NULL pointer dereference\n', PANICKED);
  put('dmesg-ramoops-1', 'Shutdown#1 Part1\n', PANICKED);
  put('console-ramoops-0', 'Panic#1 Part1\n', PANICKED);
  mkdirSync(join(root, 'dmesg-of-somebody'));
  assert.deepEqual(panics(root), []);
});

test('where there is no such directory nothing is told', () => assert.deepEqual(panics(join(root, 'none')), []));
