// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { appendFileSync, cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { Failed } from '@strongroom/bytes';
import {
  BOUND_UNKNOWN, KIND, NO_DIGEST, NO_KEY, bundlePath, decodeBatch, decodeBundle, decodeCommits, decodeEntry, encodeCommit, encodeContext, leafHash, openCheckpoint, recordsOf, verifyInclusion, xaesKey, type BatchEntry, type Cycle, type Snapshot,
} from '@strongroom/evidence';
import { SoftwareKeys } from '@strongroom/testing';
import type { Admitted } from '../intake/admission.ts';
import { CommitLog } from './commit-log.ts';
import { SYSTEM_CLOCK } from '../clock.ts';
import { SYSTEM_DISK } from '../disk.ts';
import { History } from '../read/history.ts';
import { SegmentParts } from '../read/parts.ts';
import { LogDirectory } from './log-directory.ts';
import { Publisher } from './publisher.ts';
import { recover } from './recover.ts';
import { RotationFiles } from './rotation-files.ts';
import { Vault, type VaultEvents } from './vault.ts';
import { Waiting } from '../intake/waiting.ts';
import { SYSTEM_WORLD, type World } from '../world.ts';

const root = mkdtempSync(join(tmpdir(), 'strongroom-vault-'));
const opened: { release(): Promise<void> }[] = [];
after(async () => {
  for (const vault of opened) await vault.release();
  rmSync(root, { recursive: true });
});
let stores = 0;

interface Opened {
  readonly vault: Vault;
  readonly waiting: Waiting;
  readonly publisher: Publisher;
  readonly rewritten: number;
  readonly events: EventEmitter<VaultEvents>;
  records(): Promise<string[]>;
}

/** Fails at the place of a disk that has no room. */
class KeysWithoutRoom extends SoftwareKeys {
  noRoom = false;

  override async signCheckpoint(text: Buffer, spki?: Buffer): Promise<Buffer> {
    if (this.noRoom) throw new Failed('vault.disk-full', 'no room');
    return super.signCheckpoint(text, spki);
  }
}

/** A store directory and the keys that stay with it over restarts. */
class Bench {
  readonly keys = new KeysWithoutRoom('test.example/log');
  readonly home = join(root, String((stores += 1)));
  #sequence = 0;

  get paths() {
    return { log: join(this.home, 'log'), segments: join(this.home, 'segments'), commit: join(this.home, 'commit'), rotations: join(this.home, 'rotations') };
  }

  async open(remembered: string | null = null, world: World = SYSTEM_WORLD): Promise<Opened> {
    const { keys, home, paths } = this;
    const commitLog = new CommitLog(SYSTEM_DISK, paths.commit);
    const recovered = await recover(SYSTEM_WORLD, paths, keys.known(remembered), commitLog).catch(async (error: unknown) => { await commitLog.close(); throw error; });
    const events = new EventEmitter<VaultEvents>();
    const waiting = new Waiting(SYSTEM_CLOCK);
    const dataKeys = join(home, 'keys');
    const vault = new Vault({ world, keys, commitLog, waiting, segments: paths.segments, dataKeys, cycleBytesMax: 1 << 20, segmentBytesMax: 1 << 20, keepDays: (name) => (name === 'short' ? 30 : 400), isAlive: () => false }, recovered, events);
    opened.push(vault);
    events.on('opened', (segment) => this.dataKeys.set(segment.name, Buffer.from(segment.dataKey)));
    const records = async (): Promise<string[]> => {
      using history = new History({ log: new LogDirectory(SYSTEM_DISK, paths.log), parts: new SegmentParts(paths.segments) }, async (segment) => xaesKey(this.dataKeys.get(segment)!));
      const found: string[] = [];
      for (const { entry } of history.batches(() => true, () => undefined)) {
        for (const record of recordsOf(decodeBatch(await history.open(entry)).runs)) found.push(record.raw.toString());
      }
      return found;
    };
    return { vault, waiting, publisher: new Publisher(SYSTEM_WORLD, vault, new LogDirectory(SYSTEM_DISK, paths.log), new RotationFiles(SYSTEM_DISK, paths.rotations), join(home, 'remembered')), rewritten: recovered.rewritten, events, records };
  }

