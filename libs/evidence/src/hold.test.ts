// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeHoldText, encodeHoldText, type HoldText } from './hold.ts';

const HOLD: HoldText = {
  hold: 'ffeeddccbbaa99887766554433221100', created: 1_790_000_000_000_000_000n, by: 'spiffe://example/custodian/anna', reference: 'CASE-12',
  reason: 'Sicherungsanordnung vom 3. Mai – läuft', query: Buffer.from('{"source":"web-01"}'), salt: '00112233445566778899aabbccddeeff',
};

test('the text of a hold is written and read', () => {
  const bytes = encodeHoldText(HOLD);
  assert.equal(bytes.toString(), `strongroom hold-text v1\nhold ${HOLD.hold}\ncreated 1790000000000000000\nby ${HOLD.by}\nreference CASE-12\nreason ${HOLD.reason}\nquery eyJzb3VyY2UiOiJ3ZWItMDEifQ==\nsalt ${HOLD.salt}\n`);
  assert.deepEqual(decodeHoldText(bytes), HOLD);
});

test('what is not exactly one is refused', () => {
  const text = encodeHoldText(HOLD).toString();
  for (const wrong of ['', text.slice(0, -1), `${text}more 1\n`, text.replace('v1', 'v2'), text.replace(/salt .*\n/, ''), text.replace('reason ', 'reason  '), text.replace('==', '')]) {
    assert.throws(() => decodeHoldText(Buffer.from(wrong)), { name: 'Refused', code: 'hold.malformed' });
  }
  assert.throws(() => encodeHoldText({ ...HOLD, reason: 'two\nlines' }), { name: 'Bug' });
});
