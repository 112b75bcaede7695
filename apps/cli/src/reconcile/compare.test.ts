// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { compare, type Counts } from './compare.ts';
import { DigestTable } from './digest-table.ts';
import { ListFile, type ListKind } from './list.ts';

const directory = mkdtempSync(join(tmpdir(), 'strongroom-compare-'));
after(() => rmSync(directory, { recursive: true }));
const sha = (text: string): Buffer => hash('sha256', text, 'buffer');

/** What the vault answers when it holds records with these forms. */
async function* answer(...records: readonly (readonly string[])[]): AsyncGenerator<unknown, unknown> {
  for (const forms of records) yield { digests: Buffer.concat([Buffer.of(forms.length), ...forms.map((form) => sha(form).subarray(0, 16))]).toString('base64') };
  return { looked: records.length, unreadRecords: 0, unreadWhy: null };
}

async function* batches(...sizes: readonly (readonly [number, number])[]): AsyncGenerator<unknown, unknown> {
  yield { batches: sizes };
  return { looked: sizes.length, unreadRecords: 0, unreadWhy: null };
}

async function compared(kind: ListKind, list: string | Buffer, items: AsyncGenerator<unknown, unknown>): Promise<{ counts: Counts; missing: string[] }> {
  const path = join(directory, 'list');
  writeFileSync(path, list);
  const missing: string[] = [];
  const file = await ListFile.open(path);
  assert.equal(file.guess(), kind);
  const counts = await compare(kind, file, items, ({ number, bytes }) => { missing.push(`${number} ${bytes.toString()}`); });
  return { counts, missing };
}

test('three equal lines want three records, and one more is beyond', async () => {
  const { counts, missing } = await compared('lines', 'a\nb\na\n\r\na\r\nc', answer(['<13>a', 'a'], ['a'], ['b'], ['b'], ['x']));
  assert.deepEqual(counts, { listed: 5, found: 3, missing: 2, surplus: 1, unreadRecords: 0, unreadWhy: null });
  assert.deepEqual(missing, ['5 a', '6 c']);
});

test('a record counts for one line alone, also where two of its forms are listed', async () => {
  assert.deepEqual((await compared('lines', '<13>a\na\n', answer(['<13>a', 'a']))).missing, ['2 a']);
  assert.deepEqual((await compared('lines', '<13>a\na\n', answer(['<13>a', 'a'], ['<13>a', 'a']))).missing, []);
});

test('hashes are taken as sha256sum prints them, or alone', async () => {
  const list = `${sha('a').toString('hex')}  file-a\n${sha('b').toString('hex').toUpperCase()}\n${sha('c').toString('hex')} *c\n`;
  const { counts } = await compared('hashes', list, answer(['a'], ['c']));
  assert.deepEqual([counts.found, counts.missing], [2, 1]);
  await assert.rejects(async () => compare('hashes', await ListFile.open(join(directory, 'list')).then((file) => { writeFileSync(file.path, 'no hash\n'); return file; }), answer(), () => undefined), { code: 'reconcile.line' });
});

test('ids are looked for in the log, alone or in a receipt', async () => {
  const { counts, missing } = await compared('ids', '42-7\nstrongroom test/log 43-0 44\n43-1\n44-0\n', batches([42, 8], [43, 1], [50, 9]));
  assert.deepEqual([counts.found, counts.missing, counts.surplus], [2, 2, null]);
  assert.deepEqual(missing, ['3 43-1', '4 44-0']);
});

test('the pieces in which a file is read make no difference, nor does an end without a line feed', async () => {
  const lines = Array.from({ length: 90_000 }, (_, i) => `line ${i} ${'x'.repeat(i % 40)}`);
  const { counts } = await compared('lines', lines.join('\n'), answer(...lines.slice(1).map((line) => [line])));
  assert.deepEqual([counts.listed, counts.missing], [90_000, 1]);
});

test('a table grows, and refuses what is beyond its bound', () => {
  const table = new DigestTable(50_000);
  for (let i = 0; i < 50_000; i += 1) table.list(sha(String(i)));
  for (let i = 0; i < 50_000; i += 1) assert.equal(table.find(sha(String(i)), 0, 1), 'found');
  assert.deepEqual([table.find(sha('1'), 0, 1), table.find(sha('one'), 0, 1)], ['surplus', 'unlisted']);
  table.list(sha('1'));
  assert.throws(() => table.list(sha('one')), { code: 'reconcile.too-many' });
});

test('what comes on stdin is a list too', async () => {
  const list = await ListFile.open('-', Readable.from([Buffer.from('a\nb'), Buffer.from('c\n')]));
  assert.deepEqual([...list.lines()].map(({ bytes }) => bytes.toString()), ['a', 'bc']);
  list.close();
});
