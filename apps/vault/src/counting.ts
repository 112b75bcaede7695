// SPDX-License-Identifier: Apache-2.0
// The vault and the hardware counter: what the key service stated about it is compared with the store before anything is
// signed, and it is stepped for what is published, on an interval, because hardware takes only so many steps. A counter that
// does not answer is no reason not to serve: that is sealed, and it is asked again.
import { join } from 'node:path';
import { Failed, Refused } from '@strongroom/bytes';
import type { CounterFacts } from '@strongroom/keys';
import { errorFields, type CountingFacts, type Fields, type Level, type ServiceContext } from '@strongroom/service';
import type { CounterKeys } from './commit/key-line.ts';
import { LogDirectory } from './commit/log-directory.ts';
import { putFile, readWhole, removePath } from './disk.ts';
import type { Sealing } from './sealing.ts';
import { publishedRoots, type RootAt } from './witness/witnessed.ts';
import type { World } from './world.ts';

const FIX = 'put the newest home back; if it is gone: "strongroom recover --help"';
/** After a counter that did not answer. */
const RETRY_MS = 30_000;
/** Codes that say that a home is older than its counter, which two custodians may accept. */
const ROLLED_BACK = ['keys.counter-rollback', 'keys.counter-statement'];

type CountingContext = Pick<ServiceContext, 'paths' | 'config' | 'event' | 'state'>;
type CountingSealing = Pick<Sealing, 'publisher' | 'origin' | 'record'>;

export class Counting {
  readonly #world: World;
  readonly #context: CountingContext;
  readonly #sealing: CountingSealing;
  readonly #keys: CounterKeys;
  readonly #rootAt: RootAt;
  readonly #refused = Promise.withResolvers<never>();
  #isCompared = false;
  #isNew = false;
  #away: Failed | null = null;
  /** The published size that the last step was for. */
  #steppedSize = 0;
  /** By the last statement that is known here. */
  #stated: { readonly value: number; readonly size: number } | null = null;
  #comparedAt: Date | null = null;

  /** Null where no counter is configured. */
  static open(world: World, context: CountingContext, sealing: CountingSealing & Pick<Sealing, 'keys'>): Counting | null {
    const { counter } = sealing.keys;
    return context.config.keys.counter.tpm === undefined || counter === undefined ? null : new Counting(world, context, sealing, counter);
  }

  constructor(world: World, context: CountingContext, sealing: CountingSealing, keys: CounterKeys) {
    [this.#world, this.#context, this.#sealing, this.#keys] = [world, context, sealing, keys];
    this.#rootAt = publishedRoots(new LogDirectory(world.disk, context.paths.log), () => sealing.publisher.publishedSize);
    this.#refused.promise.catch(() => undefined);
  }

  /** Rejects with `Refused` when the counter, answering late, shows what this store cannot be. */
  get refused(): Promise<never> {
    return this.#refused.promise;
  }

  get facts(): CountingFacts {
    return { kind: 'tpm', value: this.#stated?.value ?? null, size: this.#stated?.size ?? 0, comparedAt: this.#comparedAt?.toISOString() ?? null, away: this.#away === null ? null : `${this.#away.message}: ${this.#away.why}` };
  }

  /** Throws `Refused`: `vault.rollback`, `vault.fork`, `keys.counter-*`. A counter that does not answer is told of. */
  async compare(): Promise<void> {
    this.#context.state('starting', 'comparing with the hardware counter');
    await this.#unlessAway(() => this.#compare());
  }

  /** Steps the counter, from when the vault serves until it stops. */
  async watch(stop: AbortSignal): Promise<void> {
    const intervalMs = this.#context.config.keys.counter.intervalSeconds * 1000;
    while (!stop.aborted) {
      try {
        await this.#sealing.publisher.beyond(this.#steppedSize, stop);
        if (stop.aborted) return;
        await this.#unlessAway(() => this.#step());
      } catch (error) {
        this.#refused.reject(error);
        return;
      }
      await this.#world.clock.sleep(this.#away === null ? intervalMs : RETRY_MS, stop);
    }
  }

  async #step(): Promise<void> {
    if (!this.#isCompared) await this.#compare();
    const { checkpoint, publishedSize } = this.#sealing.publisher;
    const value = await this.#keys.advanceCounter(checkpoint);
    this.#steppedSize = publishedSize;
    // Before a step the key service compares as well; one that came too soon it leaves out.
    if (value !== this.#stated?.value) this.#stated = { value, size: publishedSize };
    this.#comparedAt = this.#now;
    if (this.#isNew) this.#say('vault.counter-begun', 'warn', { value, size: publishedSize });
    this.#isNew = false;
  }

  async #compare(): Promise<void> {
    const { paths } = this.#context;
    const refusal = join(paths.vaultState, 'counter-refusal');
    const acceptance = readWhole(this.#world.disk, join(paths.vaultState, 'acceptance'));
    if (acceptance !== null) await this.#keys.acceptCounter(acceptance, this.#sealing.origin);
    try {
      const stated = await this.#keys.readCounter();
      this.#isNew = stated === null;
      if (stated !== null) {
        this.#hold(stated);
        this.#stated = { value: stated.counter, size: stated.size };
      }
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const told = ROLLED_BACK.includes(error.code) ? new Refused('vault.rollback', error.message, { why: error.why ?? '', fix: error.fix ?? FIX, cause: error }) : error;
      // So that an order to accept it can be drawn up, offline.
      if (told.code === 'vault.rollback') await putFile(this.#world.disk, refusal, `${told.message}: ${told.why}\n`);
      throw told;
    }
    [this.#isCompared, this.#comparedAt] = [true, this.#now];
    await removePath(this.#world.disk, refusal);
  }

  get #now(): Date {
    return new Date(Number(this.#world.clock.nowNs() / 1_000_000n));
  }

  /** The store must have what the statement says of it. */
  #hold({ origin, size, root }: CounterFacts): void {
    const { publisher, origin: own } = this.#sealing;
    const why = `the hardware counter was stepped when ${origin} had ${size} entries; this store is of ${own} and has ${publisher.publishedSize}`;
    if (origin !== own || size > publisher.publishedSize) throw new Refused('vault.rollback', 'the store is older than the hardware counter\'s last step', { why, fix: FIX });
    if (size > 0 && !this.#rootAt(size).equals(root)) throw new Refused('vault.fork', 'the store is another one than the hardware counter was stepped for', { why: `${why}, and another root at ${size}`, fix: FIX });
  }

  async #unlessAway(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof Failed)) throw error;
      if (this.#away === null) this.#say('vault.counter-away', 'warn', { ...errorFields(error), compared: this.#isCompared });
      this.#away = error;
      return;
    }
    if (this.#away !== null) this.#say('vault.counter-back', 'info', { size: this.#sealing.publisher.publishedSize });
    this.#away = null;
  }

  #say(event: string, level: Level, fields: Fields): void {
    this.#context.event(event, level, fields);
    this.#sealing.record(event, fields, level);
  }
}
