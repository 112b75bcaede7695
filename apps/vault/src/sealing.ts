// SPDX-License-Identifier: Apache-2.0
// The vault without its sockets: recovery, then the parts of a cycle and its publication, put together.
import { EventEmitter } from 'node:events';
import { join } from 'node:path';
import type { Failed } from '@strongroom/bytes';
import { presentKey, vkeyOf, type CloseEntry } from '@strongroom/evidence';
import { classifier, errorFields, Incidents, logOrigin, retentionClasses, serviceId, type Fields, type Incident, type Level, type ServiceContext } from '@strongroom/service';
import { CommitLog } from './commit/commit-log.ts';
import type { KeyLine } from './commit/key-line.ts';
import { LogDirectory } from './commit/log-directory.ts';
import { checkLogKeys, keysOfLog, type TokenLogKey } from './commit/log-key.ts';
import { Loop } from './commit/loop.ts';
import { acceptance, segmentsFrom } from './commit/new-log.ts';
import { Publisher } from './commit/publisher.ts';
import { recover, type KnownLog } from './commit/recover.ts';
import { RotationFiles } from './commit/rotation-files.ts';
import { Rotator, completeRotations } from './commit/rotator.ts';
import { Space } from './commit/space.ts';
import { Vault, type VaultEvents } from './commit/vault.ts';
import { isDiskFull, makeStore, putFile, readWhole } from './disk.ts';
import type { ClassOf } from './intake/admission.ts';
import { OwnRecords } from './intake/own-records.ts';
import { Waiting } from './intake/waiting.ts';
import type { World } from './world.ts';

const SPACE_POLL_MS = 500;

/** What sealing is told by its process, and tells it. */
export type SealingContext = Pick<ServiceContext, 'paths' | 'config' | 'deployment' | 'instance' | 'stop' | 'state' | 'event'>;

export interface Sealing {
  readonly keys: KeyLine;
  /** The log's name. */
  readonly origin: string;
  readonly vault: Vault;
  readonly waiting: Waiting;
  readonly own: OwnRecords;
  readonly incidents: Incidents;
  /** Those to show; it also has sealed what is over by now. */
  lookAtIncidents(): readonly Incident[];
  readonly publisher: Publisher;
  readonly space: Space;
  readonly loop: Loop;
  readonly rotator: Rotator;
  readonly events: EventEmitter<VaultEvents>;
  /** The retention class of a run. */
  readonly classOf: ClassOf;
  /** What the commit log still tells of segments that were closed before: a crash may have come before their flags. */
  readonly closedBefore: readonly CloseEntry[];
  /** Seals something that happened to the vault itself. */
  record(event: string, fields: Fields, level?: Level): void;
  /** Commits and publishes that the vault has started: before this nothing is acknowledged, and nobody reads. */
  start(): Promise<void>;
  /** Services have drained by now: what they got no ack for they will send again. */
  stop(): Promise<void>;
}

export interface SealingOptions {
  readonly world: World;
  readonly context: SealingContext;
  /** Makes the line to the HSM, which tells when it is away and when it is back. */
  readonly openKeys: (onAway: (error: Failed) => void, onBack: (awayMs: number) => void) => KeyLine;
  /** Whether a life of a service may still come back. */
  readonly isAlive: (instance: Buffer) => boolean;
  /** From how many octets on a file of the commit log is followed by another; 16 MiB. */
  readonly commitFileBytes?: number;
  /** From how many octets on a batch is followed by another; 4 MiB. */
  readonly batchBytes?: number;
}

/** Makes the directories that must be there before anything else. */
export async function prepareStore(world: World, context: SealingContext): Promise<void> {
  const { store, vaultState, dataKeys } = context.paths;
  const { minFreeBytes, reserveBytes } = context.config.vault;
  await withRoom(world, context, new Space(world, store, minFreeBytes, reserveBytes), () => makeStore(world.disk, store, vaultState, dataKeys));
}

