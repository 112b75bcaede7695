// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { BOUND_UNKNOWN, decodeMessage, encodeAck, encodeDenied, encodeWelcome, KIND, MessageSplitter, NO_KEY, type ReceivedRun, type SubmittedRun } from '@strongroom/evidence';
import { TestAuthority } from '@strongroom/testing';
import { tlsServerOptions, type Identity } from '../identity/identity.ts';
import { EventSource } from './event-source.ts';
import { SubmitClient, type SubmitOptions } from './submit.ts';

const CREDIT_BYTES = 10_000;
const STREAM = Buffer.alloc(16, 7);

/** The other end: what it committed survives its connections, as the vault's does. */
class Peer {
  readonly numbers: number[] = [];
  readonly runs: ReceivedRun[] = [];
  readonly sockets = new Set<TLSSocket>();
  committed = 0;
  /** What to do with a submission: `cut` after `commit` is an acknowledgement that never arrived. */
  behave: (number: number) => 'ack' | 'hold' | 'cut-before' | 'cut-after' | 'deny' = () => 'ack';

  serve(socket: TLSSocket): void {
    const splitter = new MessageSplitter();
    this.sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => splitter.push(chunk, (type, body) => { if (!socket.destroyed) this.#take(socket, type, body); }));
  }

  #take(socket: TLSSocket, type: number, body: Buffer): void {
    const message = decodeMessage(type, body);
    if (message.type === 'hello') socket.write(encodeWelcome(this.committed, Buffer.from('token'), CREDIT_BYTES));
    if (message.type !== 'submit') return;
    const behaviour = this.behave(message.number);
    if (behaviour === 'cut-before') return void socket.destroy();
    if (message.number > this.committed) {
      assert.equal(message.number, this.committed + 1, 'numbers rise by one');
      this.committed = message.number;
      this.runs.push(...message.runs);
    }
    this.numbers.push(message.number);
    if (behaviour === 'cut-after') return void socket.destroy();
    if (behaviour === 'deny') socket.write(encodeDenied(message.number, STREAM, 'test.denied'));
    if (behaviour !== 'hold') socket.write(encodeAck(message.number));
  }
}

let directory: string;
let server: Server;
let peer: Peer;
let identities: Record<string, Identity>;
const clients: SubmitClient[] = [];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'strongroom-submit-'));
  const authority = await TestAuthority.make();
  identities = {};
  for (const name of ['vault', 'gateway']) {
    const id = `spiffe://d/service/${name}`;
    identities[name] = { id, ...await authority.issue({ uris: [id] }), caPem: authority.certificatePem, notAfter: new Date() };
  }
  peer = new Peer();
  await listen();
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await close();
  rmSync(directory, { recursive: true });
});

async function listen(): Promise<void> {
  server = createServer(tlsServerOptions(identities['vault']!), (socket) => peer.serve(socket));
  await new Promise<void>((resolve) => { server.listen(join(directory, 'v.sock'), resolve); });
}

function close(): Promise<unknown> {
  for (const socket of peer.sockets) socket.destroy();
  return new Promise((resolve) => { server.close(resolve); });
}

function client(more: Partial<SubmitOptions> = {}): SubmitClient {
  const made = new SubmitClient({
    path: join(directory, 'v.sock'), identity: () => identities['gateway']!, vault: 'spiffe://d/service/vault', instance: Buffer.alloc(16, 1),
    onFatal: (error) => { throw error; }, ...more,
  });
  clients.push(made);
  return made;
}

function run(text: string): SubmittedRun {
  const data = Buffer.from(text);
  return {
    kind: KIND.data, flags: 0, receivedAt: 1n, bound: BOUND_UNKNOWN, source: 'spiffe://d/source/a', sourceKey: NO_KEY, protocol: 'test', peer: '',
    stream: STREAM, firstSequence: 0, lengths: Uint32Array.of(data.length), data,
  };
}

const texts = (): string[] => peer.runs.map(({ data }) => data.toString());

test('a submission resolves when it is acknowledged, and the token is there', async () => {
  const line = client();
  assert.equal((await line.token).toString(), 'token');
  assert.deepEqual(await line.submit([run('a'), run('b')]), []);
  assert.deepEqual(texts(), ['a', 'b']);
  assert.equal(line.unackedBytes, 0);
});

test('every submission arrives once and in order over connections that break', async () => {
  const cuts = new Set([3, 10, 11, 40]);
  peer.behave = (number) => {
    if (!cuts.delete(number)) return 'ack';
    return number % 2 === 0 ? 'cut-before' : 'cut-after';
  };
  const line = client();
  await Promise.all(Array.from({ length: 50 }, (_, i) => line.submit([run(`record ${i}`)])));
  assert.deepEqual(texts(), Array.from({ length: 50 }, (_, i) => `record ${i}`));
  assert.equal(peer.sockets.size, 5);
});

