// SPDX-License-Identifier: Apache-2.0
// Every crash of a scene: before each operation, and for each, every way in which what is unsynced is kept or lost. Each
// outcome is recovered and held to the oracle, and the recoveries are crashed in the same way once more.
import { Seeded, type DiskImage, type Outcome, type SoftwareKeys, type Unsynced } from '@strongroom/testing';
import { Machine, type MachineOptions } from './machine.ts';
import type { Oracle } from './oracle.ts';
import { SIZES, settled, type Scene } from './scenes.ts';

export interface Bounds {
  /** Outcomes of one crash, all of them where there are no more. */
  readonly outcomesMax: number;
  /** Of how many outcomes the recovery is crashed as well: each of so many. */
  readonly everyNth: number;
  readonly outcomesOfSecondMax: number;
  /** For one scene; what is left then is counted. */
  readonly budgetMs: number;
}

export interface Explored {
  readonly scene: string;
  /** Operations before which it crashed, outcomes tried, and those that differ. */
  readonly crashes: number;
  readonly outcomes: number;
  readonly states: number;
  /** Crashes of which not every outcome was tried. */
  readonly bounded: number;
  readonly secondCrashes: number;
  readonly secondStates: number;
  /** Recoveries for which no time was left. */
  readonly leftOut: number;
  readonly violation: string | null;
}

/** All is lost, or all is kept. */
const EXTREMES = 2;

/** A prime that is larger than any scene. */
const SCATTER = 7919;

interface Moment {
  readonly image: DiskImage;
  readonly oracle: Oracle;
  readonly keys: SoftwareKeys;
  readonly operation: string;
}

type Tamper = MachineOptions['tamper'];

export async function explore(scene: Scene, bounds: Bounds, tamper?: Tamper): Promise<Explored> {
  const exploration = new Exploration(scene, bounds, tamper);
  return exploration.run();
}

class Exploration {
  readonly #scene: Scene;
  readonly #bounds: Bounds;
  readonly #tamper: Tamper;
  readonly #random = new Seeded('exploration');
  readonly #seen = new Set<string>();
  readonly #seenSecond = new Set<string>();
  #counts = { crashes: 0, outcomes: 0, bounded: 0, secondCrashes: 0, leftOut: 0 };
  readonly #endMs: number;
  #violation: string | null = null;

