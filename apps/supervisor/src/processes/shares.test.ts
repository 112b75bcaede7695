// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shareOfConnections, shareOfRate, Shares } from './shares.ts';

const sum = (limit: number, used: readonly number[], share: typeof shareOfRate): number => used.reduce((total, _, i) => total + share(limit, used, i), 0);

test('connections: the shares together are the limit, whatever is used', () => {
  for (const used of [[0, 0, 0], [5, 0, 0], [3, 3, 3], [10, 0, 0], [1, 2, 4]]) assert.equal(sum(10, used, shareOfConnections), 10, used.join());
});

test('connections that are there stay allowed, also when the limit was passed', () => {
  assert.deepEqual([0, 1].map((i) => shareOfConnections(4, [3, 3], i)), [3, 3]);
});

test('rate: everybody may begin, and who sends gets more; together it is the limit', () => {
  assert.deepEqual([0, 1].map((i) => shareOfRate(1000, [0, 0], i)), [500, 500]);
  assert.deepEqual([0, 1].map((i) => shareOfRate(1000, [900, 0], i)), [750, 250]);
  assert.ok(sum(1000, [3, 5, 9], shareOfRate) <= 1000);
  assert.equal(shareOfRate(0, [5], 0), 0);
});

test('a process is told of the sources that it named; one that ended counts no more', () => {
  const shares = new Shares({ connections: 10, bytesPerSecond: 0 }, 2);
  shares.report(1, { a: { connections: 8, bytes: 0 } });
  assert.deepEqual(shares.report(0, { a: { connections: 0, bytes: 0 } }), { a: { connections: 1, bytesPerSecond: 0 } });
  shares.forget(1);
  assert.equal(shares.report(0, { a: { connections: 0, bytes: 0 } })['a']?.connections, 5);
});
