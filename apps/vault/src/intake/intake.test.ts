// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { connect, type TLSSocket } from 'node:tls';
import { BOUND_UNKNOWN, KIND, MessageSplitter, NO_KEY, decodeMessage, encodeHello, encodeSubmit, type Message, type ProducerState, type SubmittedRun } from '@strongroom/evidence';
import { SubmitClient, layout, tlsClientOptions, type Fields, type Identity } from '@strongroom/service';
import { TestAuthority } from '@strongroom/testing';
import type { Permit } from './admission.ts';
import { SYSTEM_CLOCK } from '../clock.ts';
import { Intake } from './intake.ts';
import { batchesOf } from '../commit/seal.ts';
import { Lives, type LivesOptions } from './lives.ts';
import { OwnRecords } from './own-records.ts';
import { Producers } from './producers.ts';
import { Waiting } from './waiting.ts';
import { SYSTEM_WORLD } from '../world.ts';

const home = mkdtempSync(join(tmpdir(), 'strongroom-intake-'));
const paths = layout(home);
const VAULT = 'spiffe://d/service/vault';
const CHECKPOINT = 'd/log\n42\nAAAA\n\n— d/log BBBB\n';
const identities: Record<string, Identity> = {};
const lines: Line[] = [];
const intakes: Intake[] = [];

before(async () => {
  mkdirSync(paths.runOf('vault'), { recursive: true });
  const authority = await TestAuthority.make();
  for (const name of ['vault', 'gateway', 'capture']) {
    const id = `spiffe://d/service/${name}`;
    identities[name] = { id, ...await authority.issue({ uris: [id] }), caPem: authority.certificatePem, notAfter: new Date() };
  }
});
after(async () => {
  for (const line of lines) line.socket.destroy();
  for (const intake of intakes) await intake.close();
  rmSync(home, { recursive: true });
});

/** An intake whose cycles happen when the test says so. */
class Bench {
  readonly producers = new Producers();
  readonly waiting = new Waiting(SYSTEM_CLOCK);
  readonly events: { event: string; fields: Fields }[] = [];
  permit: Permit = () => null;
  lives: Lives | undefined;

  async open({ goneMs, bounds }: Pick<LivesOptions, 'goneMs' | 'bounds'> = {}): Promise<void> {
    const context = {
      paths, deployment: 'd', separation: { kind: 'nominal' as const, reason: null, groups: null }, identity: identities['vault']!,
    };
    const lives = new Lives({
      clock: SYSTEM_CLOCK, producers: this.producers, waiting: this.waiting, loop: { wake: () => undefined }, own: new OwnRecords(SYSTEM_WORLD, VAULT, randomBytes(16)),
      permit: (service, run) => this.permit(service, run), event: (event, _level, fields = {}) => { this.events.push({ event, fields }); }, goneMs, ...(bounds === undefined ? {} : { bounds }),
    });
    this.lives = lives;
    for (const intake of intakes.splice(0)) await intake.close();
    const intake = new Intake(context, lives);
    intakes.push(intake);
    await intake.listen(['gateway', 'capture']);
  }

  commit(): void {
    const taken = this.waiting.take(Infinity);
    this.lives!.sealed([...batchesOf(taken.queued.flatMap(({ runs }) => runs))].map((runs) => ({ runs })), 41, CHECKPOINT);
    this.producers.apply(taken.queued.map(({ state }) => state).filter((state): state is ProducerState => state !== null));
    this.waiting.committed(taken);
  }

  /** Submissions, not our own records, that wait. */
  get submissions(): number {
    const taken = this.waiting.take(Infinity);
    this.waiting.putBack(taken);
    return taken.queued.filter(({ state }) => state !== null && state.last > 0).length;
  }
}

class Line {
  readonly socket: TLSSocket;
  readonly heard: Message[] = [];
  #wake: () => void = () => undefined;

  constructor(service: string) {
    this.socket = connect({ ...tlsClientOptions(identities[service]!, VAULT), path: paths.submitSocket(service as 'gateway') });
    lines.push(this);
    const splitter = new MessageSplitter();
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => this.#wake());
    this.socket.on('data', (chunk: Buffer) => splitter.push(chunk, (type, body) => {
      this.heard.push(decodeMessage(type, Buffer.from(body)));
      this.#wake();
    }));
  }

