// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClockSetter, Fields } from '@strongroom/service';
import { Setters } from './setters.ts';

const SECOND = 1_000_000_000n;
const setter = (atNs: number, call = 'settimeofday', pid = 7): ClockSetter => ({ atNs, call, pid, name: 'date', login: 1000, person: 'alice', executable: '/usr/bin/date', unit: null, container: null });

function begin(): { setters: Setters; said: Fields[]; look: (second: number, byNs?: bigint) => void } {
  const said: Fields[] = [];
  const setters = new Setters((event, fields = {}) => { said.push({ event, ...fields }); });
  // A boot that slept 100 s before.
  const look = (second: number, byNs?: bigint): void => {
    const monotonicNs = BigInt(second) * SECOND;
    setters.look(byNs === undefined ? null : { kind: 'set', byNs }, { monotonicNs, wallNs: 1_800_000_000n * SECOND, bootNs: monotonicNs + 100n * SECOND }, 1_790_000_000n * SECOND);
  };
  return { setters, said, look };
}

test('whoever called it between two looks is named, whether that is heard before the step is seen or after', () => {
  for (const isLate of [false, true]) {
    const { setters, said, look } = begin();
    look(10);
    if (!isLate) setters.called(setter(110.5e9));
    look(11, 5n * SECOND);
    if (isLate) setters.called(setter(110.5e9));
    look(12);
    look(13);
    assert.deepEqual(said.map(({ event, pid, person, byNs, isSure, stepMonotonic }) => [event, pid, person, byNs, isSure, stepMonotonic]), [['clock.set-by', 7, 'alice', 5e9, true, '11000000000']]);
    assert.deepEqual([setters.last?.byNs, setters.last?.by.map(({ pid }) => pid), setters.last?.at], [5e9, [7], '2026-09-21T14:13:20.000Z']);
  }
});

test('a call of another time is not named, nor one that may only have asked beside one that sets', () => {
  const { setters, said, look } = begin();
  setters.called(setter(109e9));
  look(10);
  setters.called(setter(110.2e9, 'adjtimex', 8));
  setters.called(setter(110.3e9, 'clock_settime', 9));
  look(11, -SECOND);
  look(20);
  assert.deepEqual(said.map(({ pid }) => pid), [9]);
});

test('who may only have asked is named as such, once nobody else came', () => {
  const { setters, said, look } = begin();
  look(10);
  for (let i = 0; i < 10; i += 1) setters.called(setter(110.2e9 + i, 'adjtimex', 8 + (i % 2)));
  look(11, SECOND);
  look(12);
  assert.deepEqual(said, []);
  look(16);
  look(30);
  assert.deepEqual(said.map(({ pid, isSure, call }) => [pid, isSure, call]), [[8, false, 'adjtimex'], [9, false, 'adjtimex']]);
});

test('where nobody was seen, nobody is named', () => {
  const { setters, said, look } = begin();
  look(10);
  look(11, SECOND);
  for (let second = 12; second < 30; second += 1) look(second);
  assert.deepEqual([said, setters.last?.by], [[], []]);
});

test('whoever asks without end hides nobody who sets it', () => {
  const { setters, said, look } = begin();
  look(10);
  setters.called(setter(110.2e9, 'clock_settime', 9));
  for (let i = 0; i < 1000; i += 1) setters.called(setter(110.3e9 + i, 'adjtimex', 8));
  look(11, -SECOND);
  look(20);
  assert.deepEqual(said.map(({ pid, isSure }) => [pid, isSure]), [[9, true]]);
});
