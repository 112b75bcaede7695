// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { TestAuthority } from '@strongroom/testing';
import { makeEvent } from '@strongroom/service';
import { examine } from '../examine.ts';
import { codesOf, FoundedHome } from '../testing/founded-home.ts';
import { hsmCheck } from './hsm.ts';

const authority = await TestAuthority.make('Strongroom CA');

test('a module that is not there, and one that is none, are told', async () => {
  using home = await FoundedHome.make(authority);
  const module = join(home.directory, 'vendor.so');
  home.configure({ keys: { module } });
  assert.deepEqual(codesOf(await home.examine(hsmCheck)), ['hsm.module-away']);
  home.write(module, 'not a library');
  assert.deepEqual(codesOf(await home.examine(hsmCheck)), ['hsm.module-away']);
  home.configure({ keys: { module: process.execPath } });
  assert.deepEqual(codesOf(await home.examine(hsmCheck)), []);
});

test('an HSM that went away is told until it is back', async () => {
  using home = await FoundedHome.make(authority);
  const patient = await home.patient();
  const away = makeEvent('keys', 'keys.hsm-away', 'error', { message: 'the HSM does not answer', why: 'C_GetSlotList', code: 'keys.hsm-away' });
  const events = [makeEvent('supervisor', 'supervisor.started', 'info'), makeEvent('keys', 'keys.opened', 'info'), away];
  assert.ok(codesOf(await examine([hsmCheck], { ...patient, events })).includes('hsm.away'));
  assert.ok(!codesOf(await examine([hsmCheck], { ...patient, events: [...events, makeEvent('keys', 'keys.hsm-back', 'info', { awayMs: 5 })] })).includes('hsm.away'));
});
