// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import type { ProducerState } from '@strongroom/evidence';
import { Incidents, nowNs } from '@strongroom/service';
import { SoftwareKeys } from '@strongroom/testing';
import { SYSTEM_CLOCK } from '../clock.ts';
import { CommitLog } from './commit-log.ts';
import { SYSTEM_DISK } from '../disk.ts';
import { LogDirectory } from './log-directory.ts';
import { Loop } from './loop.ts';
import { OwnRecords } from '../intake/own-records.ts';
import { Publisher } from './publisher.ts';
import { recover } from './recover.ts';
import { RotationFiles } from './rotation-files.ts';
import { Space } from './space.ts';
import { Vault } from './vault.ts';
import { Waiting } from '../intake/waiting.ts';
import { SYSTEM_WORLD } from '../world.ts';

const home = mkdtempSync(join(tmpdir(), 'strongroom-loop-'));
after(() => rmSync(home, { recursive: true }));
const paths = { log: join(home, 'log'), segments: join(home, 'segments'), commit: join(home, 'commit'), rotations: join(home, 'rotations') };
const keys = new SoftwareKeys('test.example/log');
const SERVICE = 'spiffe://t/service/gateway';

/** What a life of a service leaves behind; one that has many long streams open makes the commit log long at once. */
function state(instance: Buffer, seenAt: bigint, streams: number): ProducerState {
  const open = Array.from({ length: streams }, () => ({ stream: randomBytes(16), next: 1, open: true, source: 'x'.repeat(60_000) }));
  return { instance, service: SERVICE, last: 1, digest: randomBytes(32), seenAt, token: Buffer.alloc(0), streams: open, heard: 0, denials: [] };
}

it('begins the commit log anew while it is never idle, and forgets lives that ended long ago', async () => {
  const commitLog = new CommitLog(SYSTEM_DISK, paths.commit);
  const recovered = await recover(SYSTEM_WORLD, paths, keys.known(), commitLog);
  const waiting = new Waiting(SYSTEM_CLOCK);
  const alive = randomBytes(16);
  const vault = new Vault({
    world: SYSTEM_WORLD, keys, commitLog, waiting, segments: paths.segments, dataKeys: join(home, 'keys'),
    cycleBytesMax: 1 << 20, keepDays: () => 400, segmentBytesMax: 1 << 20, isAlive: (instance) => instance.equals(alive),
  }, recovered, new EventEmitter());
  const publisher = new Publisher(SYSTEM_WORLD, vault, new LogDirectory(SYSTEM_DISK, paths.log), new RotationFiles(SYSTEM_DISK, paths.rotations), join(home, 'remembered'));
  const loop = new Loop({
    clock: SYSTEM_CLOCK, vault, publisher, space: new Space(SYSTEM_WORLD, home, 0, 0), own: new OwnRecords(SYSTEM_WORLD, SERVICE, randomBytes(16)), incidents: new Incidents(() => undefined), waiting, heartbeatMs: 1, idleCycleMs: 1, cycleBytesMax: 1 << 20,
    state: () => undefined, event: () => undefined,
  });
  const [long, old] = [randomBytes(16), randomBytes(16)];
  const push = (of: ProducerState): void => waiting.push({ runs: [], bytes: 0, state: of, awaited: true, committed: () => undefined });
  push(state(alive, 1n, 0));
  push(state(old, 1n, 0));
  await vault.cycle();
  for (let i = 0; i < 3; i += 1) push(state(long, nowNs(), 100));
  const stop = new AbortController();
  const running = loop.run(stop.signal);
  // A heartbeat is always due: publication never finds the log as it left it.
  while (readdirSync(paths.commit).every((name) => name.endsWith('-0001.commit'))) await wait(5);
  stop.abort();
  await running;
  await publisher.flush();
  const [name] = readdirSync(paths.commit);
  assert.ok(statSync(join(paths.commit, name!)).size > 16 * 1024 * 1024, 'the streams are still open');
  assert.deepEqual([alive, old, long].map((instance) => vault.producers.find(instance) !== undefined), [true, false, true]);
  await vault.release();
  const again = new CommitLog(SYSTEM_DISK, paths.commit);
  assert.equal((await recover(SYSTEM_WORLD, paths, keys.known(), again)).tree.size, vault.size);
  await again.close();
});

it('says that it stands still when a turn does not end, and not while it sleeps', async () => {
  const commitLog = new CommitLog(SYSTEM_DISK, paths.commit);
  const recovered = await recover(SYSTEM_WORLD, paths, keys.known(), commitLog);
  const waiting = new Waiting(SYSTEM_CLOCK);
  const vault = new Vault({
    world: SYSTEM_WORLD, keys, commitLog, waiting, segments: paths.segments, dataKeys: join(home, 'keys'), cycleBytesMax: 1 << 20, keepDays: () => 400, segmentBytesMax: 1 << 20, isAlive: () => true,
  }, recovered, new EventEmitter());
  const publisher = new Publisher(SYSTEM_WORLD, vault, new LogDirectory(SYSTEM_DISK, paths.log), new RotationFiles(SYSTEM_DISK, paths.rotations), join(home, 'remembered'));
  const hangs = Promise.withResolvers<void>();
  let isHanging = false;
  const loop = new Loop({
    clock: SYSTEM_CLOCK, vault, publisher, space: new Space(SYSTEM_WORLD, home, 0, 0), own: new OwnRecords(SYSTEM_WORLD, SERVICE, randomBytes(16)), incidents: new Incidents(() => undefined), waiting,
    heartbeatMs: 60_000, idleCycleMs: 1, cycleBytesMax: 1 << 20, state: () => undefined, event: () => undefined,
    between: () => (isHanging ? hangs.promise : Promise.resolve()), // as a sync that does not return
  });
  const stop = new AbortController();
  await loop.begin(stop.signal);
  const running = loop.run(stop.signal);
  await wait(300);
  for (let rounds = 0; loop.standstillMs > 0; rounds += 1) { // its first cycle may take longer
    assert.ok(rounds < 500, 'it sleeps until the heartbeat is due');
    await wait(20);
  }
  isHanging = true;
  loop.wake();
  while (loop.standstillMs < 200) await wait(20);
  hangs.resolve();
  isHanging = false;
  while (loop.standstillMs > 0) await wait(20);
  stop.abort();
  await running;
  await vault.release();
  await commitLog.close();
});
