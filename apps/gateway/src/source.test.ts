// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Source, type Throttled } from './source.ts';
import { Sources } from './sources.ts';

class Member implements Throttled {
  readonly told: boolean[] = [];
  throttle(on: boolean): void { this.told.push(on); }
}

function make(bytesPerSecond = 0, connections = 2): Source {
  return new Source('web-01', { connections, bytesPerSecond }, { events: 0, bytes: 0, ackedBytes: 0 });
}

test('figures: what came, what is sealed, what waits, since when', () => {
  const source = make();
  source.received(3, 300, 1000, true);
  source.received(1, 50, 1000, false); // joined the run before it
  source.received(2, 200, 4000, true);
  assert.deepEqual(source.stats(5000), { events: 6, bytes: 550, ackedBytes: 0, connections: 0, waiting: 550, lagMs: 4000 });
  source.settled(350, true);
  assert.deepEqual(source.stats(5000), { events: 6, bytes: 550, ackedBytes: 350, connections: 0, waiting: 200, lagMs: 1000 });
  source.settled(200, false);
  assert.deepEqual(source.stats(5000), { events: 6, bytes: 550, ackedBytes: 350, connections: 0, waiting: 0, lagMs: 0 });
  assert.equal(source.isQuiet, true);
});

test('the oldest run stays the oldest over thousands that settle', () => {
  const source = make();
  for (let i = 0; i < 5000; i += 1) source.received(1, 1, i, true);
  for (let i = 0; i < 3000; i += 1) source.settled(1, true);
  assert.equal(source.stats(10_000).lagMs, 7000);
});

test('a source that is faster than its rate is held back, with all its connections, and goes on by itself', async () => {
  const source = make(1_000_000);
  const [first, second] = [new Member(), new Member()];
  source.join(first);
  source.spend(10_000, performance.now());
  source.join(second);
  assert.deepEqual([first.told, second.told], [[true], [true]]);
  await new Promise((resolve) => { setTimeout(resolve, 50); });
  while (first.told.length < 2) await new Promise((resolve) => { setTimeout(resolve, 10); });
  assert.deepEqual([first.told, second.told], [[true, false], [true, false]]);
});

test('a source without a rate is never held back', () => {
  const source = make();
  const member = new Member();
  source.join(member);
  source.spend(1e9, performance.now());
  assert.deepEqual(member.told, []);
});

test('connections are counted against the allowance', () => {
  const source = make();
  const [first, second] = [new Member(), new Member()];
  source.join(first);
  source.join(second);
  assert.equal(source.mayConnect, false);
  source.leave(first);
  assert.equal(source.mayConnect, true);
  source.allow({ connections: 1, bytesPerSecond: 0 });
  assert.equal(source.mayConnect, false);
});

test('usage is what changed since it was last asked for', () => {
  const sources = new Sources({ processes: 2, perSource: { connections: 3, bytesPerSecond: 0 } });
  const source = sources.get('web-01');
  assert.equal(source.connectionsMax, 2);
  assert.deepEqual(sources.usage(), {});
  source.received(1, 100, 0, true);
  assert.deepEqual(sources.usage(), { 'web-01': { connections: 0, bytes: 100 } });
  assert.deepEqual(sources.usage(), {});
  sources.allow({ 'web-01': { connections: 3, bytesPerSecond: 0 }, unknown: { connections: 1, bytesPerSecond: 0 } });
  assert.equal(source.connectionsMax, 3);
});

test('sources that anybody can invent are forgotten when they are quiet; totals stay', () => {
  const sources = new Sources({ processes: 1, perSource: { connections: 3, bytesPerSecond: 0 } });
  for (let i = 0; i < 5000; i += 1) {
    const source = sources.get(`plain-${i}`);
    source.received(1, 1, 0, true);
    if (i !== 0) source.settled(1, true);
  }
  const kept = sources.stats();
  assert.ok(Object.keys(kept).length <= 4096);
  assert.equal(kept['plain-0']?.waiting, 1);
  assert.deepEqual(sources.totals, { events: 5000, bytes: 5000, ackedBytes: 4999 });
});
