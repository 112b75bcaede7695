// SPDX-License-Identifier: Apache-2.0
// Synthetic habits with known truth: how often one is called silent that is not, and how soon one that is.
import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import { ByteReader, ByteWriter } from '@strongroom/bytes';
import { Habit } from './habit.ts';

const MINUTE_MS = 60_000;
const START_MS = Date.UTC(2026, 0, 5); // a Monday
const DAY = 1440;
const WEEKS = Number(process.env['STRONGROOM_HABIT_WEEKS'] ?? 10);
const LEARNT_WEEKS = 3;

/** xorshift, so that a failure repeats. */
function chance(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13; state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5; state >>>= 0;
    return state / 2 ** 32;
  };
}

/** Whether it is heard in a minute since the start. */
type Source = (minute: number) => boolean;

const exponential = (next: () => number, mean: number): number => -Math.log(1 - next()) * mean;

/** Heard at moments that follow each other by `gap`. */
function byGaps(gap: () => number): Source {
  let due = gap();
  return (minute) => {
    if (minute < due) return false;
    while (due <= minute) due += gap();
    return true;
  };
}

/** Heard for `minutes` from a time of the day, give or take; `days` are those of the week on which it is. */
function daily(next: () => number, at: number, jitter: number, minutes: number, days: readonly number[] = [0, 1, 2, 3, 4, 5, 6]): Source {
  let [day, begin] = [-1, 0];
  return (minute) => {
    if (Math.floor(minute / DAY) !== day) [day, begin] = [Math.floor(minute / DAY), at + (next() * 2 - 1) * jitter];
    const within = minute % DAY - begin;
    return days.includes(day % 7) && within >= 0 && within < minutes;
  };
}

function office(next: () => number): Source {
  return (minute) => Math.floor(minute / DAY) % 7 < 5 && minute % DAY >= 9 * 60 && minute % DAY < 17 * 60 && next() < 0.3;
}

/** Bursts of half an hour on average, with pauses of two hours. */
function bursty(next: () => number): Source {
  let [isOn, until] = [false, 0];
  return (minute) => {
    while (minute >= until) [isOn, until] = [!isOn, until + exponential(next, isOn ? 120 : 30)];
    return isOn;
  };
}

/** `within`: minutes after the first moment at which it should have been heard, or from its last word where that is any moment. */
const SOURCES: readonly { readonly name: string; readonly make: (next: () => number) => Source; readonly within: number }[] = [
  { name: 'always', make: () => () => true, within: 5 },
  { name: 'every 10 minutes', make: () => (minute) => minute % 10 === 0, within: 30 },
  { name: 'every hour', make: () => (minute) => minute % 60 === 7, within: 180 },
  { name: 'by chance, twice an hour', make: (next) => byGaps(() => exponential(next, 30)), within: 10 * 60 },
  { name: 'in office hours', make: office, within: 70 * 60 },
  { name: 'a nightly batch', make: (next) => daily(next, 120, 5, 10), within: 28 * 60 },
  { name: 'a nightly word, now and then early or late', make: (next) => daily(next, 150, 25, 1), within: 34 * 60 },
  { name: 'a weekly backup', make: (next) => daily(next, 180, 5, 45, [6]), within: 8.5 * DAY },
  { name: 'in bursts', make: bursty, within: 48 * 60 },
];

/** Minutes of false alarms' beginnings after learning, and how long after `cut` its silence is noticed. */
function trial(source: Source, weeks: number): { readonly alarms: number; readonly noticed: number } {
  const habit = new Habit();
  let [alarms, minute, last, was] = [0, 0, 0, false];
  for (; minute < weeks * 7 * DAY; minute += 1) {
    const isHeard = source(minute);
    if (isHeard) last = minute;
    const isSilent = habit.look(START_MS + minute * MINUTE_MS, 1, isHeard);
    if (isSilent && !was && minute > LEARNT_WEEKS * 7 * DAY) alarms += 1;
    was = isSilent;
  }
  while (minute < (weeks + 4) * 7 * DAY && !habit.look(START_MS + minute * MINUTE_MS, 1, false)) minute += 1;
  return { alarms, noticed: minute - last };
}

describe('the habit of a source', () => {
  for (const [index, { name, make, within }] of SOURCES.entries()) {
    it(`knows one that is heard ${name}`, () => {
      const seeds = [1, 2, 3].map((seed) => trial(make(chance(index * 100 + seed)), WEEKS));
      const alarms = seeds.reduce((sum, one) => sum + one.alarms, 0);
      const sourceWeeks = (WEEKS - LEARNT_WEEKS) * seeds.length;
      console.log(`# ${name}: ${alarms} false alarms in ${sourceWeeks} source-weeks, noticed after ${seeds.map(({ noticed }) => `${(noticed / 60).toFixed(1)} h`).join(', ')}`);
      assert.ok(alarms <= sourceWeeks / 7, `${alarms} false alarms in ${sourceWeeks} weeks`);
      for (const { noticed } of seeds) assert.ok(noticed <= within, `noticed after ${noticed} minutes, ${within} are allowed`);
    });
  }
});

test('who is new has no habit, and nothing is said of it', () => {
  const habit = new Habit();
  for (let minute = 0; minute < 23 * 60; minute += 1) assert.equal(habit.look(START_MS + minute * MINUTE_MS, 1, minute < 60), false);
  assert.deepEqual([habit.isLearning, habit.usualMinutes()], [true, Infinity]);
});

test('what was learnt outlives a restart', () => {
  const habit = new Habit();
  const end = 8 * DAY;
  for (let minute = 0; minute < end; minute += 1) habit.look(START_MS + minute * MINUTE_MS, 1, true, minute % DAY < 60 ? 180 : 6);
  const writer = new ByteWriter();
  habit.write(writer);
  const reader = new ByteReader(Buffer.from(writer.finish()));
  const again = Habit.read(reader);
  reader.end();
  assert.equal(again.isLearning, false);
  let minute = end;
  while (!again.look(START_MS + minute * MINUTE_MS, 1, false)) minute += 1;
  assert.deepEqual([again.usualEvents(), again.usualMinutes()], [180 * 60, 3], 'what it brings in the first hour of the day');
  assert.ok(minute - end <= 5, `noticed after ${minute - end} minutes`);
  assert.throws(() => Habit.read(new ByteReader(Buffer.from(writer.finish().subarray(0, 20)))), { code: 'bytes.truncated' });
});

test('a habit that was saved before records were counted is good for all but that', () => {
  const habit = new Habit();
  for (let minute = 0; minute < 8 * DAY; minute += 1) habit.look(START_MS + minute * MINUTE_MS, 1, true, 6);
  const writer = new ByteWriter();
  habit.write(writer);
  const older = Buffer.from(writer.finish()).subarray(0, -168 * 4);
  older[0] = 1;
  const reader = new ByteReader(older);
  const again = Habit.read(reader);
  reader.end();
  again.look(START_MS + 8 * DAY * MINUTE_MS, 1, true, 6);
  assert.deepEqual([again.isLearning, again.usualEvents()], [false, null]);
});
