// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { checkDirectory, writeDirectory } from './directory.ts';

const root = mkdtempSync(join(tmpdir(), 'strongroom-enrol-'));
after(() => rmSync(root, { recursive: true, force: true }));
const FILES = [{ name: 'cert.pem', mode: 0o644, content: 'certificate' }, { name: 'key.pem', mode: 0o600, content: 'key' }];

test('makes a new directory whole, with the modes of its files, and leaves nothing beside it', async () => {
  const directory = join(root, 'a/b/web-01');
  await writeDirectory(directory, FILES);
  assert.deepEqual(readdirSync(join(root, 'a/b')), ['web-01']);
  assert.equal(readFileSync(join(directory, 'cert.pem'), 'utf8'), 'certificate');
  assert.deepEqual(['cert.pem', 'key.pem'].map((name) => statSync(join(directory, name)).mode & 0o777), [0o644, 0o600]);
});

test('replaces files in a directory that is there, and leaves others alone', async () => {
  const directory = join(root, 'there');
  mkdirSync(directory);
  writeFileSync(join(directory, 'key.pem'), 'old');
  chmodSync(join(directory, 'key.pem'), 0o644);
  writeFileSync(join(directory, 'mine'), 'mine');
  await writeDirectory(directory, FILES);
  assert.deepEqual(readdirSync(directory).toSorted(), ['cert.pem', 'key.pem', 'mine']);
  assert.equal(statSync(join(directory, 'key.pem')).mode & 0o777, 0o600);
});

test('refuses to replace files unasked', async () => {
  const directory = join(root, 'taken');
  await checkDirectory(directory, ['cert.pem'], false);
  mkdirSync(directory);
  writeFileSync(join(directory, 'cert.pem'), 'x');
  await assert.rejects(checkDirectory(directory, ['cert.pem', 'key.pem'], false), { code: 'enrol.exists', message: `${directory} already holds cert.pem` });
  await checkDirectory(directory, ['cert.pem', 'key.pem'], true);
  await checkDirectory(directory, ['key.pem'], false);
});

test('leaves nothing when it cannot finish', async () => {
  const directory = join(root, 'unfinished/web-01');
  await assert.rejects(writeDirectory(directory, [...FILES, { name: 'no/such/folder', mode: 0o600, content: '' }]), { code: 'ENOENT' });
  assert.ok(!existsSync(directory));
  assert.deepEqual(readdirSync(join(root, 'unfinished')), []);
});
