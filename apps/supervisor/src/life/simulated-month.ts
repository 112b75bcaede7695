// SPDX-License-Identifier: Apache-2.0
// For tests: weeks of an appliance with a clock that we turn, faults of power, clock and network that we know, and what it sealed.
// Only the machine and the senders are made up: heartbeats, habits and records are the real ones.
import { randomUUID } from 'node:crypto';
import { decodeCoverage, decodeResume, encodeCoverage, encodeResume, SourceWatch, type Cause, type Confidence, type CoverageRecord, type DarkFacts, type Heartbeat, type SourceCount } from '@strongroom/service/coverage';
import type { Held } from './held.ts';
import { Heartbeats } from './heartbeats.ts';

export const LOOK_SECONDS = 15;
export const EVERY_SECONDS = 55;
const HOUR = 3600;
const DAY = 86_400;
const START_SECONDS = Date.UTC(2026, 2, 2) / 1000; // a Monday
const LEARNING_DAYS = 16;
const SAVE_SECONDS = HOUR;

/** What really was, in seconds by the wall clock as it then went. */
export interface Truth {
  readonly subject: string;
  readonly from: number;
  readonly to: number;
  readonly cause: Cause;
  readonly confidence: Confidence;
  readonly isLost: boolean;
}

type Fault = (world: World, seconds: number) => void;

const BOOTS: Readonly<Record<string, { readonly traces: Partial<DarkFacts>; readonly cause: Cause; readonly confidence: Confidence }>> = {
  power: { traces: { feedDied: true }, cause: 'power-loss', confidence: 'certain' },
  feed: { traces: { othersDied: true }, cause: 'power-loss', confidence: 'likely' },
  panic: { traces: { pstore: true, feedDied: false }, cause: 'panic', confidence: 'certain' },
  watchdog: { traces: { watchdogReset: true }, cause: 'watchdog-reset', confidence: 'certain' },
  reset: { traces: { feedDied: false }, cause: 'reset', confidence: 'likely' },
  killed: { traces: { machineShutDown: true }, cause: 'clean-shutdown', confidence: 'likely' },
  nothing: { traces: {}, cause: 'power-loss', confidence: 'weak' },
};

/** Each kind of fault: how it happens, and what is true of it. `isBlind`: nobody wrote anything down. */
export function faults(isBlind: boolean): Readonly<Record<string, Fault>> {
  const boots = Object.entries(BOOTS).map(([name, { traces, cause, confidence }]): readonly [string, Fault] => [name, (world, seconds) => world.dark(seconds, {
    isBoot: true, isStop: false, traces: isBlind ? {} : traces, cause: isBlind ? 'power-loss' : cause, confidence: isBlind ? 'weak' : confidence,
  })]);
  return {
    ...Object.fromEntries(boots),
    shutdown: (world, seconds) => world.dark(seconds, { isBoot: true, isStop: true, traces: {}, cause: 'clean-shutdown', confidence: 'certain' }),
    restart: (world, seconds) => world.dark(seconds, { isBoot: false, isStop: true, traces: {}, cause: 'clean-shutdown', confidence: 'certain' }),
    crash: (world, seconds) => world.dark(seconds, { isBoot: false, isStop: false, traces: {}, cause: 'service-crash', confidence: 'certain' }),
    crashAndStep: (world, seconds) => world.dark(seconds, { isBoot: false, isStop: false, traces: {}, cause: 'service-crash', confidence: 'certain', step: 1200 }),
    sleep: (world, seconds) => world.sleep(seconds),
    stalled: (world, seconds) => world.held(seconds, { cause: 'stalled', because: 'the vault is stalled: the disk is full' }),
    link: (world, seconds) => world.held(seconds, { cause: 'network-loss', because: 'no link of this machine is up' }),
    forward: (world) => world.step(900),
    back: (world) => world.step(-600),
    silent: (world, seconds) => world.cut(['web-02'], seconds, 'silent-source'),
    network: (world, seconds) => world.cut(['web-01', 'web-02', 'db-01'], seconds, 'network-loss'),
  };
}

