// SPDX-License-Identifier: Apache-2.0
// The vault: seals what services submit, owns the log and the segments, and serves authorised local readers.
import { join } from 'node:path';
import { Refused } from '@strongroom/bytes';
import { vkeyOf } from '@strongroom/evidence';
import { SUBMITTERS, checkProcess, errorFields, holdExclusively, runService, useNativeHasher, type Level, type ServiceContext } from '@strongroom/service';
import { keyUses } from './read/key-uses.ts';
import { openCustody } from './custody/open-custody.ts';
import { dataKeyReader } from './read/data-keys.ts';
import { FILTERS_DIRECTORY, keepFilters } from './read/filter-keeper.ts';
import { Intake } from './intake/intake.ts';
import { openKeyLine } from './commit/key-line.ts';
import { Counting } from './counting.ts';
import { Lives } from './intake/lives.ts';
import { permitFor } from './intake/permit.ts';
import { Aftermath } from './read/aftermath.ts';
import { ReadSocket } from './read-socket.ts';
import { Reading } from './read/reading.ts';
import { readWanted } from './commit/rotator.ts';
import { Refusals } from './intake/refusals.ts';
import { openSealing, prepareStore, type Sealing, type SealingContext } from './sealing.ts';
import { Standing } from './standing.ts';
import { statsOf } from './stats.ts';
import { Upkeep } from './upkeep/upkeep.ts';
import { Timestamping } from './witness/timestamping.ts';
import { WitnessSocket, type WitnessSocketOptions } from './witness/witness-socket.ts';
import { Witnessing } from './witness/witnessing.ts';
import { SYSTEM_WORLD, type World } from './world.ts';

const DAY_MS = 24 * 3600 * 1000;

