// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Gate } from './gate.ts';
import { Pace } from './pace.ts';
import { bootBetween, type Life } from './uptime.ts';

const engine = (id: string, boots: number): Life => ({ engine: { id, boots, seconds: 5 }, upTicks: 500 });
const up = (upTicks: number | null): Life => ({ engine: null, upTicks });

test('a device is asked each second while something happens, then less and less', () => {
  const pace = new Pace(10_000);
  assert.equal(pace.next(0, 100, false), 9900);
  assert.equal(pace.next(10_000, 100, true), 900);
  assert.equal(pace.next(69_000, 100, false), 900);
  const calming = [71_000, 73_000, 76_000, 80_000, 86_000, 94_000, 105_000].map((now) => { pace.next(now, 0, false); return pace.intervalMs; });
  assert.deepEqual(calming, [1500, 2250, 3375, 5062.5, 7593.75, 10_000, 10_000]);
});

test('a slow device has rest, and never more than a calm one', () => {
  const pace = new Pace(10_000);
  pace.next(0, 800, true);
  assert.equal(pace.intervalMs, 3200);
  pace.next(1000, 9000, true);
  assert.equal(pace.intervalMs, 10_000);
});

test('no more pass a gate than may, and those that wait pass in their order', async () => {
  const gate = new Gate(2);
  const passed: number[] = [];
  let most = 0;
  await Promise.all([1, 2, 3, 4, 5].map((one) => gate.pass(async () => {
    most = Math.max(most, gate.inside);
    await new Promise(setImmediate);
    passed.push(one);
  })));
  await assert.rejects(gate.pass(() => Promise.reject(new Error('thrown'))), /thrown/);
  assert.deepEqual([passed, most, gate.inside], [[1, 2, 3, 4, 5], 2, 0]);
});

test('a boot is told by the count of the engine, and by the time since where there is none', () => {
  assert.equal(bootBetween(engine('a', 1), engine('a', 1)), null);
  assert.equal(bootBetween(engine('a', 1), engine('a', 2)), 'rebooted');
  assert.equal(bootBetween(engine('a', 1), engine('b', 1)), 'replaced');
  assert.equal(bootBetween(engine('a', 7), engine('a', 2)), 'set-back', 'no engine that keeps its count does that');
  assert.equal(bootBetween(up(1000), up(10)), 'rebooted');
  assert.equal(bootBetween(up(2 ** 32 - 100), up(900)), null, 'sysUpTime begins again after 497 days');
  assert.equal(bootBetween(up(null), up(10)), null);
});
