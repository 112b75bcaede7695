// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Refused, type Failed } from '@strongroom/bytes';
import { load } from './cryptoki.ts';
import { Hsm } from './hsm.ts';
import { openKeyring, type Keyring } from './keyring.ts';
import type { KeyringPlace } from './place.ts';

const MODULE = '/usr/lib/softhsm/libsofthsm2.so';
const skip = existsSync(MODULE) ? false : 'machine: softhsm2 is not installed';
const root = mkdtempSync(join(tmpdir(), 'strongroom-hsm-'));
after(() => rmSync(root, { recursive: true, force: true }));

interface Watched {
  readonly hsm: Hsm;
  readonly place: KeyringPlace;
  readonly seen: string[];
  readonly back: Promise<void>;
  readonly refused: Promise<unknown>;
}

function watched(): Watched {
  const place: KeyringPlace = { directory: mkdtempSync(join(root, 'keys-')), module: MODULE, tokenLabel: 'strongroom', pinFile: undefined, deployment: 'test-berlin' };
  const [back, refused] = [Promise.withResolvers<void>(), Promise.withResolvers<unknown>()];
  const seen: string[] = [];
  const hsm = new Hsm(() => openKeyring(place), {
    away: (error: Failed) => seen.push(`away ${error.code}`),
    back: () => { seen.push('back'); back.resolve(); },
    refused: (error) => { seen.push(`refused ${(error as Refused).code}`); refused.resolve(error); },
  });
  return { hsm, place, seen, back: back.promise, refused: refused.promise };
}

const sign = (ring: Keyring): number => ring.token.sign('ed25519', ring.logKeys.handle(undefined), Buffer.from('x')).length;
const unplug = ({ place: { directory } }: Watched): void => renameSync(join(directory, 'token'), join(directory, 'unplugged'));
const plug = ({ place: { directory } }: Watched): void => renameSync(join(directory, 'unplugged'), join(directory, 'token'));

test('a token that goes away fails at once, once, and works again by itself when it is back', { skip }, async () => {
  const one = watched();
  assert.equal(await one.hsm.use(sign), 64);
  unplug(one);
  for (let count = 0; count < 5; count++) await assert.rejects(one.hsm.use(sign), { name: 'Failed', code: 'keys.hsm-away' });
  assert.ok(one.hsm.awayMs > 0);
  plug(one);
  await one.back;
  assert.equal(await one.hsm.use(sign), 64);
  assert.equal(one.hsm.awayMs, 0);
  assert.deepEqual(one.seen, ['away keys.hsm-away', 'back']);
  one.hsm.close();
});

test('lost sessions go unnoticed, however many call at once', { skip }, async () => {
  const one = watched();
  await one.hsm.ready();
  const api = load(MODULE);
  api.C_CloseAllSessions(api.C_GetSlotList(true)[0]!);
  assert.deepEqual(await Promise.all(Array.from({ length: 20 }, () => one.hsm.use(sign))), Array.from({ length: 20 }, () => 64));
  assert.deepEqual(one.seen, []);
  one.hsm.close();
});

test('whoever waits for the token is woken when it comes', { skip }, async () => {
  const one = watched();
  await one.hsm.ready();
  unplug(one);
  await assert.rejects(one.hsm.use(sign), { code: 'keys.hsm-away' });
  const ready = one.hsm.ready();
  plug(one);
  await ready;
  assert.equal(await one.hsm.use(sign), 64);
  one.hsm.close();
});

test('a wrong PIN is not tried again: it would lock the token', { skip }, async () => {
  const one = watched();
  await one.hsm.ready();
  unplug(one);
  await assert.rejects(one.hsm.use(sign), { code: 'keys.hsm-away' });
  writeFileSync(join(one.place.directory, 'pin'), 'wrong\n');
  plug(one);
  const error = await one.refused;
  assert.ok(error instanceof Refused && error.code === 'keys.pin');
  assert.deepEqual(one.seen, ['away keys.hsm-away', 'refused keys.pin']);
  one.hsm.close();
});

test('what a call is refused is no loss of the token', { skip }, async () => {
  const one = watched();
  await assert.rejects(one.hsm.use(() => { throw new Refused('keys.malformed', 'no'); }), { code: 'keys.malformed' });
  assert.equal(await one.hsm.use(sign), 64);
  assert.deepEqual(one.seen, []);
  one.hsm.close();
});

test('after closing nothing is opened any more, and nobody waits on', { skip }, async () => {
  const one = watched();
  await one.hsm.ready();
  unplug(one);
  await assert.rejects(one.hsm.use(sign), { code: 'keys.hsm-away' });
  const ready = one.hsm.ready();
  one.hsm.close();
  await ready;
  plug(one);
  const other = watched();
  await other.hsm.ready();
  other.hsm.close();
  await assert.rejects(other.hsm.use(sign), { code: 'keys.stopping' });
});
