// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HISTORY_SAMPLES, TopModel } from './model.ts';
import type { WatchItem } from '@strongroom/service';

const BEGIN = Date.parse('2026-09-21T14:13:20Z');

function item(second: number, events: number, facts: Partial<WatchItem> = {}): WatchItem {
  return {
    time: new Date(BEGIN + second * 1000).toISOString(),
    services: { vault: { records: events * 2, batches: second, bytes: events * 100 }, gateway: {} },
    states: { vault: 'running', gateway: 'running' },
    sources: { 'web-01': { events, bytes: events * 100, ackedBytes: events * 90, lagMs: 12, connections: 2, waiting: events * 10 } },
    log: { origin: 'test/log', size: 7, rootHash: '', vkey: '', checkpointAt: new Date(BEGIN + second * 1000 - 400).toISOString() },
    witness: null, incidents: [],
    ...facts,
  };
}

test('has the sums of each origin, and for which reasons something was lost', () => {
  const capture = { kmsgProduced: 9, kmsgSealed: 8, kmsgWaiting: 1, kmsgLost: 0, auditProduced: 100, auditSealed: 60, auditOwn: 5, auditLost: 35, auditLostNotRead: 30, auditLostOverrun: 5, auditLostUnseen: 0, auditUncounted: 0, auditReading: 1 };
  const { origins } = new TopModel().take(item(0, 0, { services: { capture } }));
  assert.deepEqual(origins, [
    { origin: 'audit', produced: 100, sealed: 60, waiting: 0, own: 5, lost: 35, uncounted: 0, why: [{ reason: 'not-read', count: 30 }, { reason: 'overrun', count: 5 }] },
    { origin: 'kmsg', produced: 9, sealed: 8, waiting: 1, own: 0, lost: 0, uncounted: 0, why: [] },
  ]);
});

test('knows rates from the second sample on', () => {
  const model = new TopModel();
  const first = model.take(item(0, 100));
  assert.deepEqual([first.eventsPerSecond, first.sealedPerSecond, first.sources[0]?.eventsPerSecond], [null, null, null]);
  const second = model.take(item(2, 300));
  assert.deepEqual([second.eventsPerSecond, second.ackedBytesPerSecond, second.sealedPerSecond, second.waitingBytes, second.checkpointAgeMs], [100, 9000, 200, 3000, 400]);
  assert.deepEqual(second.sources, [{ source: 'web-01', eventsPerSecond: 100, ackedBytesPerSecond: 9000, lagMs: 12, waitingBytes: 3000, connections: 2 }]);
});

test('takes a counter that went back as begun anew', () => {
  const model = new TopModel();
  model.take(item(0, 5000));
  assert.equal(model.take(item(1, 40)).eventsPerSecond, 40);
});

test('counts a new source with the others as soon as it has two samples', () => {
  const model = new TopModel();
  model.take(item(0, 0));
  const joined = item(1, 10);
  const both = { ...joined, sources: { ...joined.sources, 'db-01': { events: 7, bytes: 0, ackedBytes: 0, lagMs: 0, connections: 1, waiting: 0 } } };
  const sample = model.take(both);
  assert.deepEqual(sample.sources.map(({ source, eventsPerSecond }) => [source, eventsPerSecond]), [['db-01', null], ['web-01', 10]]);
  assert.equal(sample.eventsPerSecond, 10);
});

test('keeps half a minute of history, and none of sources that have gone', () => {
  const model = new TopModel();
  for (let second = 0; second <= HISTORY_SAMPLES + 10; second += 1) model.take(item(second, second * second));
  assert.equal(model.history('web-01').length, HISTORY_SAMPLES);
  assert.equal(model.history('web-01').at(-1), model.history().at(-1));
  model.take(item(100, 0, { sources: {} }));
  assert.deepEqual(model.history('web-01'), []);
});

test('names only the services that are not running', () => {
  assert.deepEqual(new TopModel().take(item(0, 0, { states: { vault: 'stalled', keys: 'running' }, log: null })).states, { vault: 'stalled' });
});
