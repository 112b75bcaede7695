// SPDX-License-Identifier: Apache-2.0
// One machine: a disk that outlives the vault's processes, an HSM, a clock, and services that submit. The vault on it is
// the real one, without sockets and the process around it.
import { createHash } from 'node:crypto';
import { MESSAGE, decodeMessage, encodeHello, type Message } from '@strongroom/evidence';
import { layout, serviceId, type Layout } from '@strongroom/service';
import {
  DiskImage, SimulatedLink, SimulatedService, SimulatedTime, SoftwareKeys, type Operation, type Seeded, type SimulatedServiceOptions,
} from '@strongroom/testing';
import type { Custody } from '../custody/custody.ts';
import { Chance } from './chance.ts';
import type { Office } from './operator.ts';
import { Oracle } from './oracle.ts';
import { checkVerified, readStore } from './sealed-store.ts';
import { TilesHold } from './tiles-hold.ts';
import { DEPLOYMENT, VaultProcess, type Tampering, type VaultHost, type VaultSizes } from './vault-process.ts';
import { Violation, describe } from './violation.ts';

const HOME = '/srv/strongroom';
const RESTART_MS = 100;

export interface MachineOptions {
  readonly random: Seeded;
  readonly sizes: VaultSizes;
  readonly hasCustody?: boolean;
  readonly hasChecksums?: boolean;
  readonly image?: DiskImage;
  readonly oracle?: Oracle;
  readonly keys?: SoftwareKeys;
  /** For faults that the vault must not survive unnoticed. */
  readonly tamper?: Tampering;
  /** Called before an operation of the vault takes effect. */
  readonly onOperation?: (operation: Operation) => void;
  readonly isTraced?: boolean;
}

export class Machine implements VaultHost {
  readonly options: MachineOptions;
  readonly random: Seeded;
  readonly time = new SimulatedTime();
  readonly paths: Layout = layout(HOME);
  readonly chance: Chance;
  readonly oracle: Oracle;
  readonly keys: SoftwareKeys;
  image: DiskImage;
  capacity = Infinity;
  vault: VaultProcess | null = null;
  readonly services: SimulatedService[] = [];
  readonly revoked = new Set<string>();
  readonly #tiles: TilesHold;
  /** What the simulation did and saw, as one number. */
  readonly #hash = createHash('sha256');
  readonly trace: string[] = [];
  /** The first thing that must not be. */
  violation: Error | null = null;
  operations = 0;
  starts = 0;
  cuts = 0;
  kills = 0;
  /** Something on the disk was changed that no crash changes. */
  isRotten = false;

  constructor(options: MachineOptions) {
    this.options = options;
    this.random = options.random;
    this.chance = new Chance(options.random.fork('chance'));
    this.oracle = options.oracle ?? new Oracle();
    this.keys = options.keys ?? new SoftwareKeys(`${DEPLOYMENT}/log`, options.random.fork('keys').bytes(32));
    this.image = options.image ?? emptyHome(this.paths);
    this.#tiles = new TilesHold(this.paths, this.keys.key);
  }

  /** The vault's process begins, and begins again whenever it ends by itself. */
  start(): void {
    this.starts += 1;
    const [process, injected] = [new VaultProcess(this), this.chance.injected];
    this.vault = process;
    this.note(`start ${this.starts}`);
    void process.run().then(
      () => this.#ended(process, null),
      (error: unknown) => {
        const isDue = error instanceof Violation || (this.chance.injected === injected && !this.isRotten && !process.isStopping);
        this.#ended(process, error);
        if (isDue) this.fail(error instanceof Violation ? error : new Violation(`the vault ended by itself, and nothing was wrong: ${describe(error)}`));
      },
    );
  }

