// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Failed } from '@strongroom/bytes';
import { layout, type Fields } from '@strongroom/service';
import { configOf } from '@strongroom/service/config';
import { StoreBuilder, makeResponse, stampingIdentity, type TokenWishes } from '@strongroom/testing';
import { SYSTEM_DISK, type Disk } from '../disk.ts';
import { SYSTEM_WORLD } from '../world.ts';
import { Timestamping } from './timestamping.ts';

const INTERVAL_S = 100;
const directory = mkdtempSync(join(tmpdir(), 'strongroom-timestamping-'));
after(() => rmSync(directory, { recursive: true }));
const root = stampingIdentity({ commonName: 'Root', authority: true });
const signer = stampingIdentity({ commonName: 'Stamper', issuer: root });
const BEGIN_MS = Date.parse('2026-03-01T12:00:00Z');
let homes = 0;

/** A vault's side over a log that grows by hand, at a time that is told. */
class Bench {
  readonly paths = layout(join(directory, `home-${homes += 1}`));
  readonly builder = new StoreBuilder();
  readonly publisher = { checkpoint: '', publishedSize: 0 };
  readonly told: [string, Fields][] = [];
  disk: Disk = SYSTEM_DISK;
  nowMs = BEGIN_MS;

  async open(url: string | undefined = 'http://tsa.example/'): Promise<Timestamping> {
    await SYSTEM_DISK.mkdir(this.paths.state, { recursive: true, mode: 0o700 });
    writeFileSync(this.paths.timestampRoots, root.certificatePem);
    const config = configOf();
    const witness = { ...config.witness, timestamps: { ...config.witness.timestamps, intervalSeconds: INTERVAL_S, ...(url === undefined ? {} : { url }) } };
    const sealing = { publisher: this.publisher, vault: { keys: this.builder.key }, record: (event: string, fields: Fields) => { this.told.push([event, fields]); } };
    const world = { ...SYSTEM_WORLD, disk: this.disk, clock: { ...SYSTEM_WORLD.clock, nowNs: () => BigInt(this.nowMs) * 1_000_000n } };
    const context = { paths: this.paths, config: { ...config, witness }, event: () => undefined };
    return Timestamping.open(world, context, sealing as unknown as Parameters<typeof Timestamping.open>[2])!;
  }

  /** One more entry is published. */
  grow(): void {
    const { checkpoint, size } = this.builder.heartbeat().build();
    Object.assign(this.publisher, { checkpoint, publishedSize: size });
  }

  answer(note: string, wishes: Partial<TokenWishes> = {}): Buffer {
    const time = `${new Date(this.nowMs).toISOString().replace(/[-:T]|\.\d+Z/g, '')}Z`;
    return makeResponse({ signer, stamped: Buffer.from(note), time, ...wishes });
  }

  get files(): string[] {
    return readdirSync(this.paths.timestamps).toSorted();
  }
}

test('without an authority there is nothing to do', async () => {
  const bench = new Bench();
  const config = configOf();
  const none = Timestamping.open(SYSTEM_WORLD, { paths: bench.paths, config, event: () => undefined }, { publisher: bench.publisher, vault: { keys: bench.builder.key } } as unknown as Parameters<typeof Timestamping.open>[2]);
  assert.equal(none, null);
});

test('hands out the published checkpoint, keeps it and the answer to the octet, and seals that', async () => {
  const bench = new Bench();
  const side = await bench.open();
  assert.equal(side.next().offer, null, 'nothing is published');
  bench.grow();
  const { offer } = side.next();
  assert.deepEqual(offer, { note: bench.publisher.checkpoint, size: 1 });
  const answer = bench.answer(offer!.note);
  await side.keep(1, answer);
  assert.deepEqual(bench.files, ['1.checkpoint', '1.tsr']);
  assert.equal(readFileSync(join(bench.paths.timestamps, '1.checkpoint'), 'utf8'), offer!.note);
  assert.ok(readFileSync(join(bench.paths.timestamps, '1.tsr')).equals(answer));
  assert.deepEqual(side.facts, { kept: 1, size: 1, at: '2026-03-01T12:00:00.000Z', by: 'CN=Stamper', since: null });
  assert.deepEqual(bench.told.map(([event, fields]) => [event, fields['size'], fields['authority'], fields['at']]), [['vault.timestamped', 1, 'CN=Stamper', '2026-03-01T12:00:00.000Z']]);
});

test('the next one is due after the interval by our own clock, whatever the authority says, also after a restart', async () => {
  const bench = new Bench();
  const side = await bench.open();
  bench.grow();
  await side.keep(1, bench.answer(side.next().offer!.note, { time: '20260101000000Z' }));
  bench.grow();
  assert.deepEqual(due(side), { offer: null, dueInMs: INTERVAL_S * 1000 });
  bench.nowMs += INTERVAL_S * 1000 - 1;
  assert.equal(side.next().offer, null);
  bench.nowMs += 1;
  await side.keep(2, bench.answer(side.next().offer!.note));
  bench.nowMs += 40_000;
  bench.grow();
  const again = await bench.open();
  assert.deepEqual([again.facts.kept, again.facts.size, due(again)], [2, 2, { offer: null, dueInMs: 60_000 }]);
  bench.nowMs -= 1_000_000;
  assert.deepEqual(due(again), { offer: null, dueInMs: INTERVAL_S * 1000 }, 'a clock that was set back delays by one interval at most');
});

