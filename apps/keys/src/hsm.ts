// SPDX-License-Identifier: Apache-2.0
// The keyring over its losses: an HSM can be unplugged, restarted, or lose its sessions while we run.
import { Failed } from '@strongroom/bytes';
import type { Keyring } from './keyring.ts';

const RETRY_MS_MIN = 100;
const RETRY_MS_MAX = 10_000;

export interface HsmHooks {
  /** The first failure of a series. */
  readonly away: (error: Failed) => void;
  readonly back: (awayMs: number) => void;
  /** Trying again would not help or do harm, as with a wrong PIN: a person must look. */
  readonly refused: (error: unknown) => void;
}

class Loss {
  readonly error: Failed;
  readonly sinceMs = performance.now();
  readonly back = Promise.withResolvers<void>();

  constructor(error: Failed) {
    this.error = error;
  }
}

export class Hsm {
  readonly #open: () => Promise<Keyring>;
  readonly #hooks: HsmHooks;
  #ring: Keyring | undefined;
  #opening: Promise<Keyring> | undefined;
  #lost: Loss | undefined;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(open: () => Promise<Keyring>, hooks: HsmHooks) {
    this.#open = open;
    this.#hooks = hooks;
  }

  /** How long it has been away; 0 when it is there. */
  get awayMs(): number {
    return this.#lost === undefined ? 0 : performance.now() - this.#lost.sinceMs;
  }

  /**
   * Does something with the keys. When that finds the token gone it is opened anew and asked once more, so a restart of
   * the HSM between two calls goes unnoticed; after that, and until a try in the background succeeds, every call fails at
   * once. Throws `Failed('keys.hsm-away')`, and what `work` and opening refuse. `work` must not wait before it is done
   * with the token.
   */
  async use<T>(work: (ring: Keyring) => T): Promise<Awaited<T>> {
    if (this.#lost !== undefined) throw this.#lost.error;
    const ring = this.#ring;
    if (ring === undefined) return this.#anew(work);
    try {
      return await work(ring);
    } catch (error) {
      if (!isAway(error)) throw error;
      this.#drop(ring);
      return this.#anew(work);
    }
  }

  /** Resolves when the token is open, however long that takes, or when closed. Rejects with what opening refuses at once. */
  async ready(): Promise<void> {
    try {
      await this.use(() => undefined);
    } catch (error) {
      if (this.#lost === undefined) throw error;
      await this.#lost.back.promise;
    }
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    if (this.#ring !== undefined) this.#drop(this.#ring);
    this.#lost?.back.resolve();
  }

  async #anew<T>(work: (ring: Keyring) => T): Promise<Awaited<T>> {
    let ring: Keyring | undefined;
    try {
      ring = await this.#opened();
      return await work(ring);
    } catch (error) {
      if (isAway(error)) this.#isLost(error, ring);
      else if (ring === undefined) this.#hooks.refused(error);
      throw error;
    }
  }

  /** One opening at a time, whoever asks. */
  #opened(): Promise<Keyring> {
    if (this.#ring !== undefined) return Promise.resolve(this.#ring);
    if (this.#closed) return Promise.reject(new Failed('keys.stopping', 'the key service is stopping'));
    this.#opening ??= this.#open().then((ring) => {
      if (this.#closed) ring.close();
      else this.#ring = ring;
      return ring;
    }).finally(() => { this.#opening = undefined; });
    return this.#opening;
  }

  #drop(ring: Keyring): void {
    if (this.#ring !== ring) return;
    ring.close();
    this.#ring = undefined;
  }

  #isLost(error: Failed, ring: Keyring | undefined): void {
    if (ring !== undefined) this.#drop(ring);
    if (this.#lost !== undefined || this.#closed) return;
    this.#lost = new Loss(error);
    this.#hooks.away(error);
    this.#tryIn(RETRY_MS_MIN);
  }

  #tryIn(delayMs: number): void {
    if (!this.#closed) this.#retry = setTimeout(() => void this.#try(delayMs), delayMs);
  }

  async #try(delayMs: number): Promise<void> {
    try {
      await this.#opened();
      const { awayMs } = this;
      this.#lost?.back.resolve();
      this.#lost = undefined;
      if (!this.#closed) this.#hooks.back(awayMs);
    } catch (error) {
      if (isAway(error)) this.#tryIn(Math.min(delayMs * 2, RETRY_MS_MAX));
      else this.#hooks.refused(error);
    }
  }
}

function isAway(error: unknown): error is Failed {
  return error instanceof Failed && error.code === 'keys.hsm-away';
}
