// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { withRoom } from './founding-room.ts';
import { openKeyring } from './keyring.ts';

const MODULE = '/usr/lib/softhsm/libsofthsm2.so';
const root = mkdtempSync(join(tmpdir(), 'strongroom-founding-'));

/** As a founding leaves it that is cut off. */
function begun(): string {
  const directory = mkdtempSync(join(root, 'keys-'));
  mkdirSync(join(directory, 'token/abc'), { recursive: true });
  for (const name of ['pin', 'so-pin', 'softhsm2.conf', 'ca.pem', 'founded.json.new', 'token/abc/token.object']) writeFileSync(join(directory, name), 'x');
  writeFileSync(join(directory, 'key.pem'), 'not of the founding');
  return directory;
}

const full = (): Promise<never> => Promise.reject(Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' }));

test('a founding that finds no room on its way leaves nothing half made, and says what to do', async () => {
  const directory = begun();
  await assert.rejects(withRoom(directory, full), { name: 'Refused', code: 'keys.no-room', why: 'ENOSPC: no space left on device, write' });
  assert.deepEqual(readdirSync(directory), ['key.pem']);
});

test('once it is founded nothing is taken away, and what failed is said as it is', async () => {
  const directory = begun();
  const founded = { version: 1, deployment: 'd', tokenLabel: 't', tokenSerial: '1', moduleDescription: 'm', logPublicKeySpki: '', caPublicKeySpki: '', caPem: '' };
  await assert.rejects(withRoom(directory, async () => {
    writeFileSync(join(directory, 'founded.json'), JSON.stringify(founded));
    return full();
  }), { code: 'ENOSPC' });
  assert.ok(existsSync(join(directory, 'token/abc/token.object')));
});

test('a failure that has nothing to do with room stays what it is', async () => {
  const directory = begun();
  await assert.rejects(withRoom(directory, () => Promise.reject(new Error('another'))), /another/);
  assert.ok(existsSync(join(directory, 'pin')));
});

const small = mkdtempSync(join(root, 'small-'));
const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', small]).status === 0;
after(() => {
  if (mounted) spawnSync('umount', [small]);
  rmSync(root, { recursive: true, force: true });
});

test('on a full volume nothing is begun, and with room it is founded', { skip: mounted ? (existsSync(MODULE) ? false : 'machine: softhsm2 is not installed') : 'machine: only root can mount a small file system' }, async () => {
  const place = { directory: small, module: MODULE, tokenLabel: 'strongroom', pinFile: undefined, deployment: 'd' };
  await assert.rejects(openKeyring(place), { name: 'Refused', code: 'keys.no-room' });
  assert.equal(spawnSync('mount', ['-o', 'remount,size=4m,nr_inodes=40', small]).status, 0);
  await assert.rejects(openKeyring(place), (error: Error & { code?: string; why?: string }) => error.code === 'keys.no-room' && /more files/.test(error.why ?? ''));
  assert.deepEqual(readdirSync(small), []);
  assert.equal(spawnSync('mount', ['-o', 'remount,nr_inodes=1000', small]).status, 0);
  (await openKeyring(place)).close();
});
