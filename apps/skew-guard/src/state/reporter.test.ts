// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClockState, Fields } from '@strongroom/service';
import type { Judgement } from './guard.ts';
import type { Observation } from './observation.ts';
import { Reporter } from './reporter.ts';
import { Setters } from './setters.ts';

const OBSERVATION: Observation = { moment: { monotonicNs: 5n, wallNs: 1000n, bootNs: null }, reference: null, why: 'nobody', sources: [], checks: [] };

function judgement(state: ClockState, boundNs: bigint | null, more: Partial<Judgement> = {}): Judgement {
  return { state, reason: 'so', claim: boundNs === null ? null : { utcNs: 1000n, boundNs, growthPpb: 0n, untilNextPpb: 0n }, falsetickers: [], step: null, contradictionNs: null, ...more };
}

/** What a series of judgements is told as, and which incidents last at its end. */
function told(...judgements: readonly Judgement[]): { events: string[]; lasting: string[]; reporter: Reporter } {
  const [events, lasting]: [string[], Set<string>] = [[], new Set()];
  const reporter = new Reporter({ warnNs: 1000n, limitNs: 5000n }, (event, fields: Fields = {}) => { events.push(`${event}${event === 'clock.state' ? ` ${fields['state']}` : ''}`); }, {
    lasts: (_, reason) => { lasting.add(reason); }, over: (_, reason) => { lasting.delete(reason); }, happened: ({ reason }) => { lasting.add(reason); },
  }, new Setters(() => undefined));
  for (const one of judgements) reporter.report(one, OBSERVATION);
  return { events, lasting: [...lasting], reporter };
}

test('each change of state is told once, and so is whoever is outvoted', () => {
  const { events } = told(
    judgement('unsynchronised', null), judgement('locked', 10n), judgement('locked', 11n), judgement('disputed', 10n, { falsetickers: ['a'] }), judgement('disputed', 10n, { falsetickers: ['a'] }),
    judgement('disputed', 10n, { falsetickers: ['a', 'b'] }), judgement('locked', 10n),
  );
  assert.deepEqual(events, ['clock.state unsynchronised', 'clock.locked', 'clock.state disputed', 'clock.state disputed', 'clock.locked']);
});

test('a bound that rises is told at each threshold, and falls below it only by half', () => {
  const { events } = told(...[10n, 1001n, 5001n, 4000n, 2600n, 2400n, 900n, 600n, 499n].map((bound) => judgement('locked', bound)));
  assert.deepEqual(events, ['clock.locked', 'clock.bound-warn', 'clock.bound-limit', 'clock.bound-warn', 'clock.bound-good']);
});

test('before the first bound its absence is no change; afterwards it is above every limit', () => {
  assert.deepEqual(told(judgement('unsynchronised', null), judgement('unsynchronised', null)).events, ['clock.state unsynchronised']);
  const { events, lasting } = told(judgement('locked', 10n), judgement('unsynchronised', null));
  assert.deepEqual([events, lasting], [['clock.locked', 'clock.state unsynchronised', 'clock.bound-limit'], ['bound']]);
});

test('a step, a source that lies and a contradiction are incidents while they last', () => {
  const set = judgement('stepped', 10n, { step: { kind: 'set', byNs: -5n } });
  assert.deepEqual([told(set).events, told(set).lasting], [['clock.stepped', 'clock.state stepped'], ['set']]);
  assert.deepEqual(told(set, judgement('locked', 10n)).lasting, []);
  assert.deepEqual(told(judgement('disputed', 10n, { falsetickers: ['a'] })).lasting, ['disputed']);
  const broken = told(judgement('locked', 10n, { contradictionNs: 7n }));
  assert.deepEqual([broken.events, broken.lasting], [['clock.contradiction', 'clock.locked'], ['contradiction']]);
});

test('figures have a bound only where there is one, and one state', () => {
  const { reporter } = told(judgement('locked', 10n));
  assert.deepEqual([reporter.values['boundNs'], reporter.values['locked'], reporter.values['stepped'], reporter.values['looks']], [10, 1, 0, 1]);
  assert.ok(!('boundNs' in told(judgement('unsynchronised', null)).reporter.values));
});
