// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Serials, type Hole } from './serials.ts';

const LAST = 2 ** 32 - 1;
const counts = (holes: readonly Hole[]) => holes.map(({ from, to, count }) => ({ from, to, count }));

describe('serials', () => {
  it('reports what stays missing, and not what is filled late', () => {
    const serials = new Serials(null, 100);
    for (const serial of [10, 11, 15, 13, 16, 15]) serials.note(serial, 0);
    assert.deepEqual(serials.settle(99), []);
    assert.deepEqual(serials.missing, [{ from: 12, to: 12 }, { from: 14, to: 14 }]);
    assert.deepEqual([11, 12, 13, 14, 15, 17].map((serial) => serials.isPast(serial)), [true, false, true, false, true, false]);
    assert.deepEqual(counts(serials.settle(100)), [{ from: 12, to: 12, count: 1 }, { from: 14, to: 14, count: 1 }]);
    assert.deepEqual([serials.isPast(12), serials.next, serials.settle(1000)], [true, 17, []]);
  });

  it('closes a hole from either end and out of its middle', () => {
    const serials = new Serials(null, 0);
    for (const serial of [1, 9, 2, 8, 5, 4, 6]) serials.note(serial, 0);
    assert.deepEqual(counts(serials.flush()), [{ from: 3, to: 3, count: 1 }, { from: 7, to: 7, count: 1 }]);
  });

  it('begins with the first that it sees, or where it is told that the last life ended', () => {
    const first = new Serials();
    first.note(700, 0);
    assert.deepEqual(first.flush(), []);
    const next = new Serials(700);
    next.note(703, 0);
    assert.deepEqual(counts(next.flush()), [{ from: 700, to: 702, count: 3 }]);
  });

  it('goes on with what an earlier life missed, and gives it time to come', () => {
    const serials = Serials.resume(700, [{ from: 10, to: 12 }, { from: 650, to: 650 }], 1000);
    serials.note(11, 1001);
    serials.note(650, 1001);
    assert.deepEqual(serials.settle(5999), []);
    assert.deepEqual(counts(serials.settle(6000)), [{ from: 10, to: 10, count: 1 }, { from: 12, to: 12, count: 1 }]);
  });

  it('goes on over the wrap at 2^32', () => {
    const serials = new Serials(LAST - 1);
    serials.note(LAST - 1, 0);
    serials.note(2, 0);
    serials.note(0, 0);
    assert.equal(serials.next, 3);
    assert.deepEqual(counts(serials.flush()), [{ from: LAST, to: LAST, count: 1 }, { from: 1, to: 1, count: 1 }]);
    const whole = new Serials(LAST - 1);
    whole.note(1, 0);
    assert.deepEqual(counts(whole.flush()), [{ from: LAST - 1, to: 0, count: 3 }]);
  });

  it('settles only the holes that are old enough', () => {
    const serials = new Serials(null, 100);
    serials.note(1, 0);
    serials.note(3, 0);
    serials.note(5, 60);
    assert.deepEqual(serials.settle(120).map(({ from }) => from), [2]);
    assert.deepEqual(serials.settle(160).map(({ from }) => from), [4]);
  });

  it('keeps no more open holes than it may, and loses none of them', () => {
    const serials = new Serials(null, 1e9, 3);
    for (let serial = 0; serial <= 20; serial += 2) serials.note(serial, 0);
    const settled = serials.settle(1);
    assert.deepEqual(settled.map(({ from }) => from), [1, 3, 5, 7, 9, 11, 13]);
    assert.deepEqual(serials.flush().map(({ from }) => from), [15, 17, 19]);
  });

  it('finds exactly the numbers that never came, in whatever order the others did', () => {
    let state = 7;
    const random = (below: number): number => (state = (state * 48_271) % 2_147_483_647) % below;
    for (let round = 0; round < 200; round += 1) {
      const begin = (LAST - random(60)) % 2 ** 32;
      const all = Array.from({ length: 100 }, (_, index) => (begin + index) % 2 ** 32);
      const gone = new Set(all.slice(1, -1).filter(() => random(4) === 0));
      const seen = all.filter((serial) => !gone.has(serial));
      for (let at = 1; at + 1 < seen.length; at += 1) if (random(2) === 0) [seen[at], seen[at + 1]] = [seen[at + 1]!, seen[at]!];
      const serials = new Serials(begin);
      for (const serial of seen) serials.note(serial, 0);
      const found = serials.flush().flatMap(({ from, count }) => Array.from({ length: count }, (_, index) => (from + index) % 2 ** 32));
      assert.deepEqual(new Set(found), gone);
      assert.equal(found.length, gone.size);
    }
  });
});
