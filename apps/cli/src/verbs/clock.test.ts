// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClockFacts, ClockPoint } from '@strongroom/service';
import { chart, clockLines } from './clock.ts';

const AT = 1_790_000_000_000_000_000n;
const plain = (_: unknown, text: string): string => text;
const point = (boundNs: number | null): ClockPoint => ({ at: '2026-09-21T14:13:00.000Z', state: 'locked', boundNs });
const FACTS: ClockFacts = {
  state: 'locked', reason: 'the clock is measured', since: '2026-09-21T14:10:20.000Z', grade: 'good', boundNs: 12_400, growthPpb: 1516, offsetNs: -3661, rootDelayNs: 8866,
  falsetickers: [], leap: 'none', wallOffNs: 0, checks: [],
  sources: [
    { name: '192.0.2.1', kind: 'server', verdict: 'selected', stratum: 1, isReachable: true, authentication: 'nts', offsetNs: -1325, errorNs: 4492 },
    { name: '192.0.2.9', kind: 'server', verdict: 'unusable', stratum: 0, isReachable: false, authentication: null, offsetNs: null, errorNs: null },
  ],
};

test('the screen says the state, the bound, the sources and how it was', () => {
  assert.deepEqual(clockLines({ now: FACTS, history: [point(5000), point(50_000)] }, AT, plain), [
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
  const lines = clockLines({ now: { ...FACTS, state: 'stepped', boundNs: null, grade: 'limit', wallOffNs: -3_600_000_000_000, leap: 'insert', falsetickers: ['192.0.2.7\u001b'] }, history: [] }, AT, plain);
  assert.ok(lines.includes('  wall clock    -3600 s off, because somebody set it'), lines.join('\n'));
  assert.ok(lines.includes('  bound         ± not known; above the limit'));
  assert.ok(lines.includes('  leap second   one is inserted at the next midnight UTC'));
  assert.ok(lines.includes('  contradicted  192.0.2.7\\e'));
  assert.deepEqual(clockLines({ now: null, history: [] }, AT, plain), ['Nobody has looked at the clock yet.']);
});

test('the chart goes by powers of ten', () => {
  assert.equal(chart([9999, 10_000, 100_000, 1e6, 1e7, 1e8, 1e9, 1e10, 1e15, null].map(point)), '▁▂▃▄▅▆▇██?');
  assert.equal(chart(Array.from({ length: 100 }, () => point(1))).length, 60);
});
