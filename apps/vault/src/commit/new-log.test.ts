// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { encodeEntry, encodeOrderFile, newOrderFile } from '@strongroom/evidence';
import { SYSTEM_DISK } from '../disk.ts';
import { acceptance, segmentsFrom } from './new-log.ts';

const root = mkdtempSync(join(tmpdir(), 'strongroom-new-log-'));
after(() => rmSync(root, { recursive: true }));
const paths = { vaultState: join(root, 'state'), store: join(root, 'store') };
const facts = { id: '00112233445566778899aabbccddeeff', origin: 'd/log', size: 10, root: Buffer.alloc(32, 1), created: 1n, expires: 2n, authority: Buffer.alloc(64), reason: 'a test' };

test('what was accepted becomes the first entry, and its order lies in the store before', async () => {
  mkdirSync(paths.vaultState);
  assert.equal(await acceptance(SYSTEM_DISK, paths, 5n), null);
  const bytes = encodeOrderFile(newOrderFile({ kind: 'accept-rollback', ...facts, seen: 12, seenRoot: Buffer.alloc(32, 2) }));
  writeFileSync(join(paths.vaultState, 'acceptance'), bytes);
  const entry = (await acceptance(SYSTEM_DISK, paths, 5n))!;
  assert.match(encodeEntry(entry).toString(), /^strongroom rollback v1\ntime 5\norigin d\/log\nsize 10\nroot \S+\nseen 12\nseen-root \S+\norder 00112233445566778899aabbccddeeff\napprovals \S+\n$/);
  assert.ok(readFileSync(join(paths.store, 'orders', `${facts.id}.order`)).equals(bytes));
  writeFileSync(join(paths.vaultState, 'acceptance'), encodeOrderFile(newOrderFile({ kind: 'release', ...facts, hold: facts.id })));
  await assert.rejects(acceptance(SYSTEM_DISK, paths, 5n), { code: 'vault.acceptance' });
});

test('segments of a new log are numbered behind every data key of the home', () => {
  assert.equal(segmentsFrom(SYSTEM_DISK, join(root, 'none')), 1);
  for (const name of ['0000000000000001.key', '000000000000001f.key', 'key.pem', 'x.key']) writeFileSync(join(root, name), '');
  assert.equal(segmentsFrom(SYSTEM_DISK, root), 32);
});
