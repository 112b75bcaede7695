// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CoverageRecord, DarkFacts, Heartbeat, Resume } from '@strongroom/service/coverage';
import type { Held } from './held.ts';
import { Heartbeats } from './heartbeats.ts';

const SECOND = 1_000_000_000n;
const START: Heartbeat = { boot: '11111111-2222-3333-4444-555555555555', life: '0000000000000001', bootNs: 1000n * SECOND, monotonicNs: 1000n * SECOND, wallNs: 1_800_000_000n * SECOND, boundNs: null };

const ns = (seconds: number): bigint => BigInt(seconds) * SECOND;

/** An appliance whose clocks we turn. */
function appliance(life = START, traces: Partial<DarkFacts> = {}) {
  const state = { now: life, held: null as Held | null };
  const sealed: CoverageRecord[] = [];
  const heartbeats = new Heartbeats({ everySeconds: 55, now: () => state.now, held: () => state.held, traces: () => traces, seal: (record) => sealed.push(record), told: () => undefined });
  const pass = (seconds: number, wall = seconds, monotonic = seconds): void => {
    state.now = { ...state.now, bootNs: state.now.bootNs + ns(seconds), monotonicNs: state.now.monotonicNs + ns(monotonic), wallNs: state.now.wallNs + ns(wall) };
  };
  const zones = () => sealed.flatMap((record) => (record.type === 'dark-zone' ? [record.zone] : []));
  return { state, sealed, heartbeats, pass, zones };
}

const NONE = null;
const tokenOf = (last: Heartbeat, stopped: boolean): Resume => ({ ...last, stopped });
const later = (seconds: number, more: Partial<Heartbeat>): Heartbeat => ({ ...START, wallNs: START.wallNs + BigInt(seconds) * SECOND, bootNs: START.bootNs + BigInt(seconds) * SECOND, monotonicNs: START.monotonicNs + BigInt(seconds) * SECOND, life: '0000000000000002', ...more });

test('the first life has nothing before it', () => {
  const { heartbeats, sealed } = appliance();
  heartbeats.begin(NONE);
  assert.deepEqual(sealed.map((record) => record.type), ['heartbeat']);
});

test('heartbeats come when they are due, and leave nothing dark', () => {
  const { heartbeats, sealed, pass } = appliance();
  heartbeats.begin(NONE);
  for (let i = 0; i < 33; i += 1) {
    pass(5);
    heartbeats.look();
  }
  assert.deepEqual(sealed.map((record) => (record.type === 'heartbeat' ? record.number : record.type)), [1, 2, 3, 4]);
});

test('a life that was stopped, one that was killed, and one that lost its power are told apart', () => {
  for (const [stopped, more, cause] of [[true, {}, 'clean-shutdown'], [false, {}, 'service-crash'], [false, { boot: '99999999-2222-3333-4444-555555555555', bootNs: SECOND }, 'power-loss']] as const) {
    const { heartbeats, sealed, zones } = appliance(later(600, more));
    heartbeats.begin(tokenOf(START, stopped));
    assert.deepEqual(sealed.map((record) => record.type), ['dark-zone', 'heartbeat'], 'what was dark is sealed before there is light');
    assert.deepEqual([zones()[0]?.cause, zones()[0]?.fromNs, zones()[0]?.toNs], [cause, START.wallNs, START.wallNs + 600n * SECOND]);
  }
});

test('what others wrote down counts', () => {
  const { heartbeats, zones } = appliance(later(600, { boot: '99999999-2222-3333-4444-555555555555', bootNs: SECOND }), { pstore: true });
  heartbeats.begin(tokenOf(START, false));
  assert.deepEqual([zones()[0]?.cause, zones()[0]?.confidence], ['panic', 'certain']);
});

test('while evidence cannot be taken it is dark, from the first look to the last', () => {
  const { heartbeats, state, pass, zones } = appliance();
  heartbeats.begin(NONE);
  pass(5);
  state.held = { cause: 'stalled', because: 'the vault is stalled: the disk is full' };
  heartbeats.look();
  for (let i = 0; i < 40; i += 1) {
    pass(5);
    heartbeats.look();
  }
  state.held = { cause: 'service-crash', because: 'vault: it starts' };
  heartbeats.look();
  pass(10);
  state.held = null;
  heartbeats.look();
  assert.deepEqual(zones().map(({ cause, fromNs, toNs }) => [cause, (fromNs - START.wallNs) / SECOND, (toNs - START.wallNs) / SECOND]), [['stalled', 5n, 205n], ['service-crash', 205n, 215n]]);
});

test('sleep is dark, a clock that is set is not', () => {
  const { heartbeats, pass, zones } = appliance();
  heartbeats.begin(NONE);
  pass(55, 4000);
  heartbeats.look();
  assert.deepEqual(zones(), []);
  pass(900, 900, 5);
  heartbeats.look();
  assert.deepEqual(zones().map(({ cause, lastedNs }) => [cause, lastedNs]), [['suspended', 900n * SECOND]]);
});

test('after the last words there are none', () => {
  const { heartbeats, sealed, pass } = appliance();
  heartbeats.begin(NONE);
  pass(10);
  heartbeats.stop();
  pass(100);
  heartbeats.look();
  heartbeats.stop();
  assert.deepEqual(sealed.map((record) => (record.type === 'heartbeat' ? record.state : record.type)), ['alive', 'stopped']);
});
