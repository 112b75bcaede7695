// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Fields } from '@strongroom/service';
import { Producers } from './producers.ts';

const SECOND = 1e9;
const BOUND = 1e6;

interface Heard {
  readonly producers: Producers;
  readonly events: { readonly event: string; readonly fields: Fields }[];
  readonly incidents: string[];
  nowMs: number;
}

function begin(limitNs = SECOND): Heard {
  const heard = { events: [] as Heard['events'], incidents: [] as string[], nowMs: 0 };
  const producers = new Producers({ limitNs, windowMs: 60_000 }, (event, fields = {}) => { heard.events.push({ event, fields }); }, {
    lasts: (subject, reason) => { heard.incidents.push(`+ ${subject} ${reason}`); },
    over: (subject, reason) => { heard.incidents.push(`- ${subject} ${reason}`); },
  });
  return { producers, ...heard };
}

/** Lets minutes pass in which every ten seconds a lag is heard. */
function minutes(heard: Heard, count: number, lagOf: (ms: number) => number, { resolutionNs = 1000, boundNs = BOUND as number | null, source = 'web-07' } = {}): void {
  for (const end = heard.nowMs + count * 60_000; heard.nowMs < end; heard.nowMs += 10_000) {
    heard.producers.take({ [source]: { behindNs: lagOf(heard.nowMs), resolutionNs, records: 10 } }, heard.nowMs);
    heard.producers.look(heard.nowMs, boundNs);
  }
}

/** A way that takes between 1 and 400 ms. */
const way = (ms: number): number => 1e6 + ((ms / 10_000) % 5) * 1e8;

test('a producer whose clock is behind is named, with since when, until it is right again', () => {
  const heard = begin();
  minutes(heard, 5, (ms) => 3.2 * SECOND + way(ms));
  const [clock] = heard.producers.clocks;
  assert.deepEqual([clock!.source, clock!.state, clock!.skewNs, clock!.errorNs], ['web-07', 'behind', -3.201 * SECOND, BOUND + 1000]);
  assert.ok(clock!.since !== null);
  minutes(heard, 5, way);
  assert.deepEqual(heard.events.map(({ event, fields }) => [event, fields['source'], fields['state']]), [['clock.producer-off', 'web-07', 'behind'], ['clock.producer-good', 'web-07', 'good']]);
  assert.deepEqual(heard.incidents, ['+ clock of web-07 behind', '- clock of web-07 behind']);
  assert.deepEqual(heard.producers.values, { producers: 1, producersOff: 0 });
});

test('one that is ahead is told as such, and by no less than it is', () => {
  const heard = begin();
  minutes(heard, 5, (ms) => way(ms) - 2 * SECOND);
  const [clock] = heard.producers.clocks;
  assert.equal(clock!.state, 'ahead');
  assert.ok(clock!.skewNs > 1.9 * SECOND && clock!.skewNs <= 2 * SECOND);
});

test('a queue that is worked off is no clock that is behind', () => {
  const heard = begin();
  minutes(heard, 8, (ms) => Math.max(600 * SECOND - ms * 2e6, 0) + way(ms));
  minutes(heard, 5, way);
  assert.deepEqual([heard.events, heard.producers.clocks[0]?.state], [[], 'good']);
});

test('a way that was slow for once, and a record with a time of its own, change nothing', () => {
  const heard = begin();
  minutes(heard, 20, (ms) => (ms === 400_000 ? -50 * SECOND : ms % 300_000 < 60_000 ? 9 * SECOND : way(ms)));
  assert.deepEqual(heard.events, []);
});

test('digits that are left out are no skew', () => {
  const heard = begin(0.5 * SECOND);
  minutes(heard, 5, () => 0.9 * SECOND, { resolutionNs: SECOND });
  assert.deepEqual([heard.events, heard.producers.clocks[0]?.state], [[], 'good']);
});

test('while our own clock is not known nobody is judged, nor by what was heard then', () => {
  const heard = begin();
  minutes(heard, 10, () => 5 * SECOND, { boundNs: null });
  minutes(heard, 2, () => 5 * SECOND);
  assert.deepEqual([heard.events, heard.producers.clocks], [[], []]);
  // A bound as wide as what is to be found finds nothing either.
  minutes(heard, 5, () => 5 * SECOND, { boundNs: 5 * SECOND });
  assert.deepEqual(heard.events, []);
});

test('it does not flutter about the limit', () => {
  const heard = begin();
  for (let i = 0; i < 6; i += 1) minutes(heard, 4, () => (i % 2 === 0 ? 1.1 : 0.9) * SECOND);
  assert.equal(heard.events.length, 1);
});

test('who is silent for an hour is forgotten, and its incident is over', () => {
  const heard = begin();
  minutes(heard, 5, () => 5 * SECOND);
  heard.producers.look(heard.nowMs + 3_700_000, BOUND);
  assert.deepEqual([heard.producers.clocks, heard.incidents.at(-1)], [[], '- clock of web-07 behind']);
});

test('of more than may be known the one that was silent longest goes, and nonsense is passed over', () => {
  const heard = begin();
  for (let i = 0; i < 4200; i += 1) heard.producers.take({ [`s${i}`]: { behindNs: 0, resolutionNs: 1, records: 1 } }, i);
  heard.producers.take({ ['x'.repeat(300)]: { behindNs: 0, resolutionNs: 1, records: 1 }, nan: { behindNs: Number.NaN, resolutionNs: 1, records: 1 } }, 5000);
  for (let minute = 1; minute < 4; minute += 1) {
    heard.producers.look(minute * 70_000, BOUND);
    heard.producers.take(Object.fromEntries(Array.from({ length: 4200 }, (_, i) => [`s${i}`, { behindNs: 0, resolutionNs: 1, records: 1 }]).slice(104)), minute * 70_000);
  }
  heard.producers.look(300_000, BOUND);
  assert.equal(heard.producers.clocks.length, 4096);
});
