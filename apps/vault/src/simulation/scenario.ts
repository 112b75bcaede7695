// SPDX-License-Identifier: Apache-2.0
// One seed: a machine of its own make, a while of faults, then calm, in which everything must come to its end.
import { Seeded } from '@strongroom/testing';
import { rotOneBit, type Rot } from './rot.ts';
import { Violation } from './violation.ts';
import { Machine, type MachineOptions } from './machine.ts';
import { Operator } from './operator.ts';
import type { VaultSizes } from './vault-process.ts';

/** By then all that was submitted must be sealed, once nothing is wrong any more: simulated time. */
const CALM_MS = 120_000;

export interface Ran {
  readonly seed: number;
  /** What became of a bit that turned over at the end; null where none did. */
  readonly rot: Rot | null;
  readonly violation: Error | null;
  readonly fingerprint: string;
  readonly trace: readonly string[];
  readonly operations: number;
  readonly starts: number;
  readonly cuts: number;
  readonly kills: number;
  readonly acknowledgements: number;
  /** Segments that were destroyed. */
  readonly destroyed: number;
}

type SeedOptions = Pick<MachineOptions, 'tamper' | 'isTraced'>;

export async function runSeed(seed: number, options: SeedOptions = {}): Promise<Ran> {
  const { machine, random } = await liveOf(seed, options);
  const rot = machine.violation === null ? await decay(machine, random.fork('rot')) : null;
  machine.vault?.die();
  const { violation, fingerprint, trace, operations, starts, cuts, kills, oracle: { acknowledgements, custody: { destroyedSegments: destroyed } } } = machine;
  return { seed, rot, violation, fingerprint, trace, operations, starts, cuts, kills, acknowledgements, destroyed };
}

/** The machine of a seed at the end of its life. */
export async function liveOf(seed: number, options: SeedOptions = {}): Promise<{ machine: Machine; random: Seeded }> {
  const random = new Seeded(seed);
  const [sizes, hasCustody, hasChecksums] = [sizesOf(random.fork('sizes')), random.chance(0.5), random.chance(0.5)];
  const machine = new Machine({ ...options, random, sizes, hasCustody, hasChecksums });
  const plan = new Plan(machine, random.fork('plan'));
  plan.populate();
  machine.start();
  for (const service of machine.services) service.begin();
  plan.begin();
  const isOver = (): boolean => machine.violation !== null || plan.isOver;
  await machine.time.run(isOver, Infinity);
  if (machine.violation === null) await calm(machine);
  if (machine.violation === null) machine.hold(() => plan.checkOrders());
  return { machine, random };
}

/** Faults have ended: everything that was submitted is acknowledged, published and verified before long. */
async function calm(machine: Machine): Promise<void> {
  for (const service of machine.services) service.silence();
  let [sealedSize, lookAtMs] = [Infinity, 0];
  const isQuiet = (): boolean => {
    const sealing = machine.vault?.isListening === true ? machine.vault.sealing : undefined;
    if (sealing === undefined) return false;
    if (machine.services.every((service) => service.isDone)) sealedSize = Math.min(sealedSize, sealing.vault.size);
    if (sealing.publisher.publishedSize < sealedSize || machine.time.nowMs < lookAtMs) return false;
    const { upkeep } = machine.vault!;
    if (upkeep !== undefined && upkeep.followed !== sealing.publisher.publishedSize) return false;
    // Judging orders costs more than all else here.
    lookAtMs = machine.time.nowMs + 200;
    return machine.hasDecided;
  };
  if (!await machine.time.run(() => machine.violation !== null || isQuiet(), CALM_MS)) {
    machine.fail(new Violation(`nothing was wrong for ${CALM_MS} ms, and not all is sealed and published: ${machine.services.filter((service) => !service.isDone).map(String).join(', ')}`));
  }
  if (machine.violation === null) machine.checkStore(true);
}

/** In every third seed. */
async function decay(machine: Machine, random: Seeded): Promise<Rot | null> {
  if (!random.chance(0.33)) return null;
  try {
    return await rotOneBit(machine, random);
  } catch (error) {
    machine.fail(error as Error);
    return null;
  }
}

function sizesOf(random: Seeded): VaultSizes {
  return {
    segmentMaxBytes: random.pick([600, 3000, 20_000]), cycleMaxBytes: random.pick([2000, 100_000]), commitFileBytes: random.pick([1000, 8000, 50_000]),
    minFreeBytes: random.pick([0, 1000]), reserveBytes: random.pick([1000, 4000]), heartbeatSeconds: random.pick([1, 5, 60]), idleCycleMs: random.pick([1, 100, 1000]),
    extraEntries: random.chance(0.03) ? random.between(100, 250) : 0, batchBytes: random.pick([200, 2000, 1_000_000]), asideFromBytes: random.pick([300, 1_000_000]), bounds: random.pick([{ denials: 1, streams: 1000, lives: 128 }, { denials: 4, streams: 5, lives: 3 }]),
  };
}