runService('vault', async (context) => {
  const { paths } = context;
  const world: World = { ...SYSTEM_WORLD, clock: { ...SYSTEM_WORLD.clock, stamp: () => context.clock.stamp() } };
  context.event('vault.hashing', 'info', { by: useNativeHasher() ? 'addon' : 'webassembly' });
  const standing = new Standing((state, reason) => context.state(state, reason));
  const { config, deployment, instance, stop } = context;
  const told: SealingContext = { paths, config, deployment, instance, stop, state: standing.state, event: (event, level, fields) => context.event(event, level, fields) };
  await prepareStore(world, told);
  const lock = await holdExclusively('vault', paths.store);
  const sealing = await openSealing({
    world, context: told, openKeys: (onAway, onBack) => openKeyLine(world.clock, context, onAway, onBack), isAlive: (instance) => lives.isAlive(instance),
  });
  const { vault, waiting, loop, own, origin, keys, events, rotator, classOf, record } = sealing;
  const upkeep = new Upkeep({
    data: {
      store: paths.store, log: paths.log, segments: paths.segments, state: paths.vaultState, checksums: config.vault.checksums ?? paths.vaultState,
      vkey: vkeyOf(vault.keys.epochs[0]!.key), periodMs: config.vault.scrubDays * DAY_MS,
    },
    protect: (path, flag) => context.protect(path, flag), event: (event, level, fields) => context.event(event, level, fields),
    seal: (event, level, fields) => {
      context.event(event, level, fields);
      record(event, fields, level);
    },
    degraded: (reason) => standing.degrade(reason), publishedSize: () => sealing.publisher.publishedSize,
  });
  events.on('opened', ({ name, path }) => upkeep.opened(name, path));
  events.on('closed', (entry) => upkeep.closed(entry));
  for (const entry of sealing.closedBefore) upkeep.closed(entry);

  const openReading = (): Reading => new Reading({ log: paths.log, witnessed: paths.witnessed, segments: paths.segments, timestamps: paths.timestamps, rotations: paths.rotations, orders: paths.orders, state: paths.vaultState }, dataKeyReader(paths.dataKeys, origin, keys.unwrap, () => vault.openSegments));
  // Holds are judged by a thread of their own: what a reader asks for holds up no decision.
  const [reading, judging] = [openReading(), openReading()];
  const refusals = new Refusals(world.clock, (event, fields) => {
    context.event(event, 'warn', fields);
    record(event, { ...fields });
  });
  const custody = openCustody(world, context, sealing, {
    ask: (verb, args) => judging.ask(verb, args),
    interrupt: async (why) => { await Promise.all([reading.interrupt(why), judging.interrupt(why)]); },
  });
  events.on('closed', () => custody.closed());
  const readers = new ReadSocket({ context, reading, custody, settle: () => loop.settle(), record, refused: (event, fields) => refusals.note(event, fields) });
  const filters = keepFilters(world.disk, join(paths.vaultState, FILTERS_DIRECTORY), events);
  events.on('sealed', (batches, first) => readers.sealed(batches, first));
  const permit = permitFor(context.deployment, () => context.registry);
  const lives = new Lives({ clock: world.clock, producers: vault.producers, waiting, loop, own, permit, classOf, event: (event, level, fields) => context.event(event, level, fields) });
  events.on('sealed', (batches, first, checkpoint) => lives.sealed(batches, first, checkpoint));
  const intake = new Intake(context, lives);

  const counting = Counting.open(world, told, sealing);
  await counting?.compare();
  const witnessing = await Witnessing.open(world, told, sealing);
  const timestamping = Timestamping.open(world, told, sealing);
  const witnessSocket = witnessing === null && timestamping === null ? null : openWitnessSocket(context, sealing, { witnessing, timestamping }, refusals);
  context.stats(() => statsOf(sealing, upkeep, custody.facts, { witness: witnessing?.facts ?? null, timestamp: timestamping?.facts ?? null, counter: counting?.facts ?? null }));
  context.advancing(() => sealing.loop.standstillMs);
  // Nothing is signed before the witnesses were asked: a store that was put back must not go another way.
  await witnessSocket?.listen();
  await witnessing?.compare();
  await sealing.start();
  upkeep.start();
  context.onMessage('scrub', () => upkeep.scrub());
  await intake.listen(SUBMITTERS);
  await readers.listen();
  const aftermath = new Aftermath({ reading, settle: () => loop.settle(), record, deployment });
  context.onOrder('last-before', (args) => aftermath.lastBefore(args));
  context.onOrder('feed-records', (args) => aftermath.feedRecords(args));
  context.onOrder('key-uses', async () => keyUses(world.disk, paths.dataKeys));
  context.onOrder('check-process', async () => checkProcess());
  context.onOrder('rotate-keys', (args) => {
    const done = rotator.rotate(readWanted(args));
    loop.wake();
    return done;
  });
  context.onOrder('timestamp-now', async () => {
    if (timestamping !== null) return timestamping.wish();
    throw new Refused('timestamp.no-authority', 'there is no time stamping authority', { why: 'witness.timestamps.url is not configured', fix: 'name an authority under witness.timestamps, then start again' });
  });
  custody.start();
  context.onMessage('reload', () => {
    try {
      intake.reload();
      readers.reload();
      witnessSocket?.reload();
    } catch (error) {
      context.event('vault.reload-refused', 'error', errorFields(error));
    }
  });
  context.ready();
  standing.state('running');

  void witnessing?.watch(context.stop);
  void timestamping?.watch(context.stop);
  void counting?.watch(context.stop);
  await Promise.race([loop.run(context.stop), ...(witnessing === null ? [] : [witnessing.refused]), ...(counting === null ? [] : [counting.refused])]);
  custody.close();
  readers.close();
  witnessSocket?.close();
  await intake.close();
  await sealing.stop();
  await filters.settled();
  await upkeep.close();
  reading.close();
  judging.close();
  keys.close();
  lock.close();
});

function openWitnessSocket(context: ServiceContext, { origin, record }: Sealing, outside: Pick<WitnessSocketOptions, 'witnessing' | 'timestamping'>, refusals: Refusals): WitnessSocket {
  const reports = new Refusals(SYSTEM_WORLD.clock, (event, { level, ...fields }) => record(event, fields, level as Level));
  return new WitnessSocket({ context, ...outside, origin, reports, refused: (event, fields) => refusals.note(event, fields) });
}
