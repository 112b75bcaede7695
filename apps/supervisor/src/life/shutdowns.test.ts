// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { shutdowns, type Books } from './shutdowns.ts';
import { utmp } from './utmp.fixture.ts';

const SECOND = 1_000_000_000n;
const T = 1_800_000_000;
const root = mkdtempSync(join(tmpdir(), 'strongroom-shutdowns-'));
const books: Books = { wtmp: join(root, 'wtmp'), wtmpdb: join(root, 'wtmp.db') };
/** As wtmpdb 0.73 of Debian 13 makes it, and what its "boot" and "shutdown" wrote into it. */
const TABLE = 'CREATE TABLE wtmp(ID INTEGER PRIMARY KEY, Type INTEGER, User TEXT NOT NULL, Login INTEGER, Logout INTEGER, TTY TEXT, RemoteHost TEXT, Service TEXT) STRICT';
const ROWS = [[1, 1, 'reboot', 1_795_823_883_249_465, 1_795_823_884_362_480, '~', '6.18.44', null], [2, 1, 'reboot', 1_795_823_885_648_335, null, '~', '6.18.44', null], [3, 3, 'ada', 1_795_823_890_000_000, 1_795_823_899_000_000, 'tty1', '', 'login']] as const;

after(() => rmSync(root, { recursive: true }));
beforeEach(() => { for (const path of Object.values(books)) rmSync(path, { force: true }); });

for (const [arch, isWide] of [['x64', false], ['arm64', true]] as const) {
  test(`wtmp tells of shutdowns, in the form of ${arch}`, () => {
    const records = [utmp('shutdown', 1, T, isWide), utmp('reboot', 2, T + 50, isWide), utmp('shutdown', 2, T + 60, isWide), utmp('shutdown', 1, T + 90, isWide)];
    writeFileSync(books.wtmp, Buffer.concat(records));
    assert.deepEqual(shutdowns(books, arch), [BigInt(T) * SECOND, BigInt(T + 90) * SECOND]);
    writeFileSync(books.wtmp, Buffer.concat([...records, Buffer.alloc(7)]));
    assert.deepEqual(shutdowns(books, arch), [], 'a file of another form is none');
  });
}

test('a time beyond 2038 is read where the form has room for it', () => {
  writeFileSync(books.wtmp, utmp('shutdown', 1, 2 ** 33, true));
  assert.deepEqual(shutdowns(books, 'arm64'), [BigInt(2 ** 33) * SECOND]);
});

test('wtmpdb tells of them where Debian has that instead', () => {
  using database = new DatabaseSync(books.wtmpdb);
  database.exec(TABLE);
  const insert = database.prepare('INSERT INTO wtmp VALUES (?, ?, ?, ?, ?, ?, ?, ?)');
  for (const row of ROWS) insert.run(...row);
  assert.deepEqual(shutdowns(books), [1_795_823_884_362_480_000n]);
});

test('books that are not there, or no books, say nothing', () => {
  assert.deepEqual(shutdowns(books), []);
  writeFileSync(books.wtmpdb, 'no database');
  assert.deepEqual(shutdowns(books), []);
});