  readonly dataKeys = new Map<string, Buffer>();

  admitted(texts: readonly string[], committed: () => void = () => undefined, retentionClass = 'default'): Admitted {
    const data = Buffer.from(texts.join(''));
    const lengths = Buffer.alloc(texts.length * 4);
    texts.forEach((text, i) => lengths.writeUInt32BE(text.length, i * 4));
    const context = encodeContext({
      kind: KIND.data, flags: 0, receivedAt: 5n, bound: BOUND_UNKNOWN, admittedAt: 6n, asserter: 'spiffe://t/service/gateway', instance: Buffer.alloc(16),
      source: 'spiffe://t/source/a', sourceKey: NO_KEY, protocol: 'syslog-tls', peer: '', stream: Buffer.alloc(16),
    });
    const firstSequence = this.#sequence;
    this.#sequence += texts.length;
    return { runs: [{ context, receivedAt: 5n, firstSequence, count: texts.length, lengths, data, retentionClass }], bytes: data.length, state: null, awaited: true, committed };
  }
}

/** As a vault wrote it that knew one open segment: nothing of an empty log's snapshot but its form has changed. */
function inFirstVersion([snapshot, ...cycles]: readonly [Snapshot, ...Cycle[]]): Buffer {
  const { bytes } = encodeCommit(NO_DIGEST, snapshot);
  const [before, after] = [bytes.subarray(6, 6 + 5 * 8), bytes.subarray(6 + 5 * 8 + 12, -32)];
  const body = Buffer.concat([Buffer.of(1), before, Buffer.of(0), after]);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(body.length);
  head[4] = 1;
  let digest: Buffer = createHash('sha256').update(NO_DIGEST).update(head).update(body).digest();
  const parts: Buffer[] = [head, body, digest];
  for (const cycle of cycles) {
    const encoded = encodeCommit(digest, cycle);
    parts.push(encoded.bytes);
    digest = encoded.digest;
  }
  return Buffer.concat(parts);
}

