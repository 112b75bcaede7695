// SPDX-License-Identifier: Apache-2.0
// What custody does is done one after the other. What nobody waits for is told when it fails, and tried again.
import { Refused } from '@strongroom/bytes';
import { errorFields } from '@strongroom/service';
import type { CustodyTools } from './tools.ts';

/** The longest pause between two attempts: by then custody looks around anyway. */
export const MINUTE_MS = 60_000;
/** What failed is tried again after so long, then after twice that, up to a minute. */
const AGAIN_MS = 1000;

export interface TurnHooks {
  /** Tries again what a failure held up. */
  readonly goOn: () => Promise<void>;
  /** After each piece of work. */
  readonly done: () => void;
}

export class Turns {
  readonly #tools: Pick<CustodyTools, 'world' | 'say'>;
  readonly #hooks: TurnHooks;
  /** Why orders could not be carried out, last, by their id. */
  readonly failures = new Map<string, string>();
  #turn: Promise<unknown> = Promise.resolve();
  #againMs = AGAIN_MS;
  /** Of attempts, by what the world did to them. */
  #failedCount = 0;
  #cancelAgain: (() => void) | null = null;
  #closed = false;

  constructor(tools: Pick<CustodyTools, 'world' | 'say'>, hooks: TurnHooks) {
    [this.#tools, this.#hooks] = [tools, hooks];
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  close(): void {
    this.#closed = true;
    this.#cancelAgain?.();
  }

  /** Work that somebody waits for, and hears the failure of. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work).finally(this.#hooks.done);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  /** Work that nobody waits for; `order` is the id of the order that it carries out. */
  later(what: string, work: () => Promise<void>, order?: string): void {
    this.#turn = this.#turn.then(() => this.attempt(what, work, order));
  }

  /** Resolves when what was given so far is done. */
  async settled(): Promise<void> {
    await this.#turn;
  }

  /** Several attempts; when none of them fails, pauses are short again. */
  async round(attempts: () => Promise<void>): Promise<void> {
    const before = this.#failedCount;
    await attempts();
    if (this.#failedCount === before) this.#againMs = AGAIN_MS;
  }

  async attempt(what: string, work: () => Promise<void>, order?: string): Promise<void> {
    try {
      await work();
      if (order !== undefined) this.failures.delete(order);
    } catch (error) {
      // Whatever it is, sealing goes on: nothing that custody does is worth ending it.
      if (this.#closed) return;
      if (order !== undefined) this.failures.set(order, (error as Error).message);
      this.#tools.say('vault.custody-failed', 'error', { during: what, ...errorFields(error) });
      if (error instanceof Refused) return;
      this.#failedCount += 1;
      this.#again();
    } finally {
      this.#hooks.done();
    }
  }

  /** A key service that starts again, a disk that is full: what they held up goes on as soon as they let it. */
  #again(): void {
    if (this.#cancelAgain !== null || this.#againMs >= MINUTE_MS) return;
    this.#cancelAgain = this.#tools.world.clock.after(this.#againMs, () => {
      this.#cancelAgain = null;
      this.#againMs *= 2;
      this.later('going on', this.#hooks.goOn);
    });
  }
}
