// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CoverageProjection, type Coverage } from './projection.ts';
import type { Beat } from './records.ts';

const SECOND = 1_000_000_000n;
const START = BigInt(Date.parse('2026-03-29T00:30:00Z')) * 1_000_000n;

/** Heartbeats so many seconds after the start, each of the life that is named. */
function projected(sinceSeconds: number, untilSeconds: number, beats: readonly (readonly [seconds: number, life: string])[], extraNs = 0n): Coverage {
  const projection = new CoverageProjection(START + BigInt(sinceSeconds) * SECOND + extraNs, START + BigInt(untilSeconds) * SECOND);
  for (const [n, [seconds, life]] of beats.entries()) {
    const bootNs = BigInt(seconds + 1000) * SECOND;
    const beat: Beat = { number: n + 1, everySeconds: 55, state: 'alive', held: null, boot: 'a', life, bootNs, monotonicNs: bootNs, wallNs: START + BigInt(seconds) * SECOND, boundNs: null };
    projection.take({ type: 'heartbeat', ...beat });
  }
  return projection.end();
}

const DAY = [[0, '1'], [55, '1'], [110, '1'], [600, '2'], [655, '2']] as const;

test('a time before the first sign of life is not known, also where signs follow it', () => {
  assert.equal(projected(-7200, -3600, DAY).appliance, null);
  assert.equal(projected(-7200, 0, DAY).appliance, null);
  assert.equal(projected(0, 600, []).appliance, null);
});

test('a time that began before has its share since the first sign', () => {
  const { fromNs, toNs, share } = projected(-7200, 110, DAY).appliance!;
  assert.deepEqual([fromNs, toNs, share], [START, START + 110n * SECOND, 1]);
});

test('a time within a gap is lost whole', () => {
  const { share, lostNs, coveredNs, gaps } = projected(200, 300, DAY).appliance!;
  assert.deepEqual([share, lostNs, coveredNs, gaps.length], [0, 100n * SECOND, 0n, 1]);
});

test('covered and lost are the time that was asked for, to the nanosecond', () => {
  const { fromNs, toNs, lostNs, coveredNs, setNs } = projected(20, 620, DAY, 7n).appliance!;
  assert.deepEqual([toNs - fromNs, lostNs, coveredNs, setNs], [600n * SECOND - 7n, 490n * SECOND, 110n * SECOND - 7n, 0n]);
});
