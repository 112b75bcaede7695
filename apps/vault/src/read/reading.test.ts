// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { checkpointText, encodeContext, KIND, NO_KEY, signedNote, timestampTrust, verifyProof, type Item, type Proof } from '@strongroom/evidence';
import { SoftwareKeys, makeResponse, stampingIdentity } from '@strongroom/testing';
import { CommitLog } from '../commit/commit-log.ts';
import { LogDirectory } from '../commit/log-directory.ts';
import { IN_DEFAULT, type Admitted } from '../intake/admission.ts';
import { OwnRecords } from '../intake/own-records.ts';
import { Publisher } from '../commit/publisher.ts';
import { Aftermath } from './aftermath.ts';
import { Reading } from './reading.ts';
import { recover } from '../commit/recover.ts';
import { RotationFiles } from '../commit/rotation-files.ts';
import { Vault, type VaultEvents } from '../commit/vault.ts';
import { Waiting } from '../intake/waiting.ts';
import { SYSTEM_CLOCK } from '../clock.ts';
import { SYSTEM_DISK } from '../disk.ts';
import { SYSTEM_WORLD } from '../world.ts';

const [EVENTS, BATCHES] = [20, 21];
const POWER = '{"type":"switched","device":"pdu-a","feeds":1,"to":"off"}';
const home = mkdtempSync(join(tmpdir(), 'strongroom-reading-'));
const paths = { log: join(home, 'log'), segments: join(home, 'segments'), commit: join(home, 'commit'), timestamps: join(home, 'timestamps'), rotations: join(home, 'rotations'), witnessed: join(home, 'witnessed'), state: home };
const dataKeys = new Map<string, Buffer>();
const keys = new SoftwareKeys('test.example/log');

before(async () => {
  const [waiting, commitLog, events] = [new Waiting(SYSTEM_CLOCK), new CommitLog(SYSTEM_DISK, paths.commit), new EventEmitter<VaultEvents>()];
  events.on('opened', (segment) => dataKeys.set(segment.name, Buffer.from(segment.dataKey)));
  const recovered = await recover(SYSTEM_WORLD, paths, keys.known(), commitLog);
  const vault = new Vault({
    world: SYSTEM_WORLD, keys, commitLog, waiting, segments: paths.segments, dataKeys: join(home, 'keys'), cycleBytesMax: 1 << 20, keepDays: () => 400, segmentBytesMax: 1 << 20, isAlive: () => false,
  }, recovered, events);
  const publisher = new Publisher(SYSTEM_WORLD, vault, new LogDirectory(SYSTEM_DISK, paths.log), new RotationFiles(SYSTEM_DISK, paths.rotations), join(home, 'remembered'));
  const own = new OwnRecords(SYSTEM_WORLD, 'spiffe://t/service/vault', randomBytes(16));
  for (let i = 0; i < EVENTS; i += 1) {
    waiting.push(own.event(`test.${i}`, 'info'));
    await vault.cycle();
    await vault.closeSegments();
  }
  waiting.push(power());
  await vault.cycle();
  await publisher.flush();
  await vault.release();
});
after(() => rmSync(home, { recursive: true }));

async function all(items: AsyncGenerator<Item, unknown>): Promise<{ ids: string[]; result: unknown }> {
  const ids: string[] = [];
  for (;;) {
    const next = await items.next();
    if (next.done === true) return { ids, result: next.value };
    ids.push(next.value.id);
  }
}

it('asks for one data key at a time, however many read at once', async () => {
  let [now, most] = [0, 0];
  const reading = new Reading({ ...paths, orders: join(home, 'orders') }, async (segment) => {
    now += 1;
    most = Math.max(most, now);
    await wait(1);
    now -= 1;
    return dataKeys.get(segment)!;
  });
  const { ids, result } = await all(reading.call('search', {}));
  assert.deepEqual([ids.length, result], [BATCHES, { found: BATCHES, destroyed: { batches: 0, records: 0 }, unread: { batches: 0, records: 0, segments: [], entries: 0, log: [] } }]);
  await Promise.all(ids.map(async (id) => all(reading.call('show', { id }))));
  assert.equal(most, 1);
  reading.close();
});

