// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Reading } from '../profiles/profile.ts';
import { FREQUENCY_HZ, isBeyond, nominalFrequency, unbalanceOf } from './balance.ts';
import { grownBy, stateChanges } from './changes.ts';
import { conditionOf, durationClass, IEEE_1159, itiRegion, type VoltageCondition } from './thresholds.ts';
import { VoltageWatch, type VoltageEvent, type VoltageSample } from './voltage.ts';

const THRESHOLDS = { ...IEEE_1159, nominal: 230 };

/** The same numbers for the same seed. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

function run(samples: readonly VoltageSample[]): { began: VoltageEvent[]; ended: VoltageEvent[]; watch: VoltageWatch } {
  const watch = new VoltageWatch(THRESHOLDS);
  const taken = samples.map((sample) => watch.take(sample));
  return { began: taken.flatMap(({ began }) => began ?? []), ended: taken.flatMap(({ ended }) => ended ?? []), watch };
}

function reading(oid: string, quantity: Reading['quantity'], state: string): Reading {
  return { oid, quantity, of: 'outlet', place: oid, label: null, value: null, unit: '', state };
}

test('thresholds are those of IEEE 1159, and each condition ends behind its hysteresis', () => {
  for (const [volts, before, expected] of [
    [230, 'normal', 'normal'], [207.1, 'normal', 'normal'], [206.9, 'normal', 'sag'], [209, 'sag', 'sag'], [212, 'sag', 'normal'], [253.1, 'normal', 'swell'], [250, 'swell', 'swell'],
    [248, 'swell', 'normal'], [22.9, 'normal', 'interruption'], [26, 'interruption', 'interruption'], [100, 'interruption', 'sag'], [0, 'sag', 'interruption'],
  ] as const) assert.equal(conditionOf(volts, before, THRESHOLDS), expected, `${volts} V after ${before}`);
});

test('classes of duration, and the ITI curve', () => {
  assert.deepEqual([0.02, 0.6, 0.61, 3, 3.1, 60, 61].map((seconds) => durationClass(seconds)), ['instantaneous', 'instantaneous', 'momentary', 'momentary', 'temporary', 'temporary', 'sustained']);
  assert.equal(itiRegion(0, 0.02), 'tolerated');
  assert.equal(itiRegion(0, 0.021), 'interrupted');
  assert.equal(itiRegion(0.75, 0.4), 'tolerated');
  assert.equal(itiRegion(0.75, 5), 'interrupted');
  assert.equal(itiRegion(1.15, 0.4), 'tolerated');
  assert.equal(itiRegion(1.15, 5), 'endangered');
});

test('a sag that one reading showed has no length that can be claimed', () => {
  const { ended } = run([{ at: 0, volts: 230 }, { at: 1, volts: 180 }, { at: 2, volts: 230 }]);
  assert.equal(ended.length, 1);
  const [sag] = ended;
  assert.equal(sag?.condition, 'sag');
  assert.equal(sag?.atLeastSeconds, 0);
  assert.equal(sag?.atMostSeconds, 2);
  assert.equal(sag?.duration, 'unresolved');
  assert.equal(sag?.atLeast, 'tolerated');
});

test('a long interruption is classified, and one that lasts has no end', () => {
  const { ended, began } = run([{ at: 0, volts: 230 }, ...Array.from({ length: 100 }, (_, at) => ({ at: at + 1, volts: 0 })), { at: 101, volts: 230 }, { at: 102, volts: 0 }]);
  assert.deepEqual([ended[0]?.duration, ended[0]?.atLeast, ended[0]?.atLeastSeconds, ended[0]?.atMostSeconds], ['sustained', 'interrupted', 99, 101]);
  assert.deepEqual([began[1]?.notAfter, began[1]?.atMostSeconds], [null, null]);
});

test('the true duration lies within the bounds, whatever happens between readings', () => {
  for (let seed = 1; seed <= 500; seed++) {
    const random = seeded(seed);
    const begin = 5 + random() * 10;
    const length = random() * 20;
    const period = 0.2 + random() * 9.8;
    const samples: VoltageSample[] = [];
    for (let at = random(); at < 60; at += period) samples.push({ at, volts: at >= begin && at < begin + length ? 150 : 230 });
    const { ended } = run(samples);
    const seen = samples.some(({ volts }) => volts < 200);
    assert.equal(ended.length, seen ? 1 : 0, `seed ${seed}`);
    if (!seen) assert.ok(length < period, `seed ${seed}: nothing longer than a period goes unseen`);
    const [event] = ended;
    if (event === undefined || event.atMostSeconds === null) continue;
    assert.ok(event.atLeastSeconds <= length && length <= event.atMostSeconds, `seed ${seed}`);
    if (event.duration !== 'unresolved') assert.equal(event.duration, durationClass(length), `seed ${seed}`);
  }
});

test('noise smaller than the hysteresis makes one event at most', () => {
  for (let seed = 1; seed <= 100; seed++) {
    const random = seeded(seed);
    const { began } = run(Array.from({ length: 500 }, (_, at) => ({ at, volts: 207 + (random() - 0.5) * 4 })));
    assert.ok(began.length <= 1, `seed ${seed}: ${began.length}`);
  }
});

test('what begins ends before another begins, for any voltages', () => {
  for (let seed = 1; seed <= 100; seed++) {
    const random = seeded(seed);
    const watch = new VoltageWatch(THRESHOLDS);
    let open: VoltageCondition = 'normal';
    for (let at = 0; at < 300; at++) {
      const { began, ended } = watch.take({ at, volts: random() * 320 });
      if (ended !== null) {
        assert.equal(ended.condition, open);
        open = 'normal';
      }
      if (began !== null) {
        assert.equal(open, 'normal');
        open = began.condition;
      }
      assert.equal(watch.condition, open);
    }
  }
});

test('no number, a negative one and an older reading tell nothing', () => {
  const { began, watch } = run([{ at: 5, volts: 230 }, { at: 6, volts: NaN }, { at: 7, volts: -1 }, { at: 4, volts: 0 }]);
  assert.equal(began.length, 0);
  assert.equal(watch.condition, 'normal');
});

test('unbalance and frequency', () => {
  assert.equal(unbalanceOf([230, 230, 230]), 0);
  assert.ok(Math.abs(unbalanceOf([230, 220, 240])! - 10 / 230) < 1e-12);
  assert.equal(unbalanceOf([230]), null);
  assert.equal(unbalanceOf([0, 0, 0]), null);
  assert.equal(nominalFrequency(49.2), 50);
  assert.equal(nominalFrequency(59.9), 60);
  assert.equal(isBeyond(0.11, false, FREQUENCY_HZ), true);
  assert.equal(isBeyond(0.09, true, FREQUENCY_HZ), true);
  assert.equal(isBeyond(0.09, false, FREQUENCY_HZ), false);
});

test('switched outlets and an open breaker are told, what became unknown is not', () => {
  const changes = stateChanges(
    [reading('1', 'switch', 'on'), reading('2', 'switch', 'on'), reading('3', 'switch', 'on'), reading('4', 'breaker', 'closed'), reading('5', 'voltage', 'normal')],
    [reading('1', 'switch', 'off'), reading('2', 'switch', 'off'), reading('3', 'switch', 'unknown'), reading('4', 'breaker', 'open'), reading('5', 'voltage', 'below-critical'), reading('6', 'switch', 'on')],
  );
  assert.deepEqual(changes.map(({ place, from, to, together }) => [place, from, to, together]), [['1', 'on', 'off', 2], ['2', 'on', 'off', 2], ['4', 'closed', 'open', 1]]);
});

test('a counter that wraps grew, one that was set back or booted says nothing', () => {
  assert.equal(grownBy(10, 15, false), 5);
  assert.equal(grownBy(2 ** 32 - 5, 10, false), 15);
  assert.equal(grownBy(1000, 10, false), null);
  assert.equal(grownBy(2 ** 32 - 5, 10, true), null);
});
