// SPDX-License-Identifier: Apache-2.0
// One process of the vault: main.ts over a simulated world, with links in the place of sockets.
import { basename } from 'node:path';
import { KIND, packFrame, parsePartName, type CloseEntry } from '@strongroom/evidence';
import { mayApprove, type Identity, type Layout } from '@strongroom/service';
import { configOf, type Config } from '@strongroom/service/config';
import { SIMULATED_AUTHORITY, SIMULATED_REGISTRY, SimulatedDisk, simulatedHsm, type DiskImage, type Operation, type Seeded, type SimulatedLink, type SimulatedTime, type SoftwareKeys } from '@strongroom/testing';
import type { CustodyKeys, KeyLine } from '../commit/key-line.ts';
import { patiently } from '../commit/keys.ts';
import { openCustody } from '../custody/open-custody.ts';
import type { Custody } from '../custody/custody.ts';
import type { CustodyTools } from '../custody/tools.ts';
import type { Disk } from '../disk.ts';
import type { Permit } from '../intake/admission.ts';
import { Lives, type LivesBounds } from '../intake/lives.ts';
import { dataKeyReader } from '../read/data-keys.ts';
import { openSealing, prepareStore, type Sealing, type SealingContext } from '../sealing.ts';
import type { ChecksumDisk } from '../upkeep/checksum-file.ts';
import type { Aside, World } from '../world.ts';
import type { Chance } from './chance.ts';
import type { Oracle } from './oracle.ts';
import { sealedRun } from './sealed-store.ts';
import { SimulatedReading } from './simulated-reading.ts';
import { SimulatedUpkeep } from './simulated-upkeep.ts';

const UPKEEP_AGAIN_MS = 60_000;

export const DEPLOYMENT = 'simulated.example';

export interface VaultSizes {
  readonly segmentMaxBytes: number;
  readonly cycleMaxBytes: number;
  readonly commitFileBytes: number;
  readonly minFreeBytes: number;
  readonly reserveBytes: number;
  readonly heartbeatSeconds: number;
  readonly idleCycleMs: number;
  /** Entries that each start adds, so that a log grows beyond one tile. */
  readonly extraEntries: number;
  /** From how many octets on a batch is followed by another, and one is compressed aside. */
  readonly batchBytes: number;
  readonly asideFromBytes: number;
  /** What is kept of services at most; as the vault has it where nothing is said. */
  readonly bounds?: LivesBounds;
}

/** Faults as a programmer would make them, put between the vault and what it works with. */
export interface Tampering {
  readonly disk?: (disk: Disk) => Disk;
  readonly keys?: (keys: CustodyKeys) => Partial<CustodyKeys>;
  readonly reading?: (reading: CustodyTools['reading']) => Partial<CustodyTools['reading']>;
  readonly checksums?: (disk: ChecksumDisk) => Partial<ChecksumDisk>;
  /** Whether a message of this type is said to a service, before or after its welcome. */
  readonly says?: (type: number, isWelcome: boolean) => boolean;
}

/** The machine that it runs on. */
export interface VaultHost {
  readonly image: DiskImage;
  readonly time: SimulatedTime;
  readonly random: Seeded;
  readonly chance: Chance;
  readonly capacity: number;
  readonly paths: Layout;
  readonly keys: SoftwareKeys;
  readonly oracle: Oracle;
  readonly revoked: ReadonlySet<string>;
  readonly options: {
    readonly sizes: VaultSizes;
    /** With holds, orders and destructions. */
    readonly hasCustody?: boolean;
    /** With the checksum database. */
    readonly hasChecksums?: boolean;
    readonly tamper?: Tampering;
    readonly onOperation?: (operation: Operation) => void;
  };
  kill(): void;
  saw(operation: Operation, told: string): void;
  note(line: string): void;
  checkStore(): void;
}

export class VaultProcess {
  readonly #machine: VaultHost;
  readonly #disk: SimulatedDisk;
  readonly #stop = new AbortController();
  readonly world: World;
  readonly links = new Set<SimulatedLink>();
  isAlive = true;
  isListening = false;
  sealing: Sealing | undefined;
  lives: Lives | undefined;
  custody: Custody | undefined;
  upkeep: SimulatedUpkeep | undefined;

