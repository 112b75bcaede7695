// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KIND, MESSAGE_BYTES_MAX, NO_KEY, RUNS_MAX } from '@strongroom/evidence';
import { Feed } from './feed.ts';
import { LocalStream } from './stream.ts';
import { addLost } from './sums.ts';
import { SealedLine } from './testing/sealed-line.ts';
import { decodeToken } from './token.ts';

const boot = 'c4f591bd-85de-4bf1-b443-196190be7b3b';
const self = { id: 'spiffe://test/service/capture', keyHash: NO_KEY };
const quiet = (): void => undefined;
const settled = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });
const record = (text: string) => [{ raw: Buffer.from(text) }];

function open(denied: unknown[] = [], gatherMs?: number) {
  const line = new SealedLine();
  const feed = new Feed(line, { boot, kmsg: null, audit: null, cursor: null }, (fields) => denied.push(fields), gatherMs);
  return { line, feed, kmsg: new LocalStream(self, 'kmsg', quiet), journal: new LocalStream(self, 'journal', quiet) };
}

describe('feed', () => {
  it('sends what is urgent at once while nothing waits, then with the acknowledgement', async () => {
    const { line, feed, kmsg, journal } = open();
    line.held = true;
    feed.add(kmsg.take(record('one')), { kmsg: 1 }, 'at-once');
    feed.add(journal.take(record('two')), { cursor: 's=2' });
    feed.add(kmsg.take(record('three')), { kmsg: 3 }, 'at-once');
    assert.equal(line.submissions.length, 1);
    line.release();
    await settled();
    assert.equal(line.submissions.length, 2);
    assert.deepEqual(line.records().map(({ raw }) => raw.toString()), ['one', 'two', 'three']);
    assert.deepEqual(line.submissions.map(({ urgent }) => urgent), [true, true]);
  });

  it('sends no more runs or octets at once than the vault takes, however many come, each with its position', () => {
    const { line, feed, kmsg, journal } = open();
    for (let number = 0; number < 10_000; number += 1) feed.add(kmsg.take(record('x')), { kmsg: number });
    for (let number = 0; number < 4; number += 1) feed.add(journal.take(record('y'.repeat(4 * 1024 * 1024))), { cursor: `s=${number}` });
    void feed.drain();
    assert.deepEqual(line.submissions.filter(({ runs }) => runs.length > RUNS_MAX || runs.reduce((sum, { lengths }) => sum + lengths[0]!, 0) > MESSAGE_BYTES_MAX).map(({ runs }) => runs.length), []);
    assert.equal(line.records().length, 10_004);
    for (const { runs, token } of line.submissions) {
      const last = runs.filter(({ protocol }) => protocol === 'kmsg').at(-1);
      if (last !== undefined) assert.equal(decodeToken(token)!.kmsg, last.firstSequence);
    }
  });

  it('gathers the rest into one submission that can wait, and sends it unasked', async () => {
    const { line, feed, journal } = open();
    for (const text of ['one', 'two', 'three']) feed.add(journal.take(record(text)), { cursor: `s=${text}` });
    assert.equal(line.submissions.length, 0);
    while (line.submissions.length === 0) await new Promise((resolve) => { setTimeout(resolve, 20); });
    assert.deepEqual(line.submissions.map(({ runs, urgent }) => [runs.length, urgent]), [[3, false]]);
  });

  it('lets little gather as long as configured, and seals what is much or tells something by itself within about a second', async () => {
    for (const [text, when] of [['x'.repeat(64 * 1024), 'later'], ['two', 'soon']] as const) {
      const { line, feed, journal } = open([], 3_600_000);
      feed.add(journal.take(record('one')), { cursor: 's=1' });
      await new Promise((resolve) => { setTimeout(resolve, 1100); });
      assert.equal(line.submissions.length, 0);
      feed.add(journal.take(record(text)), { cursor: 's=2' }, when);
      while (line.submissions.length === 0) await new Promise((resolve) => { setTimeout(resolve, 20); });
      assert.deepEqual(line.submissions.map(({ runs, urgent }) => [runs.length, urgent]), [[2, false]]);
    }
  });

  it('says in every token exactly what it and all before it hold', async () => {
    const { line, feed, kmsg, journal } = open();
    line.held = true;
    feed.add(kmsg.take(record('one')), { kmsg: 1 }, 'at-once');
    feed.add(journal.take(record('two')), { cursor: 's=2' }, 'at-once');
    assert.deepEqual(decodeToken(line.submissions[0]!.token), { boot, kmsg: 1, audit: null, cursor: null });
    line.release();
    await settled();
    assert.deepEqual(decodeToken(line.submissions[1]!.token), { boot, kmsg: 1, audit: null, cursor: 's=2' });
  });

  it('sends large amounts without waiting', () => {
    const { line, feed, journal } = open();
    line.held = true;
    for (let i = 0; i < 25; i += 1) feed.add(journal.take(record('x'.repeat(100_000))), { cursor: `s=${i}` });
    assert.deepEqual(line.submissions.map(({ runs }) => runs.length), [21]);
  });

  it('counts so that the sums balance at every moment', async () => {
    const { line, feed, kmsg } = open();
    line.held = true;
    feed.add(kmsg.take(record('one')), {}, 'at-once');
    const sums = { kmsgProduced: 6, kmsgBeside: 0, kmsgOwn: 0, kmsgReceived: 1, kmsgDenied: 0, kmsgRepeats: 0, kmsgLost: 5, kmsgUncounted: 1, kmsgLostWhileStopped: 5 };
    addLost(feed.tally('kmsg'), 'while-stopped', 5);
    addLost(feed.tally('kmsg'), 'unknown', null);
    assert.deepEqual(feed.values(), { ...sums, kmsgSealed: 0, kmsgWaiting: 1 });
    assert.deepEqual([feed.source(1).waiting, feed.waiting], [3, 1]);
    line.release();
    await settled();
    assert.deepEqual(feed.values(), { ...sums, kmsgSealed: 1, kmsgWaiting: 0 });
    assert.deepEqual({ ...feed.source(2) }, { events: 1, bytes: 3, ackedBytes: 3, connections: 2, waiting: 0, lagMs: 0 });
  });

  it('states what the vault denies, by stream', async () => {
    const denied: unknown[] = [];
    const { line, feed, kmsg, journal } = open(denied);
    const runs = [...kmsg.take(record('one')), ...journal.take(record('two'))];
    line.denies.set(runs[1]!.stream.toString('hex'), 'source.foreign');
    feed.add(runs, {}, 'at-once');
    await settled();
    assert.deepEqual(denied, [{ code: 'source.foreign', stream: runs[1]!.stream.toString('hex'), records: 1 }]);
    assert.deepEqual([feed.tally('kmsg').sealed, feed.tally('journal').denied, feed.waiting], [1, 1, 0]);
  });

  it('lets its readers wait while the vault takes no more, and wakes them at the stop', async () => {
    const { line, feed } = open();
    const stopping = new AbortController();
    line.full = true;
    const order: string[] = [];
    const first = feed.ready(stopping.signal).then(() => order.push('first'));
    await settled();
    order.push('released');
    line.release();
    await first;
    line.full = true;
    const second = feed.ready(stopping.signal).then(() => order.push('second'));
    await settled();
    order.push('stopped');
    stopping.abort();
    await second;
    assert.deepEqual(order, ['released', 'first', 'stopped', 'second']);
  });
});

