// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configOf } from '@strongroom/service/config';
import type { ClockFacts, ServiceStats } from '@strongroom/service';
import type { Child } from '../processes/child.ts';
import { auditNotes, clockNotes, healthOf, listenersOf, watchItem } from './status.ts';

const CONFIG = configOf();
const NOW_MS = 1_000_000;
type Facts = Partial<Pick<Child, 'service' | 'state' | 'reason' | 'statsAtMs' | 'listeners'>> & { stats?: ServiceStats };
/** What these functions read of a child. */
const child = (facts: Facts): Child => ({ service: 'vault', state: 'running', reason: null, statsAtMs: NOW_MS, listeners: [], stats: { values: { lastCommitAgeMs: 10 } }, ...facts }) as unknown as Child;
const health = (facts: Facts): boolean => healthOf([child(facts)], CONFIG, NOW_MS).ok;

test('healthy is a vault that runs, answers and commits', () => {
  assert.equal(health({}), true);
  assert.equal(health({ stats: { values: { lastCommitAgeMs: 69_000 } } }), true, 'a quiet log has its heartbeat each minute');
});

test('a vault that is stalled, silent, or behind its heartbeat is not', () => {
  assert.equal(health({ state: 'stalled', reason: 'disk full' }), false);
  assert.equal(health({ statsAtMs: NOW_MS - 11_000 }), false);
  assert.equal(health({ stats: { values: { lastCommitAgeMs: 70_001 } } }), false);
  assert.equal(health({ stats: { values: {} } }), false);
  assert.equal(healthOf([], CONFIG).ok, false);
  assert.match(healthOf([child({ state: 'stalled', reason: 'disk full' })], CONFIG).reason!, /stalled: disk full/);
});

const notes = (values: Record<string, number>): number => auditNotes([child({ service: 'capture', stats: { values } })]).length;

test('an audit that is read and switched off is told', () => {
  assert.deepEqual([notes({ auditReading: 1, auditEnabled: 0 }), notes({ auditReading: 1, auditEnabled: 1 }), notes({ auditReading: 0, auditEnabled: 0 }), notes({}), auditNotes([]).length], [1, 0, 0, 0, 0]);
});

test('a clock without a bound, above its limit, or with sources that lie is told', () => {
  const clock: ClockFacts = {
    state: 'locked', reason: 'the clock is measured', since: '', grade: 'good', boundNs: 10, growthPpb: 1, offsetNs: 1, rootDelayNs: 1, falsetickers: [], leap: 'none', lastStep: null, wallOffNs: 0, sources: [], checks: [],
  };
  const told = (facts: Partial<ClockFacts>): string | undefined => clockNotes([child({ service: 'skew-guard', stats: { values: {}, clock: { ...clock, ...facts } } })])[0];
  assert.equal(told({}), undefined);
  assert.match(told({ boundNs: null, reason: 'chronyd does not answer' })!, /no error bound: chronyd does not answer/);
  assert.match(told({ grade: 'limit', state: 'holdover' })!, /clock is holdover/);
  assert.match(told({ falsetickers: ['a'] })!, /The clock is/);
  assert.deepEqual(clockNotes([]), []);
});

test('a listener that several processes share is told once', () => {
  const gateways = [6514, 6514, 6515].map((port) => child({ service: 'gateway', listeners: [{ protocol: 'syslog-tls', address: `[::]:${port}` }] }));
  assert.deepEqual(listenersOf(gateways, '127.0.0.1:9464').map(({ address }) => address), ['[::]:6514', '[::]:6515', '127.0.0.1:9464']);
});

test('where devices send their traps is told, and of who may not listen nothing', () => {
  const children = [child({ service: 'rack-monitor', listeners: [{ protocol: 'snmp-trap', address: '[::]:162' }] }), child({ service: 'capture', listeners: [{ protocol: 'relp-tls', address: '[::]:2514' }] })];
  assert.deepEqual(listenersOf(children, null), [{ protocol: 'snmp-trap', address: '[::]:162' }]);
});

test('watch sums the processes of a service and shows the one that is not well', () => {
  const source = { events: 1, bytes: 2, ackedBytes: 3, lagMs: 4, connections: 5, waiting: 6 };
  const gateway = (more: Facts) => child({ service: 'gateway', stats: { values: { records: 2 }, sources: { a: source } }, ...more });
  const item = watchItem([gateway({}), gateway({ state: 'degraded' }), gateway({})], []);
  assert.deepEqual(item.services['gateway'], { records: 6 });
  assert.equal(item.states['gateway'], 'degraded');
  assert.deepEqual(item.sources['a'], { events: 3, bytes: 6, ackedBytes: 9, lagMs: 4, connections: 15, waiting: 18 });
});

function degraded(stats: object): ReturnType<typeof healthOf> {
  return healthOf([child({ stats: { values: { lastCommitAgeMs: 10 }, ...stats } as ServiceStats })], CONFIG, NOW_MS);
}

test('sealing goes on without witnesses and timestamps, and it is told since when', () => {
  const witness = { size: 0, at: null, by: [], unwitnessed: { ageMs: null, records: 0, bytes: 0 }, since: '2026-03-01T12:00:00.000Z', compared: false, comparison: { of: 1, known: [], unknown: [], ahead: [] } };
  const timestamp = { kept: 0, size: 0, at: null, by: null, since: '2026-03-01T13:00:00.000Z' };
  assert.deepEqual(degraded({ timestamp }), { ok: true, reason: null, degraded: 'untimestamped since 2026-03-01T13:00:00.000Z' });
  assert.equal(degraded({ witness, timestamp }).degraded, 'unwitnessed since 2026-03-01T12:00:00.000Z; untimestamped since 2026-03-01T13:00:00.000Z');
  assert.equal(degraded({ timestamp: { ...timestamp, since: null } }).degraded, null);
  const comparison = { of: 2, known: ['a'], unknown: [], ahead: ['b'] };
  assert.equal(degraded({ witness: { ...witness, since: null, comparison } }).degraded, 'the witness b says that it has seen more of this log than there is');
});
