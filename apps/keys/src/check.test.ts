// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { checkKeys } from './check.ts';
import { CKF, CKM } from './cryptoki.table.ts';
import { load } from './cryptoki.ts';
import { listKeys } from './inventory.ts';
import { openKeyring } from './keyring.ts';
import type { KeyringPlace } from './place.ts';
import { wrappingTemplate } from './templates.ts';
import { ensureWrappingKey, retireWrappingKeys } from './wrapping.ts';

const MODULE = '/usr/lib/softhsm/libsofthsm2.so';
const skip = existsSync(MODULE) ? false : 'machine: softhsm2 is not installed';
const root = mkdtempSync(join(tmpdir(), 'strongroom-check-'));
after(() => rmSync(root, { recursive: true, force: true }));

test('keys are tried, and one that may be taken out is named', { skip }, async () => {
  const place: KeyringPlace = { directory: mkdtempSync(join(root, 'keys-')), module: MODULE, tokenLabel: 'strongroom', pinFile: undefined, deployment: 'test-berlin' };
  const ring = await openKeyring(place);
  ensureWrappingKey(ring, 'default', '2027-01');
  await retireWrappingKeys(ring);
  const states = (): Map<string, string> => new Map(checkKeys(ring, place).map(({ code, state }) => [code, state]));
  const before = states();
  for (const code of ['keys.module', 'keys.token', 'keys.mechanisms', 'keys.attributes', 'keys.self-test-sign', 'keys.self-test-wrap', 'keys.self-test-aad']) assert.equal(before.get(code), 'ok', code);
  assert.deepEqual([before.get('keys.hsm'), before.get('keys.counter')], ['weak', 'weak']);
  assert.deepEqual(listKeys(ring).map(({ use, state, epoch }) => [use, state, epoch]), [['log', 'active', 1], ['ca', 'active', null], ['wrapping', 'retired', null]]);

  const api = load(MODULE);
  const session = api.C_OpenSession(api.C_GetSlotList(true)[0]!, CKF.SERIAL_SESSION | CKF.RW_SESSION);
  const open = wrappingTemplate({ label: 'test-berlin/wrap/default/2027-02', id: Buffer.alloc(8, 1) }).map((one) => (one.type === 0x162 ? { ...one, value: true } : one));
  api.C_GenerateKey(session, { mechanism: CKM.AES_KEY_GEN }, open);
  const found = checkKeys(ring, place).find(({ code }) => code === 'keys.attributes')!;
  assert.equal(found.state, 'bad');
  assert.match(found.detail, /2027-02 extractable is true/);
  ring.close();
});