  #ended(process: VaultProcess, error: unknown): void {
    if (!process.isAlive) return;
    this.note(`end ${error === null ? 'in order' : describe(error)}`);
    this.#bury(process);
    this.time.after(RESTART_MS, () => { if (this.vault === null) this.start(); });
  }

  #bury(process: VaultProcess): void {
    process.die();
    if (this.vault === process) this.vault = null;
  }

  fail(error: Error): void {
    this.violation ??= error;
  }

  /** Runs a check now; what it finds wrong ends the simulation. */
  hold(check: () => void): void {
    try {
      check();
    } catch (error) {
      this.fail(error as Error);
    }
  }

  /** kill -9: the page cache outlives the process, though it may forget what a failed sync left in it. */
  kill(): void {
    this.kills += 1;
    this.note('kill');
    if (this.vault !== null) this.#bury(this.vault);
    if (this.random.chance(0.3)) this.image.evict();
    this.time.after(this.random.between(1, RESTART_MS), () => { if (this.vault === null) this.start(); });
  }

  /** The power goes, for everybody on this machine. `kept`: how much of what is unsynced is there afterwards. */
  cut(kept: number): void {
    this.cuts += 1;
    this.note('power');
    if (this.vault !== null) this.#bury(this.vault);
    this.image.cut((change) => this.chance.outcome(change, kept));
    this.hold(() => { if (!this.isRotten) this.#tiles.check(this.image); });
    for (const service of this.services) service.end();
    this.time.after(this.random.between(1, RESTART_MS), () => {
      if (this.vault === null) this.start();
      for (const service of this.services) service.begin();
    });
  }

  /** What a vault that has started must hold. */
  checkStore(isLast = false): void {
    if (this.isRotten) return;
    this.hold(() => {
      if (isLast || this.random.chance(0.3)) checkVerified(this.image, this.paths, this.keys, isLast && this.options.hasChecksums === true);
      const store = readStore(this.image, this.paths, this.keys);
      this.oracle.check(store);
      this.oracle.custody.checkTexts(store, this.image, this.paths);
      this.oracle.custody.checkGone(store, this.image, this.paths, this.keys);
    });
  }

  /** An operation of the vault has taken effect. */
  saw(operation: Operation, told: string): void {
    this.operations += 1;
    this.note(`${operation.kind} ${operation.path.slice(HOME.length)} ${operation.bytes} ${told}`);
    if (operation.kind === 'rename' && told === 'done' && operation.path.endsWith('.hold')) this.oracle.custody.text(this.image.file(operation.path).cache);
    if (!operation.path.startsWith(this.paths.log) && !operation.path.endsWith('/remembered')) return;
    if (operation.kind !== 'rename' && operation.kind !== 'remove') return;
    this.hold(() => {
      if (this.isRotten) return;
      const note = this.#tiles.check(this.image);
      if (note !== null) this.oracle.published(note);
      const remembered = this.image.find(`${this.paths.vaultState}/remembered`);
      if (remembered?.kind === 'file') this.oracle.published(remembered.cache.toString());
    });
  }

  note(line: string): void {
    const stamped = `${this.time.nowMs.toFixed(3)} ${line}`;
    this.#hash.update(`${stamped}\n`);
    if (this.options.isTraced === true) this.trace.push(stamped);
  }

  /** Of everything so far; the disk's contents too. */
  get fingerprint(): string {
    return this.#hash.copy().update(this.image.digest()).digest('hex');
  }

  addService(name: 'gateway' | 'capture', facts: Pick<SimulatedServiceOptions, 'isResuming' | 'sources' | 'recordBytesMax' | 'pauseMsMax' | 'submissionsMax'>): void {
    this.services.push(new SimulatedService({
      ...facts, id: serviceId(DEPLOYMENT, name), time: this.time, random: this.random.fork(name), told: this.#told(),
      connect: (service, toService, lost) => this.#connect(service, toService, lost),
    }));
  }

  /** What services tell the oracle, with its exceptions kept out of the services. */
  #told(): Oracle {
    const { oracle } = this;
    return new Proxy(oracle, {
      get: (target, name) => (...args: unknown[]) => this.hold(() => (Reflect.get(target, name, target) as (...all: unknown[]) => void).apply(target, args)),
    });
  }

  /** What was begun is done, and what was approved in time is done or was found impossible. */
  get hasDecided(): boolean {
    const [custody, state] = [this.vault?.custody, this.vault?.sealing?.vault.custody];
    if (custody === undefined || state === undefined) return true;
    return state.destroying.size === 0 && custody.orders().every(({ file, isApproved, failure }) => !isApproved || failure !== null || file.order.expires < this.time.nowNs);
  }

  /** A life that the vault knows comes back, and goes again once it was welcomed. */
  async greet(instance: string, service: string): Promise<void> {
    const said = new Set<string>();
    let last: number | undefined;
    const link = this.#connect(service, (bytes) => {
      const message = decodeMessage(bytes[4]!, bytes.subarray(5));
      if (message.type === 'denied') said.add(`${message.number} ${message.stream.toString('hex')}`);
      if (message.type === 'welcome') last = message.last;
    }, () => undefined);
    link?.send(encodeHello(Buffer.from(instance, 'hex')));
    await this.time.run(() => this.violation !== null || last !== undefined, 60_000);
    this.hold(() => {
      if (last === undefined) throw new Violation(`${service} was not welcomed`);
      this.oracle.greeted(instance, last, said);
    });
    link?.break();
  }

  /** Those who decide about this vault. */
  office(): Office {
    const custody = (): Custody | null => (this.vault?.isListening === true ? this.vault.custody ?? null : null);
    return { custody, oracle: this.oracle.custody, nowNs: () => this.time.nowNs, note: (line) => this.note(line), fail: (error) => this.fail(error) };
  }

  #connect(service: string, toService: (bytes: Buffer) => void, lost: () => void): SimulatedLink | null {
    const process = this.vault;
    if (process?.lives === undefined || !process.isListening) return null;
    const link = new SimulatedLink(this.time, () => (this.random.chance(0.03) ? this.random.between(1, 100) : this.random.between(10, 500) / 1000));
    let [instance, isWelcome] = ['', false];
    const { line } = link;
    const watched = {
      get destroyed() { return line.destroyed; },
      destroy: () => line.destroy(),
      write: (bytes: Buffer) => {
        if (this.options.tamper?.says?.(bytes[4]!, isWelcome) === false) return;
        isWelcome ||= bytes[4] === MESSAGE.welcome;
        this.note(`say ${instance.slice(0, 8)} ${bytes[4]} ${bytes.length}`);
        this.hold(() => this.oracle.said(instance, bytes));
        line.write(bytes);
      },
    };
    const session = process.lives.session(watched, service);
    link.attach({
      toService, serviceLost: lost, vaultLost: () => session.lost(),
      toVault: (bytes) => {
        try {
          const body = bytes.subarray(5);
          const message: Message = decodeMessage(bytes[4]!, body);
          if (message.type === 'hello') instance = message.instance.toString('hex');
          this.note(`hear ${instance.slice(0, 8)} ${message.type} ${'number' in message ? message.number : ''}`);
          session.take(message, body);
          return true;
        } catch (error) {
          if ((error as { code?: string }).code !== 'submission.lives') this.fail(new Violation(`the vault refused a service that keeps to the protocol: ${describe(error)}`));
          return false;
        }
      },
    });
    process.links.add(link);
    return link;
  }
}

/** A home as `strongroom start` makes it before any service runs. */
function emptyHome(paths: Layout): DiskImage {
  const image = new DiskImage();
  for (const path of ['/srv', paths.home, `${paths.home}/state`, `${paths.home}/secrets`]) image.makeDirectory(path);
  image.cut(() => 'kept');
  return image;
}
