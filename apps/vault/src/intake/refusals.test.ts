// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Refusals } from './refusals.ts';
import { SYSTEM_CLOCK } from '../clock.ts';

it('seals each kind up to its rate, and counts what is beyond', () => {
  let nowMs = 0;
  const sealed: string[] = [];
  const refusals = new Refusals({ ...SYSTEM_CLOCK, nowMs: () => nowMs }, (event, fields) => sealed.push(event === 'vault.events-suppressed' ? `${fields['suppressed']} ${fields['count']}` : event));
  for (let i = 0; i < 250; i += 1) refusals.note('a', {});
  refusals.note('b', {});
  assert.deepEqual([sealed.filter((event) => event === 'a').length, sealed.at(-1)], [100, 'b']);
  refusals.settle();
  assert.equal(sealed.at(-1), 'a 150');
  refusals.settle();
  assert.equal(sealed.length, 102);
  nowMs = 1000;
  for (let i = 0; i < 21; i += 1) refusals.note('a', {});
  assert.equal(sealed.length, 122);
});