describe('local stream', () => {
  it('numbers all its records and counts them at its end', () => {
    const stream = new LocalStream(self, 'kmsg', quiet);
    const cut = { raw: Buffer.from('cu'), cut: { fullLength: 3n, fullHash: NO_KEY } };
    const runs = [...stream.take([{ raw: Buffer.from('a') }, { raw: Buffer.from('bc') }, cut, { raw: Buffer.from('d') }]), stream.event('kmsg.missing', {}), stream.end('stop')];
    assert.deepEqual(runs.map(({ kind, firstSequence }) => [kind, firstSequence]), [[KIND.data, 0], [KIND.cut, 2], [KIND.data, 3], [KIND.event, 4], [KIND.end, 5]]);
    const [event, end] = runs.slice(-2).map(({ data }) => data as Buffer);
    assert.deepEqual(JSON.parse(end!.toString()), { records: 5, bytes: 6 + event!.length, reason: 'stop' });
    assert.equal(new Set(runs.map(({ stream: id }) => id.toString('hex'))).size, 1);
  });

  it('marks records that may repeat earlier ones', () => {
    const stream = new LocalStream(self, 'journal', quiet);
    const [before] = stream.take(record('a'));
    stream.mayRepeat();
    const [after] = stream.take(record('b'));
    assert.deepEqual([before!.flags, after!.flags, new LocalStream(self, 'kmsg', quiet, true).end('x').flags], [0, 2, 2]);
  });
});