export interface SimulatedMonth {
  readonly records: readonly CoverageRecord[];
  readonly truths: readonly Truth[];
  readonly fromNs: bigint;
  readonly toNs: bigint;
}

/** `days` after some of learning, with a fault of each kind or more, never two at once, none at night when the batch comes. */
export function simulateMonth(seed: number, days: number, isBlind = false): SimulatedMonth {
  const [world, next, kinds] = [new World(seed), chance(seed), Object.values(faults(isBlind))];
  world.start({});
  world.run(LEARNING_DAYS * DAY);
  world.list();
  const fromNs = world.now().wallNs;
  const wanted = shuffled(kinds, next);
  for (let day = 0; day < days; day += 1) {
    world.run(dayRest(world) + 5 * HOUR + next() * 2 * HOUR);
    for (let n = 0; n < 2; n += 1) {
      const fault = wanted.pop() ?? kinds[Math.floor(next() * kinds.length)]!;
      fault(world, 2400 + Math.floor(next() * 3600));
      world.run(4.5 * HOUR + next() * HOUR);
    }
  }
  return { records: world.sealed.map((record) => decodeCoverage(encodeCoverage(record).toString())!), truths: world.truths, fromNs, toNs: world.now().wallNs };
}

/** Until midnight, by true time. */
function dayRest(world: World): number {
  return DAY - (world.seconds % DAY);
}

interface Darkness {
  readonly isBoot: boolean;
  readonly isStop: boolean;
  readonly traces: Partial<DarkFacts>;
  readonly cause: Cause;
  readonly confidence: Confidence;
  /** The clock was set meanwhile. */
  readonly step?: number;
}

function ns(seconds: number): bigint {
  return BigInt(Math.round(seconds * 1000)) * 1_000_000n;
}

class World {
  readonly sealed: CoverageRecord[] = [];
  readonly truths: Truth[] = [];
  seconds = START_SECONDS;
  #offset = 0;
  #boot = randomUUID();
  #bootedAt = START_SECONDS - 1000;
  #slept = 0;
  #life = 0;
  #held: Held | null = null;
  #heartbeats!: Heartbeats;
  #watch!: SourceWatch;
  #habits: Buffer | undefined;
  #token: Buffer = Buffer.alloc(0);
  #sourcesAt = 0;
  #savedAt = 0;
  #isListening = true;
  readonly #cut = new Set<string>();
  readonly #events = new Map<string, number>();
  readonly #chance: () => number;

  constructor(seed: number) {
    this.#chance = chance(seed + 7);
  }

