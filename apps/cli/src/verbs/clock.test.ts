// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClockFacts, ClockPoint, ClockStep, ProducerClock } from '@strongroom/service';
import { chart, clockLines } from './clock.ts';

const AT = 1_790_000_000_000_000_000n;
const plain = (_: unknown, text: string): string => text;
const point = (boundNs: number | null): ClockPoint => ({ at: '2026-09-21T14:13:00.000Z', state: 'locked', boundNs });
const FACTS: ClockFacts = {
  state: 'locked', reason: 'the clock is measured', since: '2026-09-21T14:10:20.000Z', grade: 'good', boundNs: 12_400, growthPpb: 1516, offsetNs: -3661, rootDelayNs: 8866,
  falsetickers: [], leap: 'none', lastStep: null, wallOffNs: 0, checks: [],
  sources: [
    { name: '192.0.2.1', kind: 'server', verdict: 'selected', stratum: 1, isReachable: true, authentication: 'nts', offsetNs: -1325, errorNs: 4492 },
    { name: '192.0.2.9', kind: 'server', verdict: 'unusable', stratum: 0, isReachable: false, authentication: null, offsetNs: null, errorNs: null },
  ],
};

test('the screen says the state, the bound, the sources and how it was', () => {
  assert.deepEqual(clockLines({ now: FACTS, history: [point(5000), point(50_000)], producers: [] }, AT, plain), [
    'The clock is locked: the clock is measured.', '',
    '  bound   ± 12.4 µs, growing by 1.516 µs each second without a measurement',
    '  since   3 min ago',
    '  offset  -3.7 µs, to be put right', '',
    'SOURCE     VERDICT      STRATUM   OFFSET  ERROR     AUTHENTICATED',
    '192.0.2.1  selected           1  -1.3 µs  ± 4.5 µs  nts',
    '192.0.2.9  unreachable        -        -  -         not known', '',
    '▁▂  the last 2 minutes',
  ]);
});

test('a clock that was set, a leap second and a source that lies are said', () => {
  const screen = clockLines({ now: { ...FACTS, state: 'stepped', boundNs: null, grade: 'limit', wallOffNs: -3_600_000_000_000, leap: 'insert', falsetickers: ['192.0.2.7\u001b'] }, history: [], producers: [] }, AT, plain);
  assert.ok(screen.includes('  wall clock    -3600 s off, because somebody set it'), screen.join('\n'));
  assert.ok(screen.includes('  bound         ± not known; above the limit'));
  assert.ok(screen.includes('  leap second   one is inserted at the next midnight UTC'));
  assert.ok(screen.includes('  contradicted  192.0.2.7\\e'));
  assert.deepEqual(clockLines({ now: null, history: [], producers: [] }, AT, plain), ['Nobody has looked at the clock yet.']);
});

const SETTER = { atNs: 1, call: 'settimeofday', pid: 4711, name: 'date', login: 1000, person: 'alice', executable: '/usr/bin/date', unit: 'ssh.service', container: null };

/** What is said of a step. */
function step(by: ClockStep['by']): string | undefined {
  const now = { ...FACTS, lastStep: { at: '2026-09-21T14:08:20.000Z', byNs: 3_200_000_000, by } };
  return clockLines({ now, history: [], producers: [] }, AT, plain).find((line) => line.startsWith('  set '));
}

test('who set the clock is said, or that nobody was seen to', () => {
  assert.equal(step([SETTER]), '  set     +3.2 s, 5 min ago, by /usr/bin/date (process 4711, alice, ssh.service)');
  assert.equal(step([SETTER, { ...SETTER, pid: 1, executable: null, person: null, unit: null }]), '  set     +3.2 s, 5 min ago, by /usr/bin/date (process 4711, alice, ssh.service), or date (process 1)');
  assert.equal(step([]), '  set     +3.2 s, 5 min ago; capture saw nobody do it');
});

/** What is said of producers. */
const lines = (producers: readonly ProducerClock[]): string[] => clockLines({ now: FACTS, history: [], producers }, AT, plain).slice(10);

test("producers whose clocks are off are named, the furthest first, and the others counted", () => {
  const producers: ProducerClock[] = [
    { source: 'web-07', state: 'behind', skewNs: -3_200_000_000, errorNs: 1_012_400, since: '2026-09-21T14:02:00.000Z' },
    { source: 'db\u001b', state: 'ahead', skewNs: 1_500_000_000, errorNs: 12_400, since: '2026-09-21T13:13:20.000Z' },
    { source: 'web-01', state: 'good', skewNs: -2_000_000, errorNs: 12_400, since: null },
  ];
  assert.deepEqual(lines(producers), [
    'PRODUCER  CLOCK      OFF  ERROR      SINCE',
    'web-07    behind  -3.2 s  ± 1.0 ms   11 min 20 s ago',
    'db\\e      ahead   +1.5 s  ± 12.4 µs  1 h ago',
    'Of others the clocks of 1 producer are as they should be.',
  ]);
  assert.deepEqual(lines(producers.slice(2)), ['The clocks of 1 producer are as they should be.']);
  assert.equal(lines(Array.from({ length: 23 }, () => producers[0]!)).at(-1), 'and 3 more (-o json has them all)');
});

test('the chart goes by powers of ten', () => {
  assert.equal(chart([9999, 10_000, 100_000, 1e6, 1e7, 1e8, 1e9, 1e10, 1e15, null].map(point)), '▁▂▃▄▅▆▇██?');
  assert.equal(chart(Array.from({ length: 100 }, () => point(1))).length, 60);
});
