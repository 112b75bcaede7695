// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hash } from 'node:crypto';
import { KIND, NO_KEY } from '@strongroom/evidence';
import { Feed } from '../feed.ts';
import { Kmsg } from './kmsg.ts';
import type { KmsgRead } from './device.ts';
import { LocalStream } from '../stream.ts';
import { lostOf } from '../sums.ts';
import { SealedLine } from '../testing/sealed-line.ts';
import { decodeToken } from '../token.ts';

const boot = 'c4f591bd-85de-4bf1-b443-196190be7b3b';
const message = (sequence: number, text = `message ${sequence}`): string => `6,${sequence},1000${sequence},-;${text}\n`;

/** A kernel ring that gives these answers, then nothing. A number is the message of that sequence. */
function ring(...answers: (number | 'overwritten' | string)[]): KmsgRead {
  return () => {
    const next = answers.shift();
    if (next === undefined) return 'empty';
    return next === 'overwritten' ? next : Buffer.from(typeof next === 'number' ? message(next) : next);
  };
}

function capture(read: KmsgRead, last: number | null, recordBytesMax = 8192) {
  const logged: string[] = [];
  const line = new SealedLine();
  const feed = new Feed(line, { boot, kmsg: last, audit: null, cursor: null }, () => assert.fail('denied'));
  const stream = new LocalStream({ id: 'spiffe://test/service/capture', keyHash: NO_KEY }, 'kmsg', (event) => logged.push(event));
  return { line, feed, logged, kmsg: new Kmsg({ read, feed, stream, recordBytesMax }) };
}

describe('kernel messages', () => {
  it('are kept byte for byte and in order, and the token names the last one', () => {
    const multi = '4,2,5,c;continued\n SUBSYSTEM=pci\n DEVICE=+pci:0000:00:1f.2\n';
    const { line, feed, kmsg } = capture(ring(0, 1, multi, 3), null);
    assert.equal(kmsg.turn(), 4);
    assert.deepEqual(line.texts('kmsg'), [message(0), message(1), multi, message(3)]);
    assert.deepEqual(line.records().map(({ sequence }) => sequence), [0, 1, 2, 3]);
    assert.equal(decodeToken(line.token)?.kmsg, 3);
    assert.equal(feed.position.kmsg, 3);
    assert.equal(line.submissions[0]!.urgent, true);
    assert.deepEqual(line.events(), []);
  });

  it('that an earlier life sealed are skipped', () => {
    const { line, kmsg } = capture(ring(5, 6, 7, 8), 6);
    kmsg.turn();
    assert.deepEqual(line.texts('kmsg'), [message(7), message(8)]);
    assert.deepEqual(line.events(), []);
  });

  it('submit nothing while there is nothing new', () => {
    const { line, kmsg } = capture(ring(5, 6), 6);
    kmsg.turn();
    kmsg.turn();
    assert.equal(line.submissions.length, 0);
  });

  it('overwritten by the ring are stated between their neighbours, in the same submission', () => {
    const { line, feed, logged, kmsg } = capture(ring(7, 8, 'overwritten', 20, 21), 6);
    kmsg.turn();
    assert.equal(line.submissions.length, 1);
    assert.deepEqual(line.records().map(({ run }) => run.kind), [KIND.data, KIND.data, KIND.event, KIND.data, KIND.data]);
    const [event] = line.events();
    assert.deepEqual([event!.event, event!.level, logged], ['kmsg.missing', 'error', ['kmsg.missing']]);
    assert.deepEqual(event!.fields, { from: 9, to: 19, count: 11, reason: 'overwritten', boot });
    const { received } = feed.tally('kmsg');
    const lost = lostOf(feed.tally('kmsg'));
    assert.deepEqual([received, lost], [4, 11]);
    assert.equal(feed.values()['kmsgProduced'], 21 - 6);
  });

  it('that went missing while nobody read, or without a word of the kernel, are stated as such', () => {
    const { line, kmsg } = capture(ring(9, 10, 12), 6);
    kmsg.turn();
    assert.deepEqual(line.events().map(({ fields }) => [fields['from'], fields['to'], fields['reason']]), [[7, 8, 'while-stopped'], [11, 11, 'skipped']]);
  });

  it('from before the first read of a boot are named, and not counted as lost', () => {
    const { line, feed, kmsg } = capture(ring('overwritten', 100), null);
    kmsg.turn();
    const [event] = line.events();
    assert.equal(event!.event, 'kmsg.began');
    assert.deepEqual(event!.fields, { from: 0, to: 99, count: 100, reason: 'before-first-read', boot });
    assert.equal(lostOf(feed.tally('kmsg')), 0);
  });

  it('without a header that we know are kept', () => {
    const { line, kmsg } = capture(ring(7, 'something else\n', 8), 6);
    kmsg.turn();
    assert.deepEqual(line.texts('kmsg'), [message(7), 'something else\n', message(8)]);
    assert.deepEqual(line.events(), []);
  });

  it('longer than the limit are cut, with full length and hash', () => {
    const long = message(8, 'x'.repeat(600));
    const { line, kmsg } = capture(ring(7, long, 9), 6, 480);
    kmsg.turn();
    const { run, raw } = line.records()[1]!;
    assert.equal(run.kind, KIND.cut);
    assert.equal(raw.toString(), long.slice(0, 480));
    assert.deepEqual(run.cut, { fullLength: BigInt(long.length), fullHash: hash('sha256', long, 'buffer') });
    assert.deepEqual(line.records().map(({ sequence }) => sequence), [0, 1, 2]);
  });

  it('are left in the ring while the vault takes no more, and taken at the stop', async () => {
    let reads = 0;
    const inner = ring(7, 8, 9);
    const { line, kmsg } = capture(() => { reads += 1; return inner(); }, 6);
    const stopping = new AbortController();
    line.full = true;
    const running = kmsg.run(stopping.signal);
    await new Promise((resolve) => { setImmediate(resolve); });
    assert.equal(reads, 0);
    stopping.abort();
    await running;
    assert.deepEqual(line.texts('kmsg'), [7, 8, 9].map((sequence) => message(sequence)));
  });
});
