// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NOTHING_KNOWN } from './facts.ts';
import { zoneOf } from './dark-zone.ts';
import { FeedHistory, withFeeds } from './feeds.ts';
import { CoverageProjection } from './projection.ts';
import type { Beat } from './records.ts';

const at = (time: string): string => `2026-03-01T${time}Z`;
const ns = (time: string): bigint => BigInt(Date.parse(at(time))) * 1_000_000n;

function historyOf(...records: readonly Readonly<Record<string, unknown>>[]): FeedHistory {
  const history = new FeedHistory();
  for (const record of records) history.take(JSON.stringify({ device: 'pdu-a', feeds: 1, ...record }));
  return history;
}

const off = (time: string, more = {}) => ({ type: 'switched', time: at(time), of: 'outlet', place: '4', from: 'on', to: 'off', ...more });
const on = (time: string, more = {}) => ({ ...off(time, more), from: 'off', to: 'on' });
const answering = (time: string, boots: number, more = {}) => ({ type: 'device', time: at(time), state: 'answering', boots, ...more });
const two = (...records: readonly Readonly<Record<string, unknown>>[]) => historyOf(...records.map((record) => ({ feeds: 2, ...record })));
const beat = (time: string, boot: string, bootSeconds: bigint): Beat & { readonly type: 'heartbeat' } => ({
  type: 'heartbeat', number: 1, everySeconds: 55, state: 'alive', held: null, boot, life: boot, bootNs: bootSeconds * 1_000_000_000n, monotonicNs: bootSeconds * 1_000_000_000n, wallNs: ns(time), boundNs: null,
});
// What a projection says of the boot at 10:10, with that history.
const judged = (history: FeedHistory | null): unknown => {
  const projection = new CoverageProjection(ns('09:00:00'), ns('11:00:00'), history);
  for (const one of [beat('09:59:30', 'a', 5000n), beat('10:10:00', 'b', 30n)]) projection.take(one);
  const [gap] = projection.end().appliance!.gaps;
  return [gap?.cause, gap?.confidence];
};

test('an outlet that was switched off fed nobody until it was switched on', () => {
  const history = historyOf(off('10:00:00'), on('10:05:00'));
  assert.deepEqual([['09:00:00', '09:59:59'], ['09:00:00', '10:00:00'], ['10:01:00', '10:02:00'], ['10:05:01', '10:06:00']].map(([from, to]) => history.died(ns(from!), ns(to!))), [false, true, true, false]);
});

test('an interruption began no earlier than the reading before it, and one without an end lasts until its device is judged anew', () => {
  const began = { type: 'interruption', time: at('10:00:02'), what: 'began', of: 'phase', place: '1', notBefore: at('10:00:01') };
  const history = historyOf(began, answering('10:30:00', 3));
  assert.deepEqual([history.died(ns('09:00:00'), ns('10:00:00')), history.died(ns('09:00:00'), ns('10:00:01')), history.died(ns('10:20:00'), ns('10:25:00')), history.died(ns('10:30:01'), ns('11:00:00'))], [false, true, true, false]);
});

test('a UPS on its battery, and an open breaker, feed nobody for long', () => {
  for (const record of [{ type: 'supply', of: 'device', place: '1', to: 'battery' }, { type: 'breaker', of: 'breaker', place: '1', to: 'open' }]) {
    assert.equal(historyOf({ ...record, time: at('10:00:00') }).died(ns('10:00:00'), ns('10:01:00')), true, record.type);
  }
  assert.equal(historyOf({ type: 'supply', of: 'device', place: '1', to: 'bypass', time: at('10:00:00') }).died(ns('09:00:00'), ns('11:00:00')), false);
});

test('with two feeds both must be gone at one time', () => {
  const b = { device: 'pdu-b' };
  assert.equal(two(off('10:00:00'), on('10:01:00'), off('10:02:00', b), on('10:03:00', b)).died(ns('09:00:00'), ns('11:00:00')), false);
  assert.equal(two(off('10:00:00'), off('10:02:00', b), on('10:03:00', b), on('10:04:00')).died(ns('10:02:30'), ns('10:02:40')), true);
});

test('a device that booted between the last word before and the first after went as well', () => {
  const history = historyOf(answering('09:00:00', 7), answering('10:10:00', 8), answering('10:20:00', 8));
  assert.deepEqual([history.booted(ns('10:00:00'), ns('10:05:00')), history.booted(ns('10:12:00'), ns('10:15:00')), history.booted(ns('08:00:00'), ns('08:30:00'))], [true, false, false]);
});

test('what nobody signed, and what is no record of a feed, says nothing', () => {
  const history = historyOf(off('10:00:00', { authenticated: false }), off('10:00:00', { feeds: undefined }), off('when'), { type: 'change', time: at('10:00:00'), of: 'outlet', place: '4', from: 5, to: 0 });
  for (const raw of ['', 'null', '[]', '{"feeds":1}', '{"device":"pdu-a","feeds":1,"type":"switched"']) history.take(raw);
  assert.equal(history.died(0n, ns('23:00:00')), false);
});

test('a boot after the feed was gone is a power loss for certain, whatever was sealed without knowing it', () => {
  assert.deepEqual(judged(null), ['power-loss', 'weak']);
  assert.deepEqual(judged(historyOf(answering('09:00:00', 1), answering('10:11:00', 2))), ['power-loss', 'likely']);
  assert.deepEqual(judged(historyOf(off('10:00:00'), answering('10:11:00', 2))), ['power-loss', 'certain']);
  assert.deepEqual(judged(historyOf(off('09:00:00'), on('09:30:00'))), ['power-loss', 'weak']);
});

test('what was sealed last of a gap counts, whoever reads it with how much of the feed before his eyes', () => {
  const [last, first] = [beat('09:59:30', 'a', 5000n), beat('10:10:00', 'b', 30n)];
  const facts = { ...NOTHING_KNOWN, before: last, after: first };
  const sealed = { zone: zoneOf(facts), facts };
  const amended = withFeeds(sealed, historyOf(answering('09:00:00', 1), answering('10:11:00', 2)));
  for (const history of [null, historyOf(), historyOf(off('10:00:00'))]) {
    const projection = new CoverageProjection(ns('09:00:00'), ns('11:00:00'), history);
    for (const record of [last, { type: 'dark-zone', ...sealed } as const, first, { type: 'dark-zone-amended', timeNs: ns('10:11:00'), ...amended } as const]) projection.take(record);
    const { gaps } = projection.end().appliance!;
    assert.deepEqual(gaps.map(({ cause, confidence, fromNs, toNs }) => [cause, confidence, fromNs, toNs]), [['power-loss', 'likely', ns('09:59:30'), ns('10:10:00')]]);
  }
});

test('a feed is settled once all of its devices were heard of since', () => {
  const history = historyOf(answering('09:00:00', 1), answering('10:11:00', 2));
  assert.deepEqual([history.isSettled(ns('10:10:00'), 1), history.isSettled(ns('10:10:00'), 2), history.isSettled(ns('10:12:00'), 1)], [true, false, false]);
});