it('leaves a search whose reader went away, also where it waits for a key', async () => {
  const left = new AbortController();
  const asked = Promise.withResolvers<void>();
  const never = Promise.withResolvers<Buffer>();
  const reading = new Reading({ ...paths, orders: join(home, 'orders') }, () => { asked.resolve(); return never.promise; });
  const searched = all(reading.call('search', {}, left.signal));
  await asked.promise;
  left.abort();
  assert.deepEqual(await searched, { ids: [], result: null });
  never.reject(new Error('away'));
  reading.close();
});

it('proves a record with the earliest timestamp that covers it', async () => {
  const root = stampingIdentity({ commonName: 'Root', authority: true });
  const signer = stampingIdentity({ commonName: 'Stamper', issuer: root });
  const log = new LogDirectory(SYSTEM_DISK, paths.log);
  mkdirSync(paths.timestamps);
  for (const size of [9, 5, 30]) {
    const text = checkpointText({ origin: keys.key.name, size, root: log.tree(size).root() });
    const note = Buffer.from(signedNote(text, keys.key, await keys.signCheckpoint(Buffer.from(text))));
    writeFileSync(join(paths.timestamps, `${size}.checkpoint`), note);
    writeFileSync(join(paths.timestamps, `${size}.tsr`), makeResponse({ signer, stamped: note, time: `202603010000${String(size).padStart(2, '0')}Z` }));
  }
  writeFileSync(join(paths.timestamps, '7.checkpoint'), 'waits for its answer');
  const reading = new Reading({ ...paths, orders: join(home, 'orders') }, async (segment) => dataKeys.get(segment)!);
  const { ids } = await all(reading.call('search', {}));
  const said: [number, number | undefined, string | undefined][] = [];
  for (const id of ids) {
    const proof = (await reading.call('prove', { id }).next()).value as Proof;
    const { timestamp } = verifyProof(proof, keys.key, timestampTrust([root.certificate]));
    said.push([proof.entry.index, timestamp?.checkpoint.size, timestamp?.verified?.authority]);
  }
  reading.close();
  for (const [entry, size, authority] of said) {
    const expected = [5, 9, 30].find((one) => one > entry);
    assert.deepEqual([size, authority], [expected, expected === undefined ? undefined : 'CN=Stamper'], `entry ${entry}`);
  }
  assert.ok(said.some(([, size]) => size === 5) && said.some(([, size]) => size === 9) && said.some(([, size]) => size === undefined));
});

it('proves a record under the last witnessed checkpoint that covers it', async () => {
  const log = new LogDirectory(SYSTEM_DISK, paths.log);
  const size = 9;
  const text = checkpointText({ origin: keys.key.name, size, root: log.tree(size).root() });
  const note = `${signedNote(text, keys.key, await keys.signCheckpoint(Buffer.from(text)))}— witness.example/w ${Buffer.alloc(76, 7).toString('base64')}\n`;
  writeFileSync(paths.witnessed, note);
  const reading = new Reading({ ...paths, orders: join(home, 'orders') }, async (segment) => dataKeys.get(segment)!);
  const { ids } = await all(reading.call('search', {}));
  const under: [number, boolean][] = [];
  for (const id of ids) {
    const proof = (await reading.call('prove', { id }).next()).value as Proof;
    verifyProof(proof, keys.key);
    under.push([proof.entry.index, proof.checkpoint === note]);
  }
  reading.close();
  assert.deepEqual(under, under.map(([entry]) => [entry, entry < size]));
  assert.ok(under.some(([, is]) => is) && under.some(([, is]) => !is));
});

