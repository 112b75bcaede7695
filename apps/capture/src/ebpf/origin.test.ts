// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MESSAGE_BYTES_MAX, NO_KEY } from '@strongroom/evidence';
import { Feed } from '../feed.ts';
import { LocalStream } from '../stream.ts';
import { newTally } from '../sums.ts';
import { probeEvent } from '../testing/probe-events.ts';
import { SealedLine } from '../testing/sealed-line.ts';
import { decodeToken } from '../token.ts';
import { EVENT_TYPES, PROBE_FRAME } from './frames.ts';
import { EbpfOrigin } from './origin.ts';

const boot = 'c4f591bd-85de-4bf1-b443-196190be7b3b';

function hello(): Buffer {
  const payload = Buffer.alloc(1 + 4 + 8 + 8 + 2 + 8);
  payload.writeUInt8(1, 0);
  payload.writeBigUInt64BE(7n, 5);
  payload.writeUInt16BE(1, 21);
  return payload;
}

test('what is executed, and a loss, take along what came before them within a second; the rest may wait', () => {
  const whens: unknown[] = [];
  const feed = { position: { boot }, add: (_runs: unknown, _moved: unknown, when: unknown) => whens.push(when), tally: () => newTally() };
  const stream = new LocalStream({ id: 'spiffe://test/service/capture', keyHash: NO_KEY }, 'ebpf', () => undefined);
  const origin = new EbpfOrigin({ feed: feed as unknown as Feed, stream, say: () => undefined, recordBytesMax: 262_144 });
  origin.frame(PROBE_FRAME.hello, hello());
  whens.length = 0;
  for (const [sequence, type] of [EVENT_TYPES.indexOf('open'), EVENT_TYPES.indexOf('exec'), EVENT_TYPES.indexOf('delete'), EVENT_TYPES.indexOf('signal')].entries()) {
    origin.frame(PROBE_FRAME.events, probeEvent({ type, sequence }));
  }
  assert.deepEqual(whens, ['later', 'soon', 'later', 'soon']);
});

test('a frame of events that become much longer than they were is sealed in parts that the vault takes', async () => {
  const line = new SealedLine();
  const feed = new Feed(line, { boot, kmsg: null, audit: null, cursor: null }, () => assert.fail('denied'));
  const stream = new LocalStream({ id: 'spiffe://test/service/capture', keyHash: NO_KEY }, 'ebpf', () => undefined);
  // Who executes through a chain of programs with odd names has each of them told in every execution.
  const long = Buffer.from(`,"who":"${'\\u0001'.repeat(4000)}"`);
  const who = { bytesMax: long.length, write: (to: { putLong(octets: Uint8Array): void }) => to.putLong(long) };
  const origin = new EbpfOrigin({ feed, stream, say: () => undefined, recordBytesMax: 262_144, who });
  origin.frame(PROBE_FRAME.hello, hello());
  const count = 2000;
  origin.frame(PROBE_FRAME.events, Buffer.concat(Array.from({ length: count }, (_, sequence) => probeEvent({ sequence, second: Buffer.from('/bin/true') }))));
  await feed.drain();
  assert.equal(line.texts('ebpf').length, count);
  let settled = 0;
  for (const { runs, token } of line.submissions) {
    settled += runs.filter(({ kind }) => kind === 0).reduce((sum, { lengths }) => sum + lengths.length, 0);
    assert.ok(runs.reduce((sum, { data }) => sum + (data as Buffer).length, 0) < MESSAGE_BYTES_MAX / 2);
    assert.equal(decodeToken(token)!.ebpf!.settled, settled, 'each says what it and all before it hold');
  }
});