  /** Resolves with the next message of that type, or when the line is closed. */
  async hear(type: Message['type']): Promise<Message | undefined> {
    for (;;) {
      const found = this.heard.find((message) => message.type === type);
      if (found !== undefined || this.socket.destroyed) return found;
      await new Promise<void>((resolve) => { this.#wake = resolve; });
    }
  }
}

async function hello(service: string, instance: Buffer): Promise<Line> {
  const line = new Line(service);
  line.socket.write(encodeHello(instance));
  await line.hear('welcome');
  return line;
}

function run(stream: Buffer, firstSequence: number, bytes = 3): SubmittedRun {
  return {
    kind: KIND.data, flags: 0, receivedAt: 1n, bound: BOUND_UNKNOWN, source: 'spiffe://d/source/a', sourceKey: NO_KEY, protocol: 'syslog-tls', peer: '', stream,
    firstSequence, lengths: Uint32Array.of(bytes), data: Buffer.alloc(bytes, 'x'),
  };
}

function twoStreams(number: number): Buffer {
  return encodeSubmit(number, Buffer.alloc(0), [run(randomBytes(16), 0), run(randomBytes(16), 0)]);
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await wait(2);
}

it('says again what was denied when the line is lost before it was heard', async () => {
  const bench = new Bench();
  await bench.open();
  const [instance, stream] = [randomBytes(16), randomBytes(16)];
  bench.permit = () => 'source.revoked';
  const first = await hello('gateway', instance);
  first.socket.write(encodeSubmit(1, Buffer.alloc(0), [run(stream, 0), run(stream, 1)]));
  await until(() => bench.submissions === 1);
  first.socket.destroy();
  bench.commit();
  const second = await hello('gateway', instance);
  assert.deepEqual(second.heard.map(({ type }) => type), ['denied', 'welcome']);
  const [denied, welcome] = second.heard;
  assert.deepEqual([denied?.type === 'denied' && denied.code, welcome?.type === 'welcome' && welcome.last], ['source.revoked', 1]);
});

it('takes a submission once, however long its line is lost while it waits', async () => {
  const bench = new Bench();
  await bench.open({ goneMs: 1 });
  const [instance, stream] = [randomBytes(16), randomBytes(16)];
  const message = encodeSubmit(1, Buffer.alloc(0), [run(stream, 0)]);
  const first = await hello('gateway', instance);
  first.socket.write(message);
  await until(() => bench.submissions === 1);
  first.socket.destroy();
  await wait(100);
  const second = await hello('gateway', instance);
  second.socket.write(message);
  bench.commit();
  await second.hear('ack');
  assert.equal(bench.submissions, 0, 'the repeat does not wait');
  second.socket.destroy();
  await until(() => bench.events.some(({ event }) => event === 'vault.stream-gap'));
});

it('closes a line that submits far more than it was allowed, before it was welcomed, or as another service', async () => {
  const bench = new Bench();
  await bench.open();
  const instance = randomBytes(16);
  const line = await hello('gateway', instance);
  for (let number = 1; number <= 5; number += 1) line.socket.write(encodeSubmit(number, Buffer.alloc(0), [run(randomBytes(16), 0, 6 * 1024 * 1024)]));
  await line.hear('ack');
  const early = new Line('gateway');
  early.socket.write(encodeSubmit(1, Buffer.alloc(0), [run(randomBytes(16), 0)]));
  await early.hear('ack');
  const other = new Line('capture');
  other.socket.write(encodeHello(instance));
  await other.hear('ack');
  assert.deepEqual(bench.events.map(({ fields }) => fields['code']), ['submission.credit', 'submission.hello', 'submission.instance']);
  assert.equal(bench.submissions, 3);
});

it('tells who asked where its runs lie, before it acknowledges them, and nobody else', async () => {
  const bench = new Bench();
  await bench.open();
  const [stream, other] = [randomBytes(16), randomBytes(16)];
  const line = await hello('gateway', randomBytes(16));
  line.socket.write(encodeSubmit(1, Buffer.alloc(0), [run(other, 0)]));
  line.socket.write(encodeSubmit(2, Buffer.alloc(0), [run(stream, 0), run(other, 1), run(stream, 1)], true, true));
  line.socket.write(encodeSubmit(3, Buffer.alloc(0), [run(stream, 2)]));
  await until(() => bench.submissions === 3);
  bench.commit();
  await until(() => line.heard.some((message) => message.type === 'ack' && message.number === 3));
  const [receipt, ...rest] = line.heard.slice(1);
  assert.deepEqual(receipt, {
    type: 'receipt', number: 2, size: 42, checkpoint: CHECKPOINT, places: [
      { stream, firstSequence: 0, count: 1, entry: 41, record: 1 }, { stream: other, firstSequence: 1, count: 1, entry: 41, record: 2 }, { stream, firstSequence: 1, count: 1, entry: 41, record: 3 },
    ],
  });
  assert.deepEqual([...new Set(rest.map(({ type }) => type))], ['ack']);
});

it('acknowledges nothing on a line before its welcome, which comes after what was denied', async () => {
  const bench = new Bench();
  await bench.open();
  const [instance, stream] = [randomBytes(16), randomBytes(16)];
  bench.permit = (_service, { stream: of }) => (of.equals(stream) ? 'source.revoked' : null);
  const first = await hello('gateway', instance);
  first.socket.write(encodeSubmit(1, Buffer.alloc(0), [run(stream, 0)]));
  await until(() => bench.submissions === 1);
  first.socket.destroy();
  // So much waits that whoever comes back is not welcomed before it is committed.
  for (let i = 0; i < 5; i += 1) {
    const other = await hello('gateway', randomBytes(16));
    for (let number = 1; number <= 2; number += 1) other.socket.write(encodeSubmit(number, Buffer.alloc(0), [run(randomBytes(16), 0, 7 * 1024 * 1024)]));
  }
  await until(() => bench.submissions === 11);
  const came = bench.waiting.came;
  const second = new Line('gateway');
  second.socket.write(encodeHello(instance));
  await until(() => bench.waiting.came > came);
  bench.commit();
  await second.hear('welcome');
  assert.deepEqual(second.heard.map(({ type }) => type), ['denied', 'welcome']);
});

it('forgets nothing that was denied: at the bound it hangs up, and goes on with who has heard all of it', async () => {
  const bench = new Bench();
  await bench.open({ bounds: { denials: 3 } });
  const instance = randomBytes(16);
  bench.permit = () => 'source.revoked';
  const first = await hello('gateway', instance);
  for (const number of [1, 2, 3, 4]) first.socket.write(twoStreams(number));
  await until(() => first.socket.destroyed);
  bench.commit();
  assert.deepEqual([bench.submissions, bench.producers.find(instance)!.last, bench.producers.find(instance)!.denials.length], [0, 2, 4]);
  const second = await hello('gateway', instance);
  assert.equal(second.heard.filter(({ type }) => type === 'denied').length, 4);
  second.socket.write(twoStreams(3));
  await until(() => bench.submissions === 1);
  bench.commit();
  const { last, heard, denials } = bench.producers.find(instance)!;
  assert.deepEqual([last, heard, denials.map(({ number }) => number)], [3, 2, [3, 3]]);
});

it('tells a service each of its denials, however many times it hangs up at the bound', async () => {
  const bench = new Bench();
  await bench.open({ bounds: { denials: 3 } });
  bench.permit = () => 'source.revoked';
  let lines = 0;
  const client = new SubmitClient({
    path: paths.submitSocket('gateway'), identity: () => identities['gateway']!, vault: VAULT, instance: randomBytes(16),
    onLine: (up) => { if (up) lines += 1; }, onFatal: (error) => assert.fail(error),
  });
  const sent = Array.from({ length: 12 }, () => client.submit([run(randomBytes(16), 0)]));
  const cycles = setInterval(() => bench.commit(), 2);
  const denied = await Promise.all(sent);
  clearInterval(cycles);
  client.close();
  assert.deepEqual(denied.map((one) => one.map(({ number, code }) => [number, code])), denied.map((_, i) => [[i + 1, 'source.revoked']]));
  assert.ok(lines >= 4, `${lines} lines`);
});

it('takes nothing for heard that was said on a line on which its service said no more', async () => {
  const bench = new Bench();
  await bench.open({ bounds: { denials: 1 } });
  const [instance, stream] = [randomBytes(16), randomBytes(16)];
  bench.permit = () => 'source.revoked';
  const first = await hello('gateway', instance);
  first.socket.write(encodeSubmit(1, Buffer.alloc(0), [run(stream, 0)]));
  await until(() => bench.submissions === 1);
  bench.commit();
  await first.hear('ack');
  for (const line of [await hello('gateway', instance), await hello('gateway', instance)]) {
    assert.deepEqual(line.heard.map(({ type }) => type), ['denied', 'welcome']);
  }
});

it('denies further streams of a service that has too many open, and lets those go on that are', async () => {
  const bench = new Bench();
  await bench.open({ bounds: { streams: 2 } });
  const [one, two, three] = [randomBytes(16), randomBytes(16), randomBytes(16)];
  const [line, other] = [await hello('gateway', randomBytes(16)), await hello('gateway', randomBytes(16))];
  line.socket.write(encodeSubmit(1, Buffer.alloc(0), [run(one, 0)]));
  await until(() => bench.submissions === 1);
  other.socket.write(encodeSubmit(1, Buffer.alloc(0), [run(two, 0)]));
  await until(() => bench.submissions === 2);
  line.socket.write(encodeSubmit(2, Buffer.alloc(0), [run(three, 0), run(one, 1), { ...run(one, 2), kind: KIND.end }, run(three, 1)]));
  await until(() => bench.submissions === 3);
  line.socket.write(encodeSubmit(3, Buffer.alloc(0), [run(randomBytes(16), 0)]));
  await until(() => bench.submissions === 4);
  bench.commit();
  await until(() => line.heard.some((message) => message.type === 'ack' && message.number === 3));
  assert.deepEqual(line.heard.flatMap((message) => (message.type === 'denied' ? [[message.number, message.stream.equals(three), message.code]] : [])), [[2, true, 'stream.too-many']]);
});

it('lets in no more lives of a service than its bound, until one has ended', async () => {
  const bench = new Bench();
  await bench.open({ goneMs: 50, bounds: { lives: 1 } });
  const [one, two] = [randomBytes(16), randomBytes(16)];
  const first = await hello('gateway', one);
  const refused = await hello('gateway', two);
  assert.deepEqual([refused.heard, bench.events.map(({ fields }) => fields['code'])], [[], ['submission.lives']]);
  first.socket.destroy();
  await until(() => !bench.lives!.isAlive(one));
  assert.deepEqual((await hello('gateway', two)).heard.map(({ type }) => type), ['welcome']);
});
