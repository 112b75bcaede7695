// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Beat } from './beat.ts';

test('those who sleep wake together, in the order of their beats, and none before the half of a beat', async () => {
  const beat = new Beat();
  const beganAt = performance.now();
  const woken: [name: string, afterMs: number][] = [];
  const sleep = async (name: string, ms: number): Promise<void> => {
    await beat.sleep(ms).woken;
    woken.push([name, performance.now() - beganAt]);
  };
  await Promise.all([sleep('late', 1000), sleep('soon', 5), sleep('late too', 1000), sleep('later', 2000)]);
  assert.deepEqual(woken.map(([name]) => name), ['soon', 'late', 'late too', 'later']);
  assert.ok(woken[1]![1] > 1000 - 260 && woken[3]![1] > 2000 - 260, JSON.stringify(woken));
});

test('who is woken before the time leaves the others asleep, and keeps nothing running', async () => {
  const beat = new Beat();
  const long = beat.sleep(3_600_000);
  const short = beat.sleep(50);
  long.wake();
  await long.woken;
  await short.woken;
  long.wake();
  // The test runner ends only when no timer is left: this one would hold it for an hour.
  const other = beat.sleep(3_600_000);
  other.wake();
  await other.woken;
});