  constructor(machine: VaultHost) {
    this.#machine = machine;
    const { time, chance, random, options } = machine;
    this.#disk = new SimulatedDisk({
      image: machine.image, time, owner: this, chance, capacity: () => machine.capacity,
      before: (operation) => {
        options.onOperation?.(operation);
        if (chance.killsNow(operation)) machine.kill();
      }, after: (operation, told) => machine.saw(operation, told),
    });
    const disk: Disk = this.#disk;
    this.world = { disk: options.tamper?.disk?.(disk) ?? disk, clock: time.clock(this), random: seededBytes(random.fork('vault')), aside: this.#aside() };
  }

  /** A thread of the pool takes its time, and reads what it was given until it is done. */
  #aside(): Aside {
    const { time, chance, options } = this.#machine;
    return {
      fromBytes: options.sizes.asideFromBytes,
      pack: (plain) => new Promise((resolve) => {
        time.after(chance.random.between(10, 3000) / 1000, () => {
          const packed = packFrame(plain);
          resolve({ ...packed, body: Buffer.from(packed.body) });
        }, this);
      }),
    };
  }

  /** Until it is stopped in order. Rejects with what ends it. */
  async run(): Promise<void> {
    const { time, options } = this.#machine;
    const context = this.#context();
    await prepareStore(this.world, context);
    const sealing = await openSealing({
      world: this.world, context, commitFileBytes: options.sizes.commitFileBytes, batchBytes: options.sizes.batchBytes,
      openKeys: (onAway, onBack) => this.#keys(onAway, onBack), isAlive: (instance) => this.lives?.isAlive(instance) ?? false,
    });
    this.sealing = sealing;
    const { vault, waiting, loop, own, classOf, events } = sealing;
    this.lives = new Lives({ clock: this.world.clock, producers: vault.producers, waiting, loop, own, permit: this.#permit, classOf, event: () => undefined, ...(options.sizes.bounds === undefined ? {} : { bounds: options.sizes.bounds }) });
    events.on('sealed', (batches, first, checkpoint) => {
      this.lives?.sealed(batches, first, checkpoint);
      for (const [i, { entry, runs }] of batches.entries()) for (const [place, run] of runs.entries()) this.#machine.oracle.custody.committed(sealedRun(run, entry.segment, first + i, place));
    });
    this.#protectSegments(sealing);
    if (options.hasCustody === true) this.custody = this.#openCustody(context, sealing);
    for (let i = 0; i < options.sizes.extraEntries; i += 1) vault.enter({ kind: 'heartbeat', time: time.nowNs });
    await sealing.start();
    if (!this.isStopping) this.#machine.checkStore();
    this.lives.awaitReturns();
    this.isListening = true;
    this.custody?.start();
    if (options.hasChecksums === true) this.#startUpkeep(sealing);
    await loop.run(this.#stop.signal);
    this.isListening = false;
    this.custody?.close();
    this.upkeep?.close();
    this.lives.close();
    await sealing.stop();
  }

  get isStopping(): boolean {
    return this.#stop.signal.aborted;
  }

  /** As upkeep does it in its thread: help, not proof, and never waited for. */
  #protectSegments({ events, closedBefore }: Sealing): void {
    const { image, paths } = this.#machine;
    const closed = ({ segment }: CloseEntry): void => {
      for (const path of image.files(paths.segments).keys()) {
        if (parsePartName(basename(path))?.segment === segment) void this.#disk.protect(path, 'immutable').catch(() => undefined);
      }
    };
    events.on('opened', ({ path }) => { void this.#disk.protect(path, 'append').catch(() => undefined); });
    events.on('closed', closed);
    for (const entry of closedBefore) closed(entry);
  }

  /** What its thread fails with ends nothing here: after a while another is begun. */
  #startUpkeep(sealing: Sealing): void {
    const { publisher } = sealing;
    const { paths: { log, vaultState: state }, options } = this.#machine;
    const disk = blocking(this.#disk);
    this.upkeep = new SimulatedUpkeep({ world: this.world, disk: { ...disk, ...options.tamper?.checksums?.(disk) }, log, state, publishedSize: () => publisher.publishedSize });
    this.upkeep.run().catch(() => {
      this.world.clock.after(UPKEEP_AGAIN_MS, () => { if (this.isListening) this.#startUpkeep(sealing); });
    });
  }

  #openCustody(context: SealingContext, sealing: Sealing): Custody {
    const { chance, options } = this.#machine;
    const { paths, config, event } = context;
    const reading = new SimulatedReading({
      world: this.world, log: paths.log, segments: paths.segments, latencyMs: () => chance.random.between(10, 500) / 1000,
      dataKey: dataKeyReader(paths.dataKeys, sealing.origin, sealing.keys.unwrap, () => sealing.vault.openSegments, this.world.disk),
    });
    const custody = openCustody(this.world, {
      paths, config, registry: SIMULATED_REGISTRY, identity: { caPem: pemOf(SIMULATED_AUTHORITY) } as Identity, event, protect: (path, flag) => this.#disk.protect(path, flag).catch(() => false),
    }, sealing, { ask: reading.ask, interrupt: reading.interrupt, ...options.tamper?.reading?.(reading) });
    sealing.events.on('closed', () => custody.closed());
    return custody;
  }

  /** Somebody orders new keys; what becomes of that is told by what is sealed. */
  rotate(what: { readonly log: boolean; readonly wrapping: boolean }): void {
    if (this.isListening) this.sealing?.rotator.rotate(what).catch(() => undefined);
  }

  stop(): void {
    this.#stop.abort('stop was asked for');
  }

  /** It is gone: nothing of it happens any more, what it did last did or did not take effect, and its lines end. */
  die(): void {
    if (!this.isAlive) return;
    this.isAlive = false;
    const { random } = this.#machine;
    this.#disk.kill(({ kind, bytes }) => (random.chance(0.5) ? -1 : kind === 'write' && random.chance(0.5) ? random.below(bytes + 1) : Infinity));
    for (const link of this.links) link.vaultDied(random.chance(0.3) ? this.#machine.time.nowMs : Infinity);
  }

  #keys(onAway: (error: never) => void, onBack: (awayMs: number) => void): KeyLine {
    const { keys, time, chance, options } = this.#machine;
    const hsm = simulatedHsm(keys, time, this, {
      latencyMs: () => (chance.hsmIsSilent ? null : chance.random.between(100, 4000) / 1000), isAway: () => chance.hsmIsAway,
      hasDone: () => chance.random.chance(0.5),
    }, () => ({ origin: keys.key.name, authority: SIMULATED_AUTHORITY, now: time.nowNs, mayApprove: (custodian, { created }) => mayApprove(SIMULATED_REGISTRY, custodian, Number(created / 1_000_000n)) }));
    const patient = patiently(hsm, { clock: this.world.clock, onAway: onAway as (error: unknown) => void, onBack, stop: this.#stop.signal });
    return { sealing: patient, logKeys: () => patient.logKeys(), unwrap: hsm.unwrap, custody: { ...hsm, ...options.tamper?.keys?.(hsm) }, close: () => undefined };
  }

  #context(): SealingContext {
    const { paths, options, random } = this.#machine;
    const { commitFileBytes: _file, extraEntries: _extra, bounds: _bounds, batchBytes: _batch, asideFromBytes: _aside, ...sizes } = options.sizes;
    return {
      paths, config: configOf({ vault: sizes, retention: { classes: { short: { keepDays: 30, basis: 'simulated' } }, rules: [{ source: 's1', class: 'short' }] } }) as Config, deployment: DEPLOYMENT, instance: random.bytes(16), stop: this.#stop.signal,
      state: (state, reason) => this.#machine.note(`state ${state} ${reason ?? ''}`), event: (event) => this.#machine.note(`event ${event}`),
    };
  }

  /** Like permit.ts: a source that was revoked may only end its streams. */
  readonly #permit: Permit = (_service, run) => {
    const code = this.#machine.revoked.has(run.source) && run.kind !== KIND.end ? 'source.revoked' : null;
    this.#machine.oracle.judged(run.stream.toString('hex'), run.firstSequence, code);
    return code;
  };
}

/** The calls that block, free of their object. */
function blocking(disk: SimulatedDisk): ChecksumDisk {
  return {
    statSync: (path) => disk.statSync(path), openSync: (path, flags) => disk.openSync(path, flags), fstatSync: (fd) => disk.fstatSync(fd), closeSync: (fd) => disk.closeSync(fd),
    readSync: (fd, into, offset, length, position) => disk.readSync(fd, into, offset, length, position), ftruncateSync: (fd, length) => disk.ftruncateSync(fd, length),
    writeSync: (fd, text) => disk.writeSync(fd, text), fsyncSync: (fd) => disk.fsyncSync(fd),
  };
}

function pemOf(certificate: Buffer): string {
  return `-----BEGIN CERTIFICATE-----\n${certificate.toString('base64')}\n-----END CERTIFICATE-----\n`;
}

export function seededBytes(random: Seeded): (size: number) => Buffer {
  return (size) => random.bytes(size);
}