  constructor(scene: Scene, bounds: Bounds, tamper: Tamper) {
    [this.#scene, this.#bounds, this.#tamper] = [scene, bounds, tamper];
    this.#endMs = performance.now() + bounds.budgetMs / (scene.hasCustody === true ? 2 : 1);
  }

  async run(): Promise<Explored> {
    const moments = await this.#moments();
    const outcomesMax = this.#scene.hasCustody === true && this.#bounds.budgetMs < Infinity ? EXTREMES : this.#bounds.outcomesMax;
    for (const moment of scattered(moments)) {
      this.#counts.crashes += 1;
      for (const [image, how] of this.#crashed(moment.image, outcomesMax, true)) await this.#recover(moment, image, how);
    }
    return { scene: this.#scene.name, ...this.#counts, states: this.#seen.size, secondStates: this.#seenSecond.size, violation: this.#violation };
  }

  /** What a crash may leave, before each operation of the scene and after the last. */
  async #moments(): Promise<Moment[]> {
    const moments: Moment[] = [];
    let isActing = false;
    const machine: Machine = new Machine({
      random: new Seeded('scene'), sizes: { ...SIZES, ...this.#scene.sizes }, hasCustody: this.#scene.hasCustody === true, hasChecksums: this.#scene.hasChecksums === true, ...(this.#tamper === undefined ? {} : { tamper: this.#tamper }),
      onOperation: ({ kind, path }) => { if (isActing && kind !== 'close') moments.push(momentOf(machine, `${kind} ${path}`)); },
    });
    machine.addService('gateway', { isResuming: false, sources: ['spiffe://simulated.example/source/a'], recordBytesMax: 10, pauseMsMax: 5, submissionsMax: 0 });
    machine.services[0]!.begin();
    await this.#scene.before?.(machine);
    isActing = true;
    await this.#scene.act(machine);
    moments.push(momentOf(machine, 'the end'));
    if (machine.violation !== null) this.#found(`without any crash: ${machine.violation.message}`);
    return moments;
  }

  *#crashed(image: DiskImage, outcomesMax: number, counts: boolean): Generator<[DiskImage, string]> {
    yield [image.clone(), 'kill -9'];
    const changes = image.unsynced();
    const { choices, isAll } = choicesOf(changes, outcomesMax, this.#random);
    if (counts && !isAll) this.#counts.bounded += 1;
    for (const choice of choices) {
      const after = image.clone();
      let at = 0;
      after.cut(() => choice[at++]!);
      yield [after, `power cut, ${changes.map((change, i) => `${nameOf(change)} ${typeof choice[i] === 'string' ? choice[i] : 'torn'}`).join(', ')}`];
    }
  }

  async #recover(moment: Moment, image: DiskImage, how: string): Promise<void> {
    this.#counts.outcomes += 1;
    const key = `${image.digest()} ${image.unsynced().length} ${moment.oracle.debt}`;
    if (this.#seen.has(key) || this.#violation !== null || this.#isOver()) return;
    this.#seen.add(key);
    const crashesAgain = this.#seen.size % this.#bounds.everyNth === 0;
    const again: Moment[] = [];
    await this.#start(futureOf(moment), image, `crash before ${moment.operation} (${how})`, crashesAgain ? again : null);
    for (const second of again) {
      this.#counts.secondCrashes += 1;
      for (const [after, howAgain] of this.#crashed(second.image, this.#bounds.outcomesOfSecondMax, false)) {
        const secondKey = `${after.digest()} ${after.unsynced().length} ${second.oracle.debt}`;
        if (this.#seenSecond.has(secondKey) || this.#violation !== null || this.#isOver()) continue;
        this.#seenSecond.add(secondKey);
        await this.#start(futureOf(second), after, `crash before ${moment.operation} (${how}), then before ${second.operation} (${howAgain})`, null);
      }
    }
  }

  /** A vault starts on what is left, and once more after a power cut that loses all that it did not sync. */
  async #start({ oracle, keys }: Pick<Moment, 'oracle' | 'keys'>, image: DiskImage, what: string, moments: Moment[] | null): Promise<void> {
    const machine: Machine = new Machine({
      random: new Seeded('recovery'), sizes: { ...SIZES, ...this.#scene.sizes }, hasCustody: this.#scene.hasCustody === true, hasChecksums: this.#scene.hasChecksums === true, image, oracle, keys, ...(this.#tamper === undefined ? {} : { tamper: this.#tamper }),
      onOperation: ({ kind, path }) => { if (moments !== null && machine.starts === 1 && kind !== 'close') moments.push(momentOf(machine, `${kind} ${path}`)); },
    });
    try {
      await settled(machine);
      for (const [instance, service] of oracle.instances) if (machine.violation === null) await machine.greet(instance, service);
      if (machine.violation === null) {
        machine.cut(0);
        await settled(machine);
      }
    } catch (error) {
      machine.fail(error as Error);
    }
    if (machine.violation !== null) this.#found(`${what}: ${machine.violation.message}`);
    machine.vault?.die();
  }

  #isOver(): boolean {
    if (performance.now() < this.#endMs) return false;
    this.#counts.leftOut += 1;
    return true;
  }

  #found(what: string): void {
    this.#violation ??= `${this.#scene.name}: ${what}`;
  }
}

/** In an order that leaves no stretch out, should there not be time for all. */
function scattered<T>(list: readonly T[]): T[] {
  const place = (i: number): number => (i * SCATTER) % list.length;
  return [...list.keys()].sort((a, b) => place(a) - place(b)).map((i) => list[i]!);
}

function momentOf(machine: Machine, operation: string): Moment {
  return { image: machine.image.clone(), oracle: machine.oracle.clone(), keys: machine.keys.clone(), operation };
}

/** What was known and what the token held, for one future of several. */
function futureOf({ oracle, keys }: Moment): Pick<Moment, 'oracle' | 'keys'> {
  return { oracle: oracle.clone(), keys: keys.clone() };
}

function nameOf(change: Unsynced): string {
  if (change.kind === 'write') return `write@${change.at}`;
  return change.kind === 'name' ? `${change.node === null ? 'removal' : 'name'} ${change.name}` : change.kind;
}

/** Every combination of outcomes if there are no more than `max`; else the extremes, each change by itself, and some by chance. */
function choicesOf(changes: readonly Unsynced[], max: number, random: Seeded): { choices: Outcome[][]; isAll: boolean } {
  const options = changes.map(outcomesOf);
  const total = options.reduce((product, { length }) => product * length, 1);
  if (total <= max) return { choices: Array.from({ length: total }, (_, number) => combination(options, number)), isAll: true };
  const choices = [options.map(([lost]) => lost!), options.map(([, kept]) => kept!)];
  for (let i = 0; i < changes.length && choices.length < max; i += 1) {
    choices.push(options.map(([lost, kept], j) => (i === j ? kept! : lost!)), options.map(([lost, kept], j) => (i === j ? lost! : kept!)));
  }
  while (choices.length < max) choices.push(options.map((option) => random.pick(option)));
  return { choices: choices.slice(0, max), isAll: false };
}

function combination(options: readonly (readonly Outcome[])[], number: number): Outcome[] {
  let rest = number;
  return options.map((option) => {
    const outcome = option[rest % option.length]!;
    rest = Math.floor(rest / option.length);
    return outcome;
  });
}

function outcomesOf(change: Unsynced): Outcome[] {
  if (change.kind !== 'write' || !change.isLast) return ['lost', 'kept'];
  return ['lost', 'kept', { bytes: change.bytes.subarray(0, Math.ceil(change.bytes.length / 2)) }, { bytes: Buffer.alloc(change.bytes.length) }];
}
