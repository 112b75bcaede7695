// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Heartbeat } from './facts.ts';
import type { CoverageRecord } from './records.ts';
import { SourceWatch, type SourceCount } from './watch.ts';

const MINUTE_NS = 60_000_000_000n;
const START_NS = BigInt(Date.UTC(2026, 0, 5)) * 1_000_000n;
const WEEK = 10_080;

/** Sources that are heard every minute, unless they are cut. */
function stage(names: readonly string[]) {
  const sealed: CoverageRecord[] = [];
  const shown = new Set<string>();
  const watch = new SourceWatch({ seal: (record) => sealed.push(record), silent: (source) => shown.add(source), heard: (source) => shown.delete(source) });
  const counts = new Map<string, SourceCount>(names.map((name) => [name, { events: 0, connections: 1 }]));
  const state = { minute: 0, cut: new Set<string>(), linkDown: false };
  const pass = (minutes: number, on: SourceWatch = watch): void => {
    for (const end = state.minute + minutes; state.minute < end; state.minute += 1) {
      for (const [name, { events }] of counts) if (!state.cut.has(name)) counts.set(name, { events: events + 1, connections: 1 });
      on.look({ now: at(state.minute), minutes: 1, counts, linkDown: state.linkDown });
    }
  };
  return { sealed, shown, watch, counts, state, pass, of: (type: CoverageRecord['type']) => sealed.filter((record) => record.type === type) as Extract<CoverageRecord, { type: 'heard' | 'silent' }>[] };
}

function at(minute: number): Heartbeat {
  return { boot: 'a', life: '1', bootNs: BigInt(minute) * MINUTE_NS, monotonicNs: BigInt(minute) * MINUTE_NS, wallNs: START_NS + BigInt(minute) * MINUTE_NS, boundNs: null };
}

test('a source that falls silent is told with its last word, and told again when it is heard', () => {
  const { pass, state, of, shown, watch } = stage(['web-01', 'web-02', 'service/capture']);
  pass(WEEK + 10);
  assert.deepEqual(of('heard').map((one) => [one.source, 'silence' in one && one.silence]), [['web-01', null], ['web-02', null], ['service/capture', null]]);
  state.cut.add('web-01');
  const last = at(state.minute - 1).wallNs;
  pass(15);
  const [silent, ...more] = of('silent') as Extract<CoverageRecord, { type: 'silent' }>[];
  assert.deepEqual([silent?.source, silent?.fromNs, silent?.cause, silent?.confidence, silent?.because, more.length], ['web-01', last, 'silent-source', 'likely', 'others went on, so it was the source itself; its connection is open', 0]);
  assert.deepEqual([...shown], ['web-01']);
  const { watched, learning, silent: facts } = watch.facts();
  assert.deepEqual([watched, learning, facts.map(({ source, since, usualEventsHourly, connections, cause }) => [source, Date.parse(since), usualEventsHourly, connections, cause])], [2, 0, [['web-01', Number(last / 1_000_000n), 60, 1, 'silent-source']]]);
  state.cut.clear();
  pass(1);
  const heard = of('heard').at(-1) as Extract<CoverageRecord, { type: 'heard' }>;
  assert.deepEqual([heard.source, heard.silence?.fromNs, heard.silence?.cause, shown.size], ['web-01', last, 'silent-source', 0]);
});

test('where all fall silent together it was the network, whoever was noticed first', () => {
  const { pass, state, of } = stage(['web-01', 'web-02', 'web-03', 'service/capture']);
  pass(WEEK + 10);
  for (const name of ['web-01', 'web-02', 'web-03']) state.cut.add(name);
  pass(30);
  state.cut.clear();
  pass(1);
  const heard = of('heard').slice(-3) as Extract<CoverageRecord, { type: 'heard' }>[];
  assert.deepEqual(heard.map(({ source, silence }) => [source, silence?.cause, silence?.confidence]), ['web-01', 'web-02', 'web-03'].map((name) => [name, 'network-loss', 'likely']));
});

test('a source that has been gone for long is not blamed on the network when another goes', () => {
  const { pass, state, of } = stage(['web-01', 'web-02', 'web-03']);
  pass(WEEK + 10);
  state.cut.add('web-01');
  pass(200);
  for (const name of ['web-02', 'web-03']) state.cut.add(name);
  pass(30);
  state.cut.clear();
  pass(1);
  const heard = of('heard').slice(-3) as Extract<CoverageRecord, { type: 'heard' }>[];
  assert.deepEqual(heard.map(({ silence }) => silence?.cause), ['silent-source', 'network-loss', 'network-loss']);
});

test('the time in which nobody listened is nobody\'s silence', () => {
  const { pass, state, of } = stage(['web-01', 'web-02']);
  pass(WEEK + 10);
  state.minute += 300;
  pass(3);
  assert.deepEqual(of('silent'), []);
});

test('what was learnt is saved and loaded, and who was silent still is', () => {
  const first = stage(['web-01', 'web-02']);
  first.pass(WEEK + 10);
  first.state.cut.add('web-01');
  first.pass(30);
  const next = stage(['web-01', 'web-02']);
  assert.equal(next.watch.load(first.watch.save(), at(first.state.minute).wallNs, true), true);
  next.watch.list(0n);
  const list = next.sealed.at(-1) as Extract<CoverageRecord, { type: 'sources' }>;
  assert.deepEqual([list.heard, list.learning, list.silent.map(({ source }) => source)], [['web-02'], [], ['web-01']]);
  next.state.minute = first.state.minute;
  next.state.cut.add('web-01');
  next.pass(20);
  assert.deepEqual(next.of('silent'), [], 'it was told before');
  next.state.cut.clear();
  next.pass(1);
  assert.equal((next.of('heard').at(-1) as Extract<CoverageRecord, { type: 'heard' }>).source, 'web-01');
  assert.equal(stage([]).watch.load(first.watch.save().subarray(1), 0n, true), false);
});

test('sources that somebody invents push nobody out who is heard, and make room when they are gone', () => {
  const { pass, counts, state, watch, sealed } = stage(['web-01']);
  pass(10);
  for (let i = 0; i < 6000; i += 1) {
    counts.set(`made-up-${i}`, { events: 1, connections: 0 });
    state.cut.add(`made-up-${i}`);
  }
  pass(30);
  assert.equal(watch.count, 4096);
  assert.equal(sealed.some((record) => record.type === 'forgotten'), false);
  for (let hour = 0; hour < 26; hour += 1) {
    counts.set('web-01', { events: 1000 + hour, connections: 1 });
    watch.look({ now: at(state.minute + hour * 60), minutes: 60, counts, linkDown: false });
  }
  const heard = sealed.filter((record) => record.type === 'heard').length;
  assert.ok(heard <= 6001, `${heard} were told of, each once`);
  assert.equal(sealed.some((record) => record.type === 'forgotten' && record.source === 'web-01'), false);
});