test('what was submitted before the vault is there waits for it', async () => {
  await close();
  const line = client();
  const sealed = line.submit([run('early')]);
  await new Promise((resolve) => { setTimeout(resolve, 60); });
  await listen();
  await sealed;
  assert.deepEqual(texts(), ['early']);
});

test('credit is heeded on the wire, told to the caller, and given back', async () => {
  const told: string[] = [];
  peer.behave = () => 'hold';
  const line = client({ onFull: () => told.push('full'), onReady: () => told.push('ready') });
  await line.token;
  const sealed = Array.from({ length: 8 }, () => line.submit([run('x'.repeat(3000))]));
  assert.deepEqual(told, ['full']);
  assert.ok(line.full);
  const ready = line.whenReady();
  while (peer.numbers.length < 3) await new Promise((resolve) => { setTimeout(resolve, 5); });
  assert.deepEqual(peer.numbers, [1, 2, 3], 'a fourth would pass the credit');
  peer.behave = () => 'ack';
  for (const socket of peer.sockets) socket.write(encodeAck(3));
  await Promise.all(sealed);
  await ready;
  assert.deepEqual(told, ['full', 'ready']);
});

test('a submission larger than the credit still goes', async () => {
  await client().submit([run('x'.repeat(CREDIT_BYTES * 3))]);
  assert.equal(peer.runs[0]?.data.length, CREDIT_BYTES * 3);
});

test('denied streams are told, and the rest is sealed', async () => {
  const told: string[] = [];
  peer.behave = () => 'deny';
  const denied = await client({ onDenied: ({ code }) => told.push(code) }).submit([run('a')]);
  assert.deepEqual(denied.map(({ number, code, stream }) => ({ number, code, stream: stream.equals(STREAM) })), [{ number: 1, code: 'test.denied', stream: true }]);
  assert.deepEqual(told, ['test.denied']);
});

test('a vault that forgot what it acknowledged is not submitted to', async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  const line = client({ onFatal: ({ code }) => resolve(code) });
  await line.submit([run('a')]);
  peer.committed = 0;
  for (const socket of peer.sockets) socket.destroy();
  assert.equal(await promise, 'submit.vault-forgot');
});

test('closing rejects what is not acknowledged', async () => {
  peer.behave = () => 'hold';
  const line = client();
  await line.token;
  const sealed = assert.rejects(line.submit([run('a')]), { code: 'submit.closed' });
  const drained = assert.rejects(line.drain(), { code: 'submit.closed' });
  line.close();
  await Promise.all([sealed, drained, assert.rejects(line.submit([run('b')]), { code: 'submit.closed' })]);
});

test('drain waits for all that was submitted', async () => {
  const line = client();
  const sealed: number[] = [];
  for (let i = 0; i < 5; i += 1) void line.submit([run('a')]).then(() => sealed.push(i));
  await line.drain();
  assert.deepEqual(sealed, [0, 1, 2, 3, 4]);
  await line.drain();
});

test("a service's events are one stream that ends with its count", async () => {
  const line = client();
  const source = new EventSource(line, { service: 'gateway', id: 'spiffe://d/service/gateway', keyHash: '00'.repeat(32) });
  source.seal('test.one', 'info', { a: 1 });
  source.seal('test.two', 'error');
  await source.close('done');
  const [events, end] = peer.runs;
  assert.deepEqual([events?.kind, events?.count, events?.protocol, end?.kind, end?.firstSequence], [KIND.event, 2, 'event', KIND.end, 2]);
  assert.deepEqual(JSON.parse(end!.data.toString()), { records: 2, bytes: events!.data.length, reason: 'done' });
  assert.equal((JSON.parse(events!.data.subarray(0, events!.lengths.readUInt32BE(0)).toString()) as { event: string }).event, 'test.one');
});

test('events beyond what may wait are counted, and the count is sealed', async () => {
  peer.behave = () => 'hold';
  const line = client();
  const source = new EventSource(line, { service: 'gateway', id: 'spiffe://d/service/gateway', keyHash: '00'.repeat(32) });
  for (let i = 0; i < 5000; i += 1) source.seal('test.many', 'info');
  await line.token;
  peer.behave = () => 'ack';
  for (const socket of peer.sockets) socket.destroy();
  await line.drain();
  await source.close('done');
  const last = peer.runs.findLast(({ kind }) => kind === KIND.event)!;
  const { event, fields } = JSON.parse(last.data.subarray(-last.lengths.readUInt32BE(4 * (last.count - 1))).toString()) as { event: string; fields: { count: number } };
  assert.deepEqual([event, fields.count], ['service.events-lost', 5000 - 4096]);
});
