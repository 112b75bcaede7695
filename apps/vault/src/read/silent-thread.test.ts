// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Bench } from '../simulation/custody-bench.ts';

it('an expression that never comes to an end is ended, and who reads next gets an answer', async () => {
  await using bench = await Bench.open();
  await bench.seal(`${'a'.repeat(60)}c.b`);
  await bench.publisher.flush();
  const short = bench.openReading(500);
  await assert.rejects(short.ask('search', { regex: '(a+)+b' }), { code: 'read.thread' });
  short.close();
  const items = [];
  for await (const item of bench.reading.call('search', { text: 'c.b' })) items.push(item);
  assert.equal(items.length, 1);
});
