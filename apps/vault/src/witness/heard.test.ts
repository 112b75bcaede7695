// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { cosignerVkey, parsePolicy } from '@strongroom/evidence';
import { judgeHeard, NOTHING_HEARD, whyNotCompared } from './heard.ts';

const lines = ['a', 'b', 'c'].map((name) => `witness ${name} ${cosignerVkey(`${name}/w`, generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'der' }))}\n`);
const policy = parsePolicy(Buffer.from(`${lines.join('')}group g 2 a b c\nquorum g\n`));
const heard = (said: Partial<typeof NOTHING_HEARD>) => judgeHeard(policy, { ...NOTHING_HEARD, ...said });

test('only a quorum that had seen this log is a comparison', () => {
  assert.equal(heard({ known: ['a', 'b'] }), 'compared');
  assert.equal(heard({ known: ['a'], unknown: ['b', 'c'], tried: true }), 'over');
  assert.equal(heard({ unknown: ['a', 'b', 'c'], tried: true }), 'over');
  assert.equal(heard({ known: ['a'], ahead: ['b'], silent: ['c'], tried: true }), 'over');
  assert.equal(heard({ known: ['a'], silent: ['b', 'c'], tried: true }), 'waiting');
});

test('a quorum that names more is told from one witness that does', () => {
  assert.equal(heard({ ahead: ['a', 'b'], silent: ['c'] }), 'ahead');
  assert.equal(heard({ ahead: ['a'], unknown: ['b', 'c'], tried: true }), 'over');
  assert.equal(heard({ known: ['a', 'b'], ahead: ['c'], tried: true }), 'compared');
});

test('those who know nothing do not end the wait for one who may', () => {
  assert.equal(heard({ unknown: ['a', 'b'], silent: ['c'] }), 'waiting');
  assert.equal(heard({ known: ['c'], unknown: ['a', 'b'], tried: true }), 'over');
});

test('why there was none is told for each', () => {
  assert.equal(whyNotCompared(policy, { ...NOTHING_HEARD, known: ['a'], unknown: ['b'] }), 'no quorum of the 3 witnesses had seen this log: compared with a; this log is new to b; 1 could not be asked');
  assert.equal(whyNotCompared(policy, { ...NOTHING_HEARD, ahead: ['a', 'b', 'c'] }), 'no quorum of the 3 witnesses had seen this log: more was seen, it is said without showing it, by a, b, c');
});
