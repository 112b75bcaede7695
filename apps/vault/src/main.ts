// SPDX-License-Identifier: Apache-2.0
// The vault: seals what services submit, owns the log and the segments, and serves authorised local readers.
import { EventEmitter } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { join } from 'node:path';
import { parseVkey, vkeyLine, type NoteKey } from '@strongroom/evidence';
import { SUBMITTERS, errorFields, nowNs, runService, serviceId, type ServiceContext } from '@strongroom/service';
import { CommitLog } from './commit/commit-log.ts';
import { dataKeyReader } from './read/data-keys.ts';
import { isDiskFull, makeStore, putFile, readWhole } from './disk.ts';
import { holdExclusively } from './exclusive.ts';
import { Intake } from './intake/intake.ts';
import { openKeyLine, type KeyLine } from './commit/key-line.ts';
import { LogDirectory } from './commit/log-directory.ts';
import { Loop } from './commit/loop.ts';
import { OwnRecords } from './intake/own-records.ts';
import { permitFor } from './intake/permit.ts';
import { Publisher } from './commit/publisher.ts';
import { ReadSocket } from './read/read-socket.ts';
import { Reading } from './read/reading.ts';
import { recover, type Recovered } from './commit/recover.ts';
import { Refusals } from './intake/refusals.ts';
import { Space } from './commit/space.ts';
import { statsOf } from './stats.ts';
import { Vault, type VaultEvents } from './commit/vault.ts';
import { Waiting } from './intake/waiting.ts';
import { Worm } from './commit/worm.ts';

const SPACE_POLL_MS = 500;

runService('vault', async (context) => {
  const { paths, config } = context;
  await makeStore(paths.store, paths.vaultState, paths.dataKeys);
  const lock = await holdExclusively(paths.store);
  const own = new OwnRecords(serviceId(context.deployment, 'vault'), context.instance);
  const waiting = new Waiting();
  const keys = openKeyLine(context, (error) => {
    context.state('stalled', `the HSM is away: ${error.message}`);
    context.event('vault.keys-away', 'error', errorFields(error));
  }, (awayMs) => {
    context.state('running');
    context.event('vault.keys-back', 'warn', { awayMs: Math.round(awayMs) });
    waiting.pushIncident(own.event('vault.keys-were-away', 'warn', { awayMs: Math.round(awayMs) }));
  });
  const { key, vkey } = await logKey(context, keys);
  const space = new Space(paths.store, config.vault.minFreeBytes, config.vault.reserveBytes);
  const commitLog = new CommitLog(paths.commit);
  const recovered = await recoverWithRoom(context, space, key, commitLog);
  await space.reserve();

  const events = new EventEmitter<VaultEvents>();
  const vault = new Vault({
    key, keys: keys.sealing, commitLog, waiting, segments: paths.segments, dataKeys: paths.dataKeys,
    cycleBytesMax: config.vault.cycleMaxBytes, segmentBytesMax: config.vault.segmentMaxBytes, isAlive: (instance) => intake.isAlive(instance),
  }, recovered, events);
  const publisher = new Publisher(vault, new LogDirectory(paths.log), join(paths.vaultState, 'remembered'));
  const loop = new Loop({
    vault, publisher, space, own, waiting, heartbeatMs: config.vault.heartbeatSeconds * 1000, idleCycleMs: config.vault.idleCycleMs, cycleBytesMax: config.vault.cycleMaxBytes,
    state: (state, reason) => context.state(state, reason), event: (name, level, fields) => context.event(name, level, fields),
  });
  const record = (event: string, fields: Record<string, string | number | boolean | null>): void => {
    waiting.push(own.event(event, 'info', fields));
    loop.wake();
  };
  const worm = followSegments(context, events);
  for (const entry of recovered.closed) events.emit('closed', entry);
  const reading = new Reading({ log: paths.log, segments: paths.segments }, dataKeyReader(paths.dataKeys, key.name, keys.unwrap, () => vault.openSegment));
  const refusals = new Refusals((event, fields) => {
    context.event(event, 'warn', fields);
    record(event, { ...fields });
  });
  const readers = new ReadSocket({ context, reading, settle: () => loop.settle(), record, refused: (event, fields) => refusals.note(event, fields) });
  events.on('sealed', (batches, first) => readers.sealed(batches, first));
  const intake = new Intake(context, vault.producers, waiting, loop, own, permitFor(context.deployment, () => context.registry));

  vault.enter({ kind: 'start', time: nowNs(), size: vault.size, rewritten: recovered.rewritten });
  record('vault.started', { size: vault.size, rewritten: recovered.rewritten, tornSegments: recovered.torn.length });
  context.stats(() => statsOf({ vault, waiting, publisher, space, worm, vkey }));
  await loop.cycle(context.stop);
  await publisher.flush();
  await intake.listen(SUBMITTERS);
  await readers.listen();
  context.onMessage('reload', () => {
    try {
      intake.reload();
      readers.reload();
    } catch (error) {
      context.event('vault.reload-refused', 'error', errorFields(error));
    }
  });
  context.ready();
  context.state('running');

  await loop.run(context.stop);
  await stop();
  lock.close();

  /** Services have drained by now: what they got no ack for they will send again. */
  async function stop(): Promise<void> {
    readers.close();
    await intake.close();
    waiting.push(own.event('vault.stopped', 'info', { reason: String(context.stop.reason) }));
    while (vault.hasWork) await vault.cycle();
    await vault.closeSegment();
    await vault.cycle();
    await publisher.flush();
    await worm.settled();
    await vault.release();
    reading.close();
    keys.close();
  }
});

/** The log's key and its line; the latter is kept in state/vault for those who verify without services. */
async function logKey(context: ServiceContext, keys: KeyLine): Promise<{ key: NoteKey; vkey: string }> {
  const vkey = vkeyLine(`${context.deployment}/log`, await keys.logPublicKey());
  await putFile(join(context.paths.vaultState, 'vkey'), `${vkey}\n`);
  return { key: parseVkey(vkey), vkey };
}

/** Recovery writes: on a full disk it waits for room, out of the reserve at first. */
async function recoverWithRoom(context: ServiceContext, space: Space, key: NoteKey, commitLog: CommitLog): Promise<Recovered> {
  const remembered = readWhole(join(context.paths.vaultState, 'remembered'))?.toString() ?? null;
  for (;;) {
    try {
      return await recover(context.paths, key, remembered, commitLog);
    } catch (error) {
      if (!isDiskFull(error) || context.stop.aborted) throw error;
      context.state('stalled', 'the disk is full; the store cannot be opened before there is room');
      await space.release();
      await wait(SPACE_POLL_MS, undefined, { signal: context.stop }).catch(() => undefined);
    }
  }
}

/** Flags and digests follow segments outside the commit cycle: they are help, not proof. */
function followSegments(context: ServiceContext, events: EventEmitter<VaultEvents>): Worm {
  const worm = new Worm(context.paths.segments, context.paths.vaultState, (path, flag) => context.protect(path, flag));
  const failed = (error: unknown): void => context.event('vault.protection-failed', 'warn', errorFields(error));
  events.on('opened', (segment) => { worm.follow(worm.opened(segment).catch(failed)); });
  events.on('closed', (entry) => { worm.follow(worm.closed(entry).catch(failed)); });
  return worm;
}