test('what the operator wishes for is due before its time, once, and as soon as there is more than is stamped', async () => {
  const bench = new Bench();
  const side = await bench.open();
  bench.grow();
  const first = await side.keep(1, bench.answer(side.next().offer!.note));
  assert.deepEqual(side.wish(), { after: 1 });
  assert.deepEqual(side.next(), { offer: null, dueInMs: 1000, last: first }, 'nothing is published that is not stamped');
  bench.grow();
  const { note } = side.next().offer!;
  await assert.rejects(side.keep(2, bench.answer('another note')), { code: 'timestamp.imprint' });
  const kept = await side.keep(2, bench.answer(note));
  assert.deepEqual([kept.size, kept.at, kept.authority], [2, '2026-03-01T12:00:00.000Z', 'CN=Stamper']);
  bench.grow();
  assert.deepEqual(side.next(), { offer: null, dueInMs: INTERVAL_S * 1000, last: kept });
});

function due(side: Timestamping): unknown {
  const { offer, dueInMs } = side.next();
  return { offer, dueInMs };
}

test('a log that has not grown is not stamped twice', async () => {
  const bench = new Bench();
  const side = await bench.open();
  bench.grow();
  await side.keep(1, bench.answer(side.next().offer!.note));
  bench.nowMs += 10 * INTERVAL_S * 1000;
  assert.equal(side.next().offer, null);
});

test('keeps nothing that was not asked for, or does not hold', async () => {
  const bench = new Bench();
  const side = await bench.open();
  await assert.rejects(side.keep(1, Buffer.alloc(0)), { name: 'Refused', code: 'timestamp.not-asked' });
  bench.grow();
  const { note } = side.next().offer!;
  await assert.rejects(side.keep(2, bench.answer(note)), { name: 'Refused', code: 'timestamp.not-asked' });
  await assert.rejects(side.keep(1, bench.answer('another note')), { name: 'Refused', code: 'timestamp.imprint' });
  await assert.rejects(side.keep(1, bench.answer(note, { signer: stampingIdentity({ commonName: 'S' }) })), { name: 'Refused', code: 'timestamp.untrusted' });
  await side.keep(1, bench.answer(note));
  await assert.rejects(side.keep(1, bench.answer(note)), { name: 'Refused', code: 'timestamp.not-asked' });
});

test('what a crash between the two files leaves waits for an answer, and the next one is asked for', async () => {
  const bench = new Bench();
  bench.disk = { ...SYSTEM_DISK, rename: async (from, to) => { if (to.endsWith('.tsr')) throw new Failed('test.crash', 'here'); await SYSTEM_DISK.rename(from, to); } };
  const side = await bench.open();
  bench.grow();
  await assert.rejects(side.keep(1, bench.answer(side.next().offer!.note)), { code: 'test.crash' });
  assert.deepEqual(bench.files.filter((name) => !name.endsWith('.new')), ['1.checkpoint']);
  bench.disk = SYSTEM_DISK;
  const again = await bench.open();
  assert.deepEqual([again.facts.kept, again.facts.size], [0, 0]);
  await again.keep(1, bench.answer(again.next().offer!.note));
  assert.ok(bench.files.includes('1.tsr'));
});

test('seals once that none could be had for two intervals, and once that it is over', async () => {
  const bench = new Bench();
  const side = await bench.open();
  bench.grow();
  const events = (): string[] => bench.told.map(([event]) => event);
  const look = async (): Promise<void> => side.watch(AbortSignal.any([AbortSignal.timeout(1)]));
  bench.nowMs += 2 * INTERVAL_S * 1000;
  await look();
  assert.deepEqual(events(), []);
  bench.nowMs += 1;
  await look();
  await look();
  assert.deepEqual([events(), side.facts.since], [['vault.untimestamped'], '2026-03-01T12:00:00.000Z']);
  await side.keep(1, bench.answer(side.next().offer!.note));
  await look();
  assert.deepEqual([events(), side.facts.since], [['vault.untimestamped', 'vault.timestamped', 'vault.timestamped-again'], null]);
});

test('a newest timestamp that the configured roots do not bear out counts as none', async () => {
  const bench = new Bench();
  const side = await bench.open();
  bench.grow();
  await side.keep(1, bench.answer(side.next().offer!.note));
  writeFileSync(join(bench.paths.timestamps, '1.tsr'), 'what');
  const again = await bench.open();
  assert.deepEqual([again.facts.size, again.facts.kept, again.next().offer], [0, 1, null], 'and it is not replaced');
  bench.grow();
  assert.equal(again.next().offer?.size, 2);
});

test('a store that was put back goes on, and what was stamped beyond it is neither counted on nor replaced', async () => {
  const bench = new Bench();
  const side = await bench.open();
  for (let i = 0; i < 3; i += 1) bench.grow();
  await side.keep(3, bench.answer(side.next().offer!.note));
  const beyond = readFileSync(join(bench.paths.timestamps, '3.tsr'));
  const back = new StoreBuilder();
  const grow = (): void => {
    const { checkpoint, size } = back.heartbeat().build();
    Object.assign(bench.publisher, { checkpoint, publishedSize: size });
  };
  Object.assign(bench, { builder: back });
  grow();
  const again = await bench.open();
  assert.deepEqual([again.facts.size, again.facts.kept], [0, 1]);
  await again.keep(1, bench.answer(again.next().offer!.note));
  bench.nowMs += INTERVAL_S * 1000;
  grow();
  grow();
  assert.equal(again.next().offer, null);
  grow();
  assert.equal(again.next().offer?.size, 4);
  assert.ok(readFileSync(join(bench.paths.timestamps, '3.tsr')).equals(beyond));
});