it('makes the filters that a search missed, once nobody reads', async () => {
  const filters = join(home, 'filters');
  assert.deepEqual(existsSync(filters) ? readdirSync(filters) : [], []);
  const reading = new Reading({ ...paths, orders: join(home, 'orders') }, async (segment) => dataKeys.get(segment)!);
  assert.deepEqual((await all(reading.call('search', { kind: 'gap' }))).ids, []);
  const segments = [...dataKeys.keys()].toSorted();
  const made = (): string[] => (existsSync(filters) ? readdirSync(filters).filter((name) => /^[0-9a-f]{16}$/.test(name)) : []).toSorted();
  while (made().length < segments.length) await wait(5);
  assert.deepEqual(made(), segments);
  assert.equal((await all(reading.call('search', { kind: 'event' }))).ids.length, EVENTS);
  reading.close();
});

it('tells what was received last before a moment', async () => {
  const reading = new Reading({ ...paths, orders: join(home, 'orders') }, async (segment) => dataKeys.get(segment)!);
  const items: Item[] = [];
  for await (const item of reading.call('search', {})) items.push(item);
  const newest = items.at(-1)!;
  const ask = (until: bigint): Promise<unknown> => reading.ask('last-before', { until: String(until) });
  assert.deepEqual(await ask(timeOf(newest) + 1n), { id: newest.id, time: String(timeOf(newest)), bound: newest.boundNs });
  const tenth = items.findLast((item) => timeOf(item) < timeOf(items[10]!))!;
  assert.deepEqual(await ask(timeOf(items[10]!)), { id: tenth.id, time: String(timeOf(tenth)), bound: null });
  assert.equal(await ask(timeOf(items[0]!)), null);
  await assert.rejects(reading.ask('last-before', { until: 'now' }), { code: 'read.query' });
  reading.close();
});

it('tells the supervisor what is sealed of the feed, and nothing else, and seals that it asked', async () => {
  const reading = new Reading({ ...paths, orders: join(home, 'orders') }, async (segment) => dataKeys.get(segment)!);
  const records: unknown[] = [];
  const aftermath = new Aftermath({ reading, settle: () => Promise.resolve(), record: (event, fields) => records.push([event, fields['verb'], fields['reader']]), deployment: 't' });
  assert.deepEqual(await aftermath.feedRecords({ since: '0' }), [POWER]);
  assert.deepEqual(await aftermath.feedRecords({ since: String(BigInt(Date.now() + 60_000) * 1_000_000n) }), []);
  assert.notEqual(await aftermath.lastBefore({ until: String(2n ** 62n) }), null);
  await assert.rejects(aftermath.feedRecords({ since: 7 }), { code: 'read.query' });
  assert.deepEqual(records[0], ['vault.reading', 'search', 'spiffe://t/service/supervisor']);
  assert.equal(records.length, 4);
  reading.close();
});

/** A record of rack-monitor, as it is admitted. */
function power(): Admitted {
  const [id, data, lengths, { at, bound }] = ['spiffe://t/service/rack-monitor', Buffer.from(POWER), Buffer.alloc(4), SYSTEM_CLOCK.stamp()];
  lengths.writeUInt32BE(data.length);
  const context = encodeContext({
    kind: KIND.data, flags: 0, receivedAt: at, bound, admittedAt: at, asserter: id, instance: randomBytes(16), source: id, sourceKey: NO_KEY, protocol: 'power', peer: '', stream: randomBytes(16),
  });
  return { runs: [{ context, receivedAt: at, firstSequence: 0, count: 1, lengths, data, retentionClass: IN_DEFAULT({ source: id, protocol: 'power' }) }], bytes: data.length, state: null, awaited: false, committed: () => undefined };
}

function timeOf({ receivedAt }: Item): bigint {
  return BigInt(Date.parse(`${receivedAt.slice(0, 19)}Z`)) * 1_000_000n + BigInt((/\.(\d+)Z/.exec(receivedAt)?.[1] ?? '').padEnd(9, '0'));
}