  now(): Heartbeat {
    const since = this.seconds - this.#bootedAt;
    return { boot: this.#boot, life: this.#life.toString(16).padStart(16, '0'), bootNs: ns(since), monotonicNs: ns(since - this.#slept), wallNs: ns(this.seconds + this.#offset), boundNs: 1_000_000n };
  }

  get wall(): number {
    return this.seconds + this.#offset;
  }

  start(traces: Partial<DarkFacts>): void {
    this.#life += 1;
    this.#events.clear(); // gateways are started anew with us
    const seal = (record: CoverageRecord): void => {
      this.sealed.push(record);
      if (record.type === 'heartbeat') this.#token = encodeResume({ ...record, stopped: record.state === 'stopped' });
    };
    const before = this.#last();
    this.#heartbeats = new Heartbeats({ everySeconds: EVERY_SECONDS, now: () => this.now(), held: () => this.#held, traces: () => traces, seal, told: () => undefined });
    this.#watch = new SourceWatch({ seal, silent: () => undefined, heard: () => undefined });
    this.#heartbeats.begin(decodeResume(this.#token));
    if (this.#habits !== undefined) this.#watch.load(this.#habits, before?.wallNs ?? 0n, before?.state === 'stopped');
    this.list();
    this.#sourcesAt = this.seconds;
  }

  list(): void {
    this.#watch.list(this.now().wallNs);
  }

  run(seconds: number): void {
    for (const end = this.seconds + seconds; this.seconds < end; ) {
      this.seconds += LOOK_SECONDS;
      this.#heartbeats.look();
      this.#isListening &&= this.#held === null;
      if (this.seconds - this.#sourcesAt >= 60) this.#sources();
    }
  }

  dark(seconds: number, { isBoot, isStop, traces, cause, confidence, step = 0 }: Darkness): void {
    if (isStop) {
      this.#heartbeats.stop();
      this.#habits = Buffer.from(this.#watch.save());
    }
    const from = this.wall;
    this.seconds += seconds;
    this.#offset += this.#bounded(step);
    if (isBoot) [this.#boot, this.#bootedAt, this.#slept] = [randomUUID(), this.seconds - 40, 0];
    this.truths.push({ subject: 'appliance', from, to: this.wall, cause, confidence, isLost: true });
    this.start(traces);
  }

  sleep(seconds: number): void {
    const from = this.wall;
    [this.seconds, this.#slept] = [this.seconds + seconds, this.#slept + seconds];
    this.truths.push({ subject: 'appliance', from, to: this.wall, cause: 'suspended', confidence: 'certain', isLost: true });
    this.#heartbeats.look();
    this.#sourcesAt = this.seconds;
    this.#isListening = false;
  }

  held(seconds: number, held: Held): void {
    const from = this.wall;
    this.#held = held;
    this.run(seconds);
    this.#held = null;
    this.truths.push({ subject: 'appliance', from, to: this.wall, cause: held.cause, confidence: 'certain', isLost: true });
    this.run(60);
  }

  step(seconds: number): void {
    const from = this.wall;
    this.#offset += this.#bounded(seconds);
    this.truths.push({ subject: 'appliance', from: Math.min(from, this.wall), to: Math.max(from, this.wall), cause: 'clock-step', confidence: 'certain', isLost: false });
    this.run(120);
  }

  /** Senders keep to true time: a clock that ended up hours away would change their habits. */
  #bounded(step: number): number {
    return Math.abs(this.#offset + step) > 1800 ? -step : step;
  }

  cut(names: readonly string[], seconds: number, cause: Cause): void {
    const from = this.wall;
    for (const name of names) this.#cut.add(name);
    this.run(seconds);
    this.#cut.clear();
    for (const subject of names) this.truths.push({ subject, from, to: this.wall, cause, confidence: 'likely', isLost: true });
    this.run(180);
  }

  #last() {
    return this.sealed.findLast((record) => record.type === 'heartbeat');
  }

  #sources(): void {
    const speak = (name: string): void => { if (!this.#cut.has(name) && this.#held === null) this.#events.set(name, (this.#events.get(name) ?? 0) + 1); };
    for (const name of ['web-01', 'db-01', 'service/capture']) speak(name);
    if (this.#chance() < 0.7) speak('web-02');
    if (this.seconds % DAY >= 2 * HOUR && this.seconds % DAY < 2 * HOUR + 600) speak('batch-01');
    const counts = new Map<string, SourceCount>([...this.#events].map(([name, events]) => [name, { events, connections: 1 }]));
    this.#watch.look({ now: this.now(), minutes: this.#isListening ? (this.seconds - this.#sourcesAt) / 60 : 0, counts, linkDown: this.#held?.cause === 'network-loss' });
    [this.#sourcesAt, this.#isListening] = [this.seconds, true];
    if (this.seconds - this.#savedAt >= SAVE_SECONDS) {
      this.#habits = Buffer.from(this.#watch.save());
      this.list();
      this.#savedAt = this.seconds;
    }
  }
}

function shuffled<T>(values: readonly T[], next: () => number): T[] {
  return values.map((value) => ({ value, at: next() })).toSorted((a, b) => a.at - b.at).map(({ value }) => value);
}

/** xorshift: the same seed makes the same month. */
export function chance(seed: number): () => number {
  let state = (seed * 2_654_435_761) >>> 0 || 1;
  return () => {
    state = (state ^ (state << 13)) >>> 0;
    state ^= state >>> 17;
    state = (state ^ (state << 5)) >>> 0;
    return state / 2 ** 32;
  };
}
