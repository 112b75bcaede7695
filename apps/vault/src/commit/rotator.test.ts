// SPDX-License-Identifier: Apache-2.0
// The log's key changes while sealing goes on; a crash at any step is completed or ignored.
import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { cpSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { decodeEntry, openCheckpoint, parseVkey, presentKey, verifyStore, vkeyOf, type NoteKey } from '@strongroom/evidence';
import { SoftwareKeys, memoryStore } from '@strongroom/testing';
import { SYSTEM_DISK } from '../disk.ts';
import { SYSTEM_WORLD } from '../world.ts';
import { CommitLog } from './commit-log.ts';
import { checkLogKeys } from './log-key.ts';
import { LogDirectory } from './log-directory.ts';
import { Publisher } from './publisher.ts';
import { recover } from './recover.ts';
import { RotationFiles } from './rotation-files.ts';
import { Rotator, completeRotations } from './rotator.ts';
import { Vault } from './vault.ts';
import { Waiting } from '../intake/waiting.ts';

const root = mkdtempSync(join(tmpdir(), 'strongroom-rotator-'));
const opened: Vault[] = [];
after(async () => {
  for (const vault of opened) await vault.release();
  rmSync(root, { recursive: true });
});

class Bench {
  readonly keys = new SoftwareKeys('test.example/log');
  readonly home = mkdtempSync(join(root, 'home-'));
  readonly paths = { log: join(this.home, 'log'), segments: join(this.home, 'segments'), commit: join(this.home, 'commit'), rotations: join(this.home, 'rotations') };
  readonly remembered = mkdtempSync(join(root, 'remembered-'));
  vkey = '';

  async open() {
    const { keys, paths, home } = this;
    const file = join(this.remembered, 'remembered');
    const commitLog = new CommitLog(SYSTEM_DISK, paths.commit);
    const recovered = await recover(SYSTEM_WORLD, paths, keys.known(existsSync(file) ? readFileSync(file, 'utf8') : null), commitLog);
    const files = new RotationFiles(SYSTEM_DISK, paths.rotations);
    this.vkey = vkeyOf(presentKey(recovered.keys));
    this.checkPublished();
    const held = new Set(keys.known().keys.map(vkeyOf));
    await completeRotations(recovered.keys, files.texts(recovered.keys), (vkey) => held.has(vkey), keys);
    const vault = new Vault({
      world: SYSTEM_WORLD, keepDays: () => 400, keys, commitLog, waiting: new Waiting(SYSTEM_WORLD.clock), segments: paths.segments, dataKeys: join(home, 'keys'), cycleBytesMax: 1 << 20, segmentBytesMax: 1 << 20, isAlive: () => false,
    }, recovered, new EventEmitter());
    opened.push(vault);
    const publisher = new Publisher(SYSTEM_WORLD, vault, new LogDirectory(SYSTEM_DISK, paths.log), files, file);
    const rotator = new Rotator({
      vault, keys, record: () => undefined,
      publish: () => publisher.flush(),
      publishVkey: async (vkey) => { this.vkey = vkey; this.checkPublished(); },
    });
    return { vault, publisher, rotator };
  }

  /** What a stranger with the key of this moment finds. */
  checkPublished(): void {
    const note = new LogDirectory(SYSTEM_DISK, this.paths.log).checkpoint();
    if (note !== null) openCheckpoint(note, parseVkey(this.vkey));
  }

  verdict(key: NoteKey) {
    const files = new Map(readdirSync(this.home, { recursive: true, withFileTypes: true }).filter((one) => one.isFile() && !one.parentPath.includes('/keys'))
      .map((one) => [join(one.parentPath, one.name).slice(this.home.length + 1), readFileSync(join(one.parentPath, one.name))]));
    return verifyStore(memoryStore(files), { key });
  }
}

const beat = (vault: Vault): void => vault.enter({ kind: 'heartbeat', time: BigInt(vault.size) });

async function rotateOnce(bench: Bench, { vault, rotator, publisher }: Awaited<ReturnType<Bench['open']>>) {
  const done = rotator.rotate({ log: true, wrapping: false });
  await rotator.step();
  beat(vault);
  await vault.cycle();
  bench.checkPublished();
  await rotator.step();
  beat(vault);
  await vault.cycle();
  await publisher.flush();
  bench.checkPublished();
  return done;
}

describe('rotator', () => {
  it('has the log go on under a new key, and destroys the old one', async () => {
    const bench = new Bench();
    const life = await bench.open();
    beat(life.vault);
    await life.vault.cycle();
    await life.publisher.flush();
    const first = bench.keys.key;
    const rotated = await rotateOnce(bench, life);
    assert.deepEqual([rotated.size, rotated.old, rotated.vkey], [3, 'destroyed', bench.vkey]);
    await assert.rejects(bench.keys.signCheckpoint(Buffer.from('x')), { code: 'keys.log-key' });
    assert.throws(() => openCheckpoint(life.vault.checkpoint, first), { code: 'note.signature' });
    for (const key of [first, parseVkey(bench.vkey)]) assert.deepEqual(bench.verdict(key).failures, []);
    const again = await bench.open();
    assert.equal(vkeyOf(presentKey(again.vault.keys)), rotated.vkey);
    await rotateOnce(bench, again);
    assert.deepEqual(bench.verdict(first).failures, []);
    assert.equal((await bench.open()).vault.keys.epochs.length, 3);
  });

  it('completes after a crash what was committed, published or not, and ignores a key that was only made', async () => {
    for (const steps of [1, 2, 3, 4]) {
      const bench = new Bench();
      const { vault, publisher, rotator } = await bench.open();
      for (let i = 0; i < 255; i += 1) beat(vault);
      await vault.cycle();
      await publisher.flush();
      void rotator.rotate({ log: true, wrapping: false }).catch(() => undefined);
      await rotator.step();
      if (steps > 1) await vault.cycle();
      if (steps === 3) await publisher.flush();
      if (steps === 4) {
        beat(vault);
        await vault.cycle();
        beat(vault);
        await vault.cycle();
      }
      const second = await bench.open();
      assert.equal(second.vault.keys.epochs.length, steps > 1 ? 2 : 1, `${steps} steps`);
      assert.deepEqual(bench.verdict(bench.keys.key).failures, [], `${steps} steps`);
      if (steps > 1) await assert.rejects(bench.keys.signCheckpoint(Buffer.from('x')), { code: 'keys.log-key' });
      beat(second.vault);
      await second.vault.cycle();
      await second.publisher.flush();
      bench.checkPublished();
      if (steps === 1) assert.equal((await rotateOnce(bench, second)).old, 'destroyed');
      assert.deepEqual(bench.verdict(bench.keys.key).failures, [], `${steps} steps`);
    }
  });

  it('refuses a store from before the rotation, by what is remembered and by what the token knows', async () => {
    const bench = new Bench();
    const life = await bench.open();
    beat(life.vault);
    await life.vault.cycle();
    await life.publisher.flush();
    const older = mkdtempSync(join(root, 'older-'));
    cpSync(bench.home, older, { recursive: true });
    await rotateOnce(bench, life);
    const inToken = life.vault.keys.epochs.map(({ key }, i) => ({ vkey: vkeyOf(key), key, state: i === 0 ? 'destroyed' as const : 'active' as const }));
    for (const path of Object.values(bench.paths)) rmSync(path, { recursive: true });
    cpSync(older, bench.home, { recursive: true });
    await assert.rejects(bench.open(), { code: 'vault.rollback' });
    rmSync(join(bench.remembered, 'remembered'));
    const forgetful = await bench.open();
    assert.throws(() => checkLogKeys(forgetful.vault.keys, inToken), { code: 'vault.rollback' });
    assert.throws(() => checkLogKeys(life.vault.keys, inToken.slice(0, 1)), { code: 'vault.log-key' });
    checkLogKeys(life.vault.keys, inToken);
  });

  it('names the rotation last in its cycle, so that its checkpoint ends with it', async () => {
    const bench = new Bench();
    const { vault, rotator } = await bench.open();
    void rotator.rotate({ log: true, wrapping: false }).catch(() => undefined);
    await assert.rejects(rotator.rotate({ log: true, wrapping: false }), { code: 'vault.rotating' });
    await rotator.step();
    beat(vault);
    await vault.cycle();
    const { cycles } = new CommitLog(SYSTEM_DISK, bench.paths.commit).read()!;
    assert.deepEqual(cycles[0]!.entries.map((bytes) => decodeEntry(bytes).kind), ['heartbeat', 'rotate']);
  });
});
