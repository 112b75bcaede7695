// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lasting } from './lasting.ts';

test('a device of which a thousand things last leaves room for what lasts of another', () => {
  const open = new Set<string>();
  const lasting = new Lasting({ lasts: (subject, reason) => void open.add(`${subject} ${reason}`), over: (subject, reason) => void open.delete(`${subject} ${reason}`) });
  const tell = (subject: string, reason: string, on: boolean): void => lasting.take(subject, { protocol: 'power', told: { type: 'limit' }, isEvent: true, lasting: { reason, on } }, 0);
  for (let at = 0; at < 1000; at++) tell('rogue', `reason ${at}`, true);
  assert.equal(lasting.of('rogue').length, 64);
  assert.equal(open.size, 8);
  tell('pdu-a', 'interruption: phase 1', true);
  assert.ok(open.has('pdu-a interruption: phase 1'));
  for (let at = 0; at < 1000; at++) tell('rogue', `reason ${at}`, false);
  assert.deepEqual([lasting.of('rogue'), [...open]], [[], ['pdu-a interruption: phase 1']]);
});