/** Which faults a seed has, how often, and for how long. */
class Plan {
  readonly #machine: Machine;
  readonly #random: Seeded;
  readonly #faults: (() => void)[];
  readonly #everyMs: number;
  readonly #operator: Operator | null = null;
  #left: number;

  constructor(machine: Machine, random: Seeded) {
    [this.#machine, this.#random] = [machine, random];
    this.#left = random.between(3, 10);
    this.#everyMs = random.pick([10, 30, 100, 500, 2000]);
    const all: readonly (() => void)[] = [
      () => machine.kill(), () => machine.kill(),
      () => machine.cut(0), () => machine.cut(1), () => machine.cut(0.5), () => machine.cut(random.below(100) / 100),
      () => machine.vault?.stop(),
      () => machine.vault?.rotate({ log: random.chance(0.7), wrapping: random.chance(0.5) }),
      () => this.#for(1000, () => { machine.chance.hsmIsAway = true; }, () => { machine.chance.hsmIsAway = false; }),
      () => this.#for(8000, () => { machine.chance.hsmIsSilent = true; }, () => { machine.chance.hsmIsSilent = false; }),
      () => machine.time.jump(random.between(-40, 40) * random.pick([1, 1000, 3_600_000, 24 * 3_600_000])),
      () => machine.time.stall(random.pick([10, 1000, 30_000])),
      () => { for (const service of machine.services) if (random.chance(0.5)) service.link?.break(); },
      () => random.pick(machine.services).begin(),
      () => { machine.revoked.add(`spiffe://simulated.example/source/s${random.below(4)}`); },
      () => this.#for(5000, () => { machine.capacity = machine.image.usedBytes + random.pick([0, 300, 3000, 30_000]); }, () => { machine.capacity = Infinity; }),
      () => this.#error('writeError', 0.2), () => this.#error('syncError', 0.2), () => this.#error('nameError', 0.1), () => this.#error('readError', 0.1),
      () => this.#error('shortWrite', 0.5), () => this.#error('slow', 0.05), () => this.#error('kill', 0.03),
    ];
    this.#faults = all.filter(() => random.chance(0.4));
    if (machine.options.hasCustody === true) this.#operator = new Operator(machine.office(), random.fork('operator'));
  }

  get isOver(): boolean {
    return this.#left <= 0;
  }

  populate(): void {
    const { random } = this.#machine;
    const sources = [0, 1, 2, 3].map((i) => `spiffe://simulated.example/source/s${i}`);
    const recordBytesMax = random.pick([10, 100, 1000]);
    const pauseMsMax = Math.ceil(this.#everyMs * random.pick([0.2, 1, 3]));
    for (let i = random.between(1, 2); i > 0; i -= 1) this.#machine.addService('gateway', { isResuming: false, sources, recordBytesMax, pauseMsMax, submissionsMax: 12 });
    if (random.chance(0.7)) this.#machine.addService('capture', { isResuming: true, sources: ['spiffe://simulated.example/service/capture'], recordBytesMax, pauseMsMax, submissionsMax: 12 });
  }

  begin(): void {
    this.#fault();
    if (this.#operator !== null) this.#decide(this.#operator);
  }

  checkOrders(): void {
    const { vault, image, paths, time } = this.#machine;
    const waiting = vault?.custody?.orders().map(({ file }) => file) ?? [];
    this.#operator?.check(waiting, (order) => image.find(`${paths.orders}/${order}.order`) !== null, time.latestNs);
  }

  /** Several decisions between two faults. */
  #decide(operator: Operator): void {
    this.#machine.time.after(this.#random.between(1, Math.ceil(this.#everyMs / 2)), () => {
      if (this.isOver) return;
      operator.act();
      this.#decide(operator);
    });
  }

  #fault(): void {
    this.#machine.time.after(this.#random.between(0, 2 * this.#everyMs), () => {
      this.#left -= 1;
      if (this.#left <= 0) return this.#end();
      if (this.#faults.length > 0) this.#random.pick(this.#faults)();
      this.#fault();
    });
  }

  #end(): void {
    this.#machine.chance.calm();
    this.#machine.capacity = Infinity;
  }

  #error(kind: 'writeError' | 'syncError' | 'nameError' | 'readError' | 'shortWrite' | 'slow' | 'kill', probability: number): void {
    const { chance } = this.#machine;
    this.#for(500, () => { chance[kind] = probability; }, () => { chance[kind] = 0; });
  }

  #for(msMax: number, begin: () => void, end: () => void): void {
    this.#machine.note('fault');
    begin();
    this.#machine.time.after(this.#random.between(1, msMax), end);
  }
}
