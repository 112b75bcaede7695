// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { agreement, type Interval } from './agreement.ts';

const interval = (name: string, middle: number, error: number): Interval => ({ name, low: middle - error, high: middle + error });
const told = (...intervals: Interval[]): readonly [readonly string[], readonly string[]] => {
  const { agreeing, disagreeing } = agreement(intervals);
  return [[...agreeing].toSorted(), disagreeing];
};

test('the largest group that has a point in common agrees, if it is more than half', () => {
  assert.deepEqual(told(interval('a', 0, 10), interval('b', 5, 10), interval('c', 100, 10)), [['a', 'b'], ['c']]);
  assert.deepEqual(told(interval('a', 0, 10), interval('b', 100, 10)), [[], ['a', 'b']]);
  assert.deepEqual(told(interval('a', 0, 10), interval('b', 20, 10)), [['a', 'b'], []]);
  assert.deepEqual(told(), [[], []]);
});

test('one that is so wide that it agrees with everybody makes no majority of whom it is beside', () => {
  const [a, b, wide] = [interval('a', 0, 10), interval('b', 100, 10), interval('wide', 0, 1000)];
  for (const all of [[a, b, wide], [b, a, wide], [wide, b, a]]) assert.deepEqual(told(...all)[0], ['wide']);
});

test('one that lies between two which exclude each other agrees with either, and no more is known of those', () => {
  assert.deepEqual(told(interval('a', 0, 10), interval('b', 15, 10), interval('c', 30, 10)), [['b'], ['a', 'c']]);
});
