// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Failed } from '@strongroom/bytes';
import { Questions, questionsOf } from './ask.ts';

const oids = Array.from({ length: 200 }, (_, at) => `1.3.6.1.4.1.318.1.1.26.9.2.3.1.5.${at}`);

/** Answers at most so many at once, as a small device does. */
function device(most: number): { readonly asked: number[]; get(oids: readonly string[]): Promise<{ oid: string; value: number }[]> } {
  const asked: number[] = [];
  return {
    asked,
    get: async (wanted) => {
      asked.push(wanted.length);
      if (wanted.length > most) throw new Failed('snmp.too-big', 'too big');
      return wanted.map((oid) => ({ oid, value: 1 }));
    },
  };
}

test('questions are as large as one frame holds the answer, and have everything in its order', () => {
  const questions = questionsOf(oids);
  assert.deepEqual(questions.flat(), oids);
  assert.ok(questions.every((one) => one.length >= 40 && one.length <= 64 || one === questions.at(-1)), questions.map((one) => one.length).join());
  assert.deepEqual(questionsOf([]), []);
  assert.equal(questionsOf(Array.from({ length: 130 }, (_, at) => `1.3.${at % 100}`)).length, 3);
});

test('a device that cannot answer so much at once is asked for less, and one that cannot answer at all is not asked for ever', async () => {
  const small = device(12);
  const questions = new Questions(oids);
  assert.equal((await questions.ask(small)).size, 200);
  assert.ok(small.asked.length < 60, small.asked.join());
  small.asked.length = 0;
  assert.equal((await questions.ask(small)).size, 200);
  assert.ok(small.asked.every((count) => count <= 12), 'it is asked for no more than it could answer before');
  await assert.rejects(new Questions(oids).ask(device(0)), (error: { code?: string }) => error.code === 'snmp.too-big');
});
