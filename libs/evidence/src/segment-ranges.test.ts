// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { segmentName } from './segment.ts';
import { decodeRanges, encodeRanges, inRanges, rangesCount, rangesOf, rangesWithin, rangesWithout, segmentsIn } from './segment-ranges.ts';

const of = (...numbers: number[]) => rangesOf(numbers.map(segmentName));

test('segments become ranges, whatever their order, and ranges segments', () => {
  assert.equal(encodeRanges(of(3, 1, 2, 5, 2, 0x1f, 0x20)), '1-3,5,1f-20');
  assert.deepEqual([...segmentsIn(decodeRanges('1-3,5,1f-20')!)], [1, 2, 3, 5, 0x1f, 0x20].map(segmentName));
  assert.equal(encodeRanges([]), '-');
  assert.equal(rangesCount(of(1, 2, 9)), 3);
});

test('one set has one text', () => {
  for (const text of ['', '0', '01', '1-1', '2-1', '1,2', '1-2,3', '3,1', '1,', ',1', 'A', '1-', '-1', '1--2', '20000000000000', '1 2']) {
    assert.equal(decodeRanges(text), null, text);
  }
  assert.deepEqual(decodeRanges('1fffffffffffff'), [{ first: Number.MAX_SAFE_INTEGER, last: Number.MAX_SAFE_INTEGER }]);
});

test('a set knows what is in it', () => {
  const ranges = of(1, 2, 3, 7);
  assert.deepEqual([0, 1, 3, 4, 7, 8].map((number) => inRanges(ranges, segmentName(number))), [false, true, true, false, true, false]);
  assert.ok(rangesWithin(of(2, 7), ranges) && rangesWithin([], ranges));
  assert.ok(!rangesWithin(of(3, 4), ranges) && !rangesWithin(of(8), ranges));
});

/** Of the first six numbers those whose bit is set. */
const pick = (bits: number): number[] => [1, 2, 3, 4, 5, 6].filter((_, i) => (bits >> i) % 2 === 1);

test('what is left of a set without another, however much it spans', () => {
  for (let all = 0; all < 64; all += 1) {
    for (let some = 0; some < 64; some += 1) assert.deepEqual(rangesWithout(of(...pick(all)), of(...pick(some))), of(...pick(all & ~some)), `${all} without ${some}`);
  }
  assert.deepEqual(rangesWithout([{ first: 1, last: 2 ** 50 }], of(7)), [{ first: 1, last: 6 }, { first: 8, last: 2 ** 50 }]);
});
