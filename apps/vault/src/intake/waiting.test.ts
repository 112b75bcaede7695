// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Admitted } from './admission.ts';
import { Waiting } from './waiting.ts';
import { SYSTEM_CLOCK } from '../clock.ts';

function admitted(bytes: number, awaited = false, committed = (): void => undefined): Admitted {
  return { runs: [], bytes, state: null, awaited, committed };
}

describe('waiting', () => {
  it('gives at most so much, in order, and never nothing', () => {
    const waiting = new Waiting(SYSTEM_CLOCK);
    for (const bytes of [10, 20, 30]) waiting.push(admitted(bytes));
    assert.deepEqual(waiting.take(30).queued.map(({ bytes }) => bytes), [10, 20]);
    assert.deepEqual(waiting.take(1).queued.map(({ bytes }) => bytes), [30]);
    assert.equal(waiting.isEmpty, true);
  });

  it('gives incidents ahead, and alone when there is room for nothing else', () => {
    const waiting = new Waiting(SYSTEM_CLOCK);
    waiting.push(admitted(10));
    waiting.pushIncident(admitted(1));
    const taken = waiting.take(0);
    assert.deepEqual([taken.incidents.length, taken.queued.length], [1, 0]);
  });

  it('keeps the order when a cycle fails while more arrives, and acknowledges once', () => {
    const waiting = new Waiting(SYSTEM_CLOCK);
    const acks: number[] = [];
    for (const i of [1, 2]) waiting.push(admitted(i, true, () => acks.push(i)));
    const failed = waiting.take(100);
    waiting.push(admitted(3, true, () => acks.push(3)));
    waiting.putBack(failed);
    assert.deepEqual([waiting.came, waiting.done, waiting.bytes], [3, 0, 6]);
    waiting.committed(waiting.take(100));
    assert.deepEqual(acks, [1, 2, 3]);
    assert.deepEqual([waiting.done, waiting.bytes], [3, 0]);
  });

  it('is in a hurry for what somebody awaits and for much', () => {
    const waiting = new Waiting(SYSTEM_CLOCK);
    waiting.push(admitted(10));
    assert.ok(waiting.leisureMs(60_000) > 0);
    waiting.push(admitted(10, true));
    assert.equal(waiting.leisureMs(60_000), 0);
    const much = new Waiting(SYSTEM_CLOCK);
    much.push(admitted(1_000_000));
    assert.equal(much.leisureMs(60_000), 0);
  });
});
