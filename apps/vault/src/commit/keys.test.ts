// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { it, mock } from 'node:test';
import { Failed } from '@strongroom/bytes';
import { SYSTEM_CLOCK } from '../clock.ts';
import { patiently } from './keys.ts';

function patience() {
  const told: string[] = [];
  return { clock: SYSTEM_CLOCK, told, onAway: ({ code }: Failed) => { told.push(code); }, onBack: () => { told.push('back'); }, stop: new AbortController().signal };
}

it('tells once that the HSM is away, asks until it answers, and tells that it is back', async () => {
  const { told, ...with_ } = patience();
  let calls = 0;
  const keys = patiently({ sign: async () => { if ((calls += 1) < 3) throw new Failed('keys.hsm-away', 'away'); return 'signature'; } }, with_);
  assert.equal(await keys.sign(), 'signature');
  assert.deepEqual([calls, told], [3, ['keys.hsm-away', 'back']]);
});

it('counts an HSM that says nothing as away, and takes its answer when it comes', async () => {
  const { told, ...with_ } = patience();
  const answer = Promise.withResolvers<string>();
  mock.timers.enable({ apis: ['setTimeout'] });
  const signed = patiently({ sign: () => answer.promise }, with_).sign();
  mock.timers.tick(4999);
  assert.deepEqual(told, []);
  mock.timers.tick(1);
  assert.deepEqual(told, ['keys.silent']);
  answer.resolve('signature');
  assert.equal(await signed, 'signature');
  assert.deepEqual(told, ['keys.silent', 'back']);
  mock.timers.reset();
});

it('does not ask again what was refused', async () => {
  const { told, ...with_ } = patience();
  const keys = patiently({ sign: async () => { throw new TypeError('unexpected'); } }, with_);
  await assert.rejects(keys.sign(), { name: 'TypeError' });
  assert.deepEqual(told, []);
});