/** Opens what {@link prepareStore} prepared. Throws what {@link recover} throws. */
export async function openSealing({ world, context, openKeys, isAlive, commitFileBytes, batchBytes }: SealingOptions): Promise<Sealing> {
  const { disk, clock } = world;
  const { paths, config: { vault: config, retention } } = context;
  const classOf = classifier(retention);
  const keepDays = new Map(retentionClasses(retention).map((one) => [one.name, one.keepDays]));
  const [waiting, own] = [new Waiting(clock), new OwnRecords(world, serviceId(context.deployment, 'vault'), context.instance, classOf)];
  const nowMs = (): number => timeMs(clock);
  // They go ahead of all that waits: on a full disk, out of the reserve.
  const incidents = new Incidents((event, level, fields) => {
    context.event(event, level, fields);
    waiting.pushIncident(own.event(event, level, fields));
  }, (size) => world.random(size));
  const keys = openKeys((error) => {
    incidents.lasts('keys', 'away', nowMs(), nowMs());
    context.state('stalled', `the HSM is away: ${error.message}`);
    context.event('vault.keys-away', 'error', errorFields(error));
  }, (awayMs) => {
    context.state('running');
    context.event('vault.keys-back', 'warn', { awayMs: Math.round(awayMs) });
    waiting.pushIncident(own.event('vault.keys-were-away', 'warn', { awayMs: Math.round(awayMs) }));
    incidents.over('keys', 'away', nowMs());
  });
  const origin = logOrigin(paths, context.deployment, (path) => readWhole(disk, path)?.toString() ?? null);
  const inToken = await keysInToken(origin, keys);
  const remembered = readWhole(disk, join(paths.vaultState, 'remembered'))?.toString() ?? null;
  const known: KnownLog = { first: inToken[0]!.key, keys: inToken.map(({ key }) => key), remembered, segmentsFrom: segmentsFrom(disk, paths.dataKeys) };
  const space = new Space(world, paths.store, config.minFreeBytes, config.reserveBytes);
  const commitLog = new CommitLog(disk, paths.commit, commitFileBytes);
  const recovered = await withRoom(world, context, space, () => recover(world, paths, known, commitLog), incidents);
  checkLogKeys(recovered.keys, inToken);
  const rotationFiles = new RotationFiles(disk, paths.rotations);
  const publishVkey = async (vkey: string): Promise<void> => {
    const path = join(paths.vaultState, 'vkey');
    if (readWhole(disk, path)?.toString() !== `${vkey}\n`) await putFile(disk, path, `${vkey}\n`);
  };
  // After recovery: the checkpoint that is published now is one that this key signed.
  await withRoom(world, context, space, () => publishVkey(vkeyOf(presentKey(recovered.keys))), incidents);
  const isInUse = (vkey: string): boolean => inToken.some((one) => one.vkey === vkey && (one.state === 'active' || one.state === 'next'));
  await completeRotations(recovered.keys, rotationFiles.texts(recovered.keys), isInUse, keys.sealing);
  await space.reserve();

  const events = new EventEmitter<VaultEvents>();
  const vault = new Vault({
    world, keys: keys.sealing, commitLog, waiting, segments: paths.segments, dataKeys: paths.dataKeys,
    cycleBytesMax: config.cycleMaxBytes, segmentBytesMax: config.segmentMaxBytes, batchBytes, keepDays: (name) => keepDays.get(name)!, isAlive,
  }, recovered, events);
  const publisher = new Publisher(world, vault, new LogDirectory(disk, paths.log), rotationFiles, join(paths.vaultState, 'remembered'));
  const rotator = new Rotator({ vault, keys: keys.sealing, publish: () => publisher.flush(), publishVkey, record: (event, fields) => record(event, fields) });
  const loop = new Loop({
    between: () => rotator.step(), clock, vault, publisher, space, own, incidents, waiting, heartbeatMs: config.heartbeatSeconds * 1000, idleCycleMs: config.idleCycleMs, cycleBytesMax: config.cycleMaxBytes,
    state: (state, reason) => context.state(state, reason), event: (name, level, fields) => context.event(name, level, fields),
  });

  const record = (event: string, fields: Fields, level: Level = 'info'): void => {
    waiting.push(own.event(event, level, fields));
    loop.wake();
  };
  const lookAtIncidents = (): readonly Incident[] => {
    const all = incidents.look(nowMs());
    if (waiting.hasIncidents) loop.wake();
    return all;
  };
  const start = async (): Promise<void> => {
    const accepted = recovered.isNew ? await acceptance(disk, paths, clock.nowNs()) : null;
    if (accepted !== null) {
      // What the log before sealed is none of this one's to destroy.
      await keys.sealing.retireWrappingKeys();
      vault.enter(accepted);
      record('vault.log-begun', { origin, after: accepted.origin, size: accepted.size, lost: accepted.seen - accepted.size }, 'warn');
    }
    vault.enter({ kind: 'start', time: clock.nowNs(), size: vault.size, rewritten: recovered.rewritten });
    record('vault.started', { size: vault.size, rewritten: recovered.rewritten, tornSegments: recovered.torn.length });
    await loop.begin(context.stop);
  };
  const stop = async (): Promise<void> => {
    rotator.close();
    incidents.close(nowMs());
    waiting.push(own.event('vault.stopped', 'info', { reason: String(context.stop.reason) }));
    while (vault.hasWork) await vault.cycle();
    await vault.closeSegments();
    await vault.cycle();
    await publisher.flush();
    await vault.release();
  };
  return { keys, origin, classOf, vault, waiting, own, incidents, lookAtIncidents, publisher, space, loop, rotator, events, closedBefore: recovered.closed, record, start, stop };
}

function timeMs(clock: World['clock']): number {
  return Number(clock.nowNs() / 1_000_000n);
}

/** What the token has for this log; the first key of a log that is to begin is made. */
async function keysInToken(origin: string, keys: KeyLine): Promise<TokenLogKey[]> {
  const found = keysOfLog(origin, await keys.logKeys());
  if (found.length > 0) return found;
  await keys.sealing.foundLogKey(origin);
  return keysOfLog(origin, await keys.logKeys());
}

/** Recovery writes: on a full disk it waits for room, out of the reserve at first. */
async function withRoom<T>({ clock }: World, context: SealingContext, space: Space, work: () => Promise<T>, incidents?: Incidents): Promise<T> {
  for (;;) {
    try {
      const done = await work();
      incidents?.over('store', 'disk-full', timeMs(clock));
      return done;
    } catch (error) {
      if (!isDiskFull(error) || context.stop.aborted) throw error;
      incidents?.lasts('store', 'disk-full', timeMs(clock), timeMs(clock));
      context.state('stalled', 'the disk is full; the store cannot be opened before there is room');
      await space.release();
      await clock.sleep(SPACE_POLL_MS, context.stop);
    }
  }
}