describe('vault', () => {
  it('seals, publishes and gives back what was admitted, over an orderly restart', async () => {
    const bench = new Bench();
    const first = await bench.open();
    const acks: string[] = [];
    first.waiting.push(bench.admitted(['one', 'two'], () => acks.push('a')));
    first.waiting.push(bench.admitted(['three'], () => acks.push('b')));
    await first.vault.cycle();
    assert.deepEqual(acks, ['a', 'b']);
    await first.vault.closeSegments();
    await first.vault.cycle();
    await first.publisher.flush();
    assert.deepEqual(await first.records(), ['one', 'two', 'three']);
    assert.deepEqual(first.vault.totals, { records: 3, batches: 1, bytes: 11 });

    const second = await bench.open();
    assert.equal(second.rewritten, 0);
    assert.equal(second.vault.hasWork, false);
    second.waiting.push(bench.admitted(['four']));
    await second.vault.cycle();
    await second.publisher.flush();
    assert.deepEqual(await second.records(), ['one', 'two', 'three', 'four']);
    assert.deepEqual(readdirSync(bench.paths.segments), ['0000000000000001.seg', '0000000000000002.seg']);
  });

  it('finds everything acknowledged after a crash before any publication, and closes the torn segment', async () => {
    const bench = new Bench();
    const first = await bench.open();
    first.waiting.push(bench.admitted(['one', 'two']));
    await first.vault.cycle();
    const second = await bench.open();
    assert.equal(second.rewritten, 1);
    assert.deepEqual(await second.records(), ['one', 'two']);
    assert.deepEqual(readdirSync(bench.paths.segments), ['0000000000000001.0.seg', '0000000000000001.seg']);
    await second.vault.cycle();
    await second.publisher.flush();
    assert.equal(second.vault.size, 2);
    assert.equal(openCheckpoint(second.vault.checkpoint, bench.keys.key).size, 2);
    const third = await bench.open();
    assert.equal(third.vault.hasWork, false);
  });

  it('rewrites only the tail that was not published, and survives a second crash during that', async () => {
    const bench = new Bench();
    const first = await bench.open();
    first.waiting.push(bench.admitted(['one']));
    await first.vault.cycle();
    await first.publisher.flush();
    first.waiting.push(bench.admitted(['two']));
    await first.vault.cycle();
    appendFileSync(join(bench.paths.segments, '0000000000000001.seg'), 'half a frame');
    const commit = join(bench.paths.commit, readdirSync(bench.paths.commit)[0]!);
    for (const name of [`${commit}.new`, join(bench.paths.segments, '0000000000000002.seg.new')]) writeFileSync(name, 'never put in place');
    appendFileSync(commit, 'half a record');
    const before = mkdtempSync(join(root, 'copy-'));
    cpSync(bench.home, before, { recursive: true });
    const second = await bench.open();
    assert.equal(second.rewritten, 1);
    assert.deepEqual(await second.records(), ['one', 'two']);
    for (const path of [bench.paths.commit, bench.paths.segments]) assert.deepEqual(readdirSync(path).filter((name) => name.endsWith('.new')), []);
    const parts = readdirSync(bench.paths.segments);
    assert.equal(parts.length, 2);
    // The part was written, and then everything else was lost again.
    cpSync(join(before, 'log'), bench.paths.log, { recursive: true });
    rmSync(bench.paths.commit, { recursive: true });
    cpSync(join(before, 'commit'), bench.paths.commit, { recursive: true });
    const third = await bench.open();
    assert.deepEqual(await third.records(), ['one', 'two']);
    assert.deepEqual(readdirSync(bench.paths.segments), parts);
  });

  it('writes a segment for each retention class, in one commit, and recovers all that were open', async () => {
    const bench = new Bench();
    const first = await bench.open();
    const acks: string[] = [];
    first.waiting.push(bench.admitted(['one'], () => acks.push('one')));
    first.waiting.push(bench.admitted(['two'], () => acks.push('two'), 'short'));
    first.waiting.push(bench.admitted(['three'], () => acks.push('three')));
    await first.vault.cycle();
    assert.deepEqual(acks, ['one', 'two', 'three']);
    const writers = [...first.vault.openSegments];
    assert.deepEqual(writers.map(({ place, frames }) => [place.retentionClass, frames]), [['default', 1], ['short', 1]]);
    assert.ok(writers[1]!.place.bucket < writers[0]!.place.bucket);
    assert.deepEqual(writers.map(({ keyId }) => keyId.slice(0, -17)), ['default', 'short'].map((name, i) => `${name}/${writers[i]!.place.bucket}`));
    await first.publisher.flush();
    first.waiting.push(bench.admitted(['four'], () => undefined, 'short'));
    await first.vault.cycle();

    const second = await bench.open();
    assert.deepEqual(await second.records(), ['one', 'three', 'two', 'four']);
    await second.vault.cycle();
    await second.publisher.flush();
    const entries = decodeBundle(new LogDirectory(SYSTEM_DISK, bench.paths.log).read(bundlePath(0, second.vault.size)), second.vault.size).map(decodeEntry);
    assert.deepEqual(entries.flatMap((entry) => (entry.kind === 'close' ? [[entry.segment, entry.frames, entry.state]] : [])), [['0000000000000001', 1, 'torn'], ['0000000000000002', 2, 'torn']]);
    assert.equal((await bench.open()).vault.hasWork, false);
  });

  it('closes a segment whose time is over though nothing comes for its class', async () => {
    const bench = new Bench();
    const clock = { ...SYSTEM_CLOCK, now: SYSTEM_CLOCK.nowNs(), nowNs() { return this.now; } };
    const { vault, waiting } = await bench.open(null, { ...SYSTEM_WORLD, clock });
    waiting.push(bench.admitted(['one'], () => undefined, 'short'));
    await vault.cycle();
    clock.now += 25n * 3600n * 1_000_000_000n;
    waiting.push(bench.admitted(['two']));
    await vault.cycle();
    assert.deepEqual([...vault.openSegments].map(({ place }) => place.retentionClass), ['default']);
    assert.equal(vault.size, 3, 'two batches and a close');
  });

  it('recovers a store whose commit log is of the first version', async () => {
    const bench = new Bench();
    const first = await bench.open();
    first.waiting.push(bench.admitted(['one']));
    await first.vault.cycle();
    await first.publisher.flush();
    const [name] = readdirSync(bench.paths.commit);
    const { records } = decodeCommits(readFileSync(join(bench.paths.commit, name!)));
    writeFileSync(join(bench.paths.commit, name!), inFirstVersion(records as [Snapshot, Cycle]));
    const second = await bench.open();
    assert.deepEqual(await second.records(), ['one']);
    assert.equal(second.vault.hasWork, true, 'the torn segment is to be closed');
  });

  it('goes on after half a frame was written for lack of room', async () => {
    const bench = new Bench();
    const { vault, waiting, publisher, records } = await bench.open();
    waiting.push(bench.admitted(['one']));
    await vault.cycle();
    appendFileSync(join(bench.paths.segments, '0000000000000001.seg'), 'half a frame');
    await publisher.flush();
    await vault.startAfresh();
    waiting.push(bench.admitted(['two']));
    await vault.cycle();
    await publisher.flush();
    assert.deepEqual(await records(), ['one', 'two']);
    const again = await bench.open();
    assert.deepEqual(again.vault.totals, { records: 2, batches: 2, bytes: 6 });
  });

  it('keeps the queue when the HSM is away, and seals it when it is back', async () => {
    const bench = new Bench();
    const { vault, waiting } = await bench.open();
    let acked = false;
    waiting.push(bench.admitted(['one'], () => { acked = true; }));
    bench.keys.away = true;
    await assert.rejects(vault.cycle(), { code: 'keys.hsm-away' });
    assert.equal(acked, false);
    bench.keys.away = false;
    await vault.cycle();
    assert.equal(acked, true);
  });

  it('refuses a store that is older than what was remembered, and one with another history', async () => {
    const bench = new Bench();
    const first = await bench.open();
    first.waiting.push(bench.admitted(['one']));
    await first.vault.cycle();
    await first.publisher.flush();
    const older = mkdtempSync(join(root, 'older-'));
    cpSync(bench.home, older, { recursive: true });
    first.waiting.push(bench.admitted(['two']));
    await first.vault.cycle();
    await first.publisher.flush();
    const remembered = readFileSync(join(bench.home, 'remembered'), 'utf8');
    rmSync(bench.home, { recursive: true });
    cpSync(older, bench.home, { recursive: true });
    await assert.rejects(bench.open(remembered), { code: 'vault.rollback' });
    const forked = await bench.open();
    forked.waiting.push(bench.admitted(['other']));
    await forked.vault.cycle();
    await forked.vault.cycle();
    await forked.publisher.flush();
    await assert.rejects(bench.open(remembered), { code: 'vault.fork' });
  });

  it('refuses a damaged tail rather than forget what it acknowledged', async () => {
    const bench = new Bench();
    const { vault, waiting } = await bench.open();
    waiting.push(bench.admitted(['one']));
    await vault.cycle();
    const path = join(bench.paths.segments, '0000000000000001.seg');
    const bytes = readFileSync(path);
    bytes[bytes.length - 1]! ^= 1;
    writeFileSync(path, bytes);
    await assert.rejects(bench.open(), { code: 'vault.frame-damaged' });
    rmSync(bench.paths.commit, { recursive: true });
    mkdirSync(bench.paths.commit);
    assert.equal((await new Bench().open()).vault.size, 0);
  });

  it('turns segments by size and the commit log once all is published', async () => {
    const bench = new Bench();
    const { vault, waiting, publisher, records, events } = await bench.open();
    const closed: string[] = [];
    events.on('closed', (entry) => closed.push(`${entry.segment} ${entry.state}`));
    const sealed: BatchEntry[] = [];
    events.on('sealed', (batches) => sealed.push(...batches.map(({ entry }) => entry)));
    for (let i = 0; i < 24; i += 1) {
      waiting.push(bench.admitted([randomBytes(100_000).toString('base64')]));
      await vault.cycle();
    }
    await publisher.flush();
    assert.ok(closed.length >= 2 && closed[0] === '0000000000000001 whole', closed.join());
    assert.equal(sealed.length, 24);
    assert.equal((await records()).length, 24);
    await vault.turnCommitLog(publisher.publishedSize);
    const again = await bench.open();
    assert.equal(again.vault.totals.records, 24);
  });

  it('takes nothing more after a write found no room, before files were begun anew', async () => {
    const bench = new Bench();
    const { vault, waiting, publisher, records } = await bench.open();
    waiting.push(bench.admitted(['one']));
    await vault.cycle();
    bench.keys.noRoom = true;
    waiting.push(bench.admitted(['two']));
    await assert.rejects(vault.cycle(), { code: 'vault.disk-full' });
    bench.keys.noRoom = false;
    await assert.rejects(vault.cycle(), { code: 'vault.in-doubt' });
    await publisher.flush();
    await vault.startAfresh();
    await vault.cycle();
    await publisher.flush();
    assert.deepEqual(await records(), ['one', 'two']);
  });

  it('keeps full tiles whose publication fails while a cycle is under way', async () => {
    const { vault } = await new Bench().open();
    for (let i = 0; i < 300; i += 1) vault.enter({ kind: 'heartbeat', time: BigInt(i) });
    await vault.cycle();
    const { files } = vault.takePublication();
    vault.enter({ kind: 'heartbeat', time: 300n });
    const under = vault.cycle();
    vault.returnPublication(files);
    await under;
    const paths = vault.takePublication().files.map(({ path }) => path);
    for (const path of ['tile/0/000', 'tile/entries/000', 'tile/0/001.p/45']) assert.ok(paths.includes(path), path);
    assert.equal(vault.takePublication().files.filter(({ path }) => path === 'tile/0/000').length, 0);
  });

  it('refuses what is no entry to who enters it, and seals on', async () => {
    const { vault } = await new Bench().open();
    const tooLong = { kind: 'destroyed', time: 1n, order: 'a'.repeat(32), keys: ['k'.repeat(129)], files: 0, copies: [] } as const;
    await assert.rejects(vault.entered(tooLong), { code: 'entry.malformed' });
    assert.throws(() => vault.enter(tooLong), { code: 'entry.malformed' });
    vault.enter({ kind: 'heartbeat', time: 1n });
    await vault.cycle();
    assert.equal(vault.size, 1);
  });

  it('looks again soon when more is committed than a publication under way covers', async () => {
    const { vault, publisher } = await new Bench().open();
    vault.enter({ kind: 'heartbeat', time: 1n });
    await vault.cycle();
    publisher.poll();
    assert.equal(publisher.dueInMs, 1000);
    await publisher.flush();
    assert.equal(publisher.dueInMs, null);
  });

  it('publishes, recovers and proves at every edge of tiles, published before the crash or not', async () => {
    const bench = new Bench();
    let { vault, publisher } = await bench.open();
    for (const [i, size] of [255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537].entries()) {
      while (vault.size < size - 1) {
        for (let left = size - 1 - vault.size; left > 0; left -= 1) vault.enter({ kind: 'heartbeat', time: BigInt(left) });
        await vault.cycle();
        if (i % 2 === 0) await publisher.flush();
      }
      vault.enter({ kind: 'heartbeat', time: 0n });
      await vault.cycle();
      const [root, published] = [vault.root, publisher.publishedSize];
      const again = await bench.open();
      assert.deepEqual([again.vault.size, again.vault.root.toString('hex'), again.rewritten], [size, root.toString('hex'), size - published]);
      using history = new History({ log: new LogDirectory(SYSTEM_DISK, bench.paths.log), parts: new SegmentParts(bench.paths.segments) }, async () => assert.fail('no key is needed'));
      for (const index of [0, 254, 255, 256, size - 2, size - 1].filter((one) => one < size)) verifyInclusion(leafHash(history.entryBytes(index)!), index, size, history.entryPath(index), root);
      ({ vault, publisher } = again);
    }
  });
});
