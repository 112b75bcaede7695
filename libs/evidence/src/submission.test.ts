// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import vectors from '../vectors/submission.json' with { type: 'json' };
import type { RunKind } from './receipt.ts';
import {
  MESSAGE_BYTES_MAX, MessageSplitter, decodeMessage, encodeAck, encodeDenied, encodeHello, encodeReceipt, encodeSubmit, encodeWelcome, type Message, type ReceivedRun, type SubmittedRun,
} from './submission.ts';

const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex');
type Written = (typeof vectors.vectors)[number]['message'];
type Run = NonNullable<Written['runs']>[number];

function factsOf({ fullLength, fullHash, ...run }: Omit<Run, 'records'>): Omit<SubmittedRun, 'lengths' | 'data'> {
  const facts = { ...run, kind: run.kind as RunKind, receivedAt: BigInt(run.receivedAt), bound: BigInt(run.bound), sourceKey: bytes(run.sourceKey), stream: bytes(run.stream) };
  return fullLength === undefined ? facts : { ...facts, cut: { fullLength: BigInt(fullLength), fullHash: bytes(fullHash!) } };
}

function submitted({ records, ...run }: Run, parts: boolean): SubmittedRun {
  const raws = records.map(bytes);
  return { ...factsOf(run), lengths: Uint32Array.from(raws.map((raw) => raw.length)), data: parts ? raws : Buffer.concat(raws) };
}

function received({ records, ...run }: Run): ReceivedRun {
  const raws = records.map(bytes);
  const lengths = Buffer.alloc(raws.length * 4);
  raws.forEach((raw, i) => lengths.writeUInt32BE(raw.length, i * 4));
  return { ...factsOf(run), count: raws.length, lengths, data: Buffer.concat(raws) };
}

function messageOf(written: Written): Message {
  const { instance, token, stream, runs, places } = written;
  return {
    ...written, ...(instance === undefined ? {} : { instance: bytes(instance) }), ...(token === undefined ? {} : { token: bytes(token) }),
    ...(stream === undefined ? {} : { stream: bytes(stream) }), ...(runs === undefined ? {} : { runs: runs.map(received) }),
    ...(written.type === 'submit' ? { receipts: written.receipts ?? false } : {}),
    ...(places === undefined ? {} : { places: places.map((place) => ({ ...place, stream: bytes(place.stream) })) }),
  } as Message;
}

function encode(written: Written, parts: boolean): Buffer {
  const message = messageOf(written);
  switch (message.type) {
    case 'hello': return encodeHello(message.instance);
    case 'welcome': return encodeWelcome(message.last, message.token, message.creditBytes);
    case 'submit': return encodeSubmit(message.number, message.token, written.runs!.map((run) => submitted(run, parts)), message.awaited, message.receipts);
    case 'ack': return encodeAck(message.number);
    case 'denied': return encodeDenied(message.number, message.stream, message.code);
    case 'receipt': return encodeReceipt(message.number, message.size, message.checkpoint, message.places);
  }
}

for (const { name, message, hex } of vectors.vectors) {
  test(`a message is written and read: ${name}`, () => {
    assert.equal(encode(message, false).toString('hex'), hex);
    assert.equal(encode(message, true).toString('hex'), hex);
    assert.deepEqual(decodeMessage(bytes(hex)[4]!, bytes(hex).subarray(5)), messageOf(message));
  });
}

for (const { name, code, type, hex } of vectors.refused) {
  test(`a message is refused: ${name}`, () => {
    assert.throws(() => decodeMessage(type, bytes(hex)), { name: 'Refused', code });
  });
}

test('messages are cut out of a stream of bytes, however it arrives', () => {
  const stream = bytes(vectors.vectors.map((vector) => vector.hex).join(''));
  for (const step of [1, 2, 3, 4, 5, 6, 7, 64, 1000, stream.length]) {
    const splitter = new MessageSplitter();
    const found: string[] = [];
    for (let at = 0; at < stream.length; at += step) splitter.push(stream.subarray(at, at + step), (type, body) => found.push(`${type}:${body.toString('hex')}`));
    assert.deepEqual(found, vectors.vectors.map(({ hex }) => `${bytes(hex)[4]}:${hex.slice(10)}`), `in steps of ${step}`);
  }
});

test('a message that is too long, or of no length, is refused before it is held', () => {
  const head = Buffer.alloc(5);
  for (const length of [0, MESSAGE_BYTES_MAX + 1, 0xffff_ffff]) {
    head.writeUInt32BE(length);
    assert.throws(() => new MessageSplitter().push(head, () => assert.fail('no message is there')), { name: 'Refused', code: 'submission.limits' });
  }
});
