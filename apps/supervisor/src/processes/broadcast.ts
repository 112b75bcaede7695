// SPDX-License-Identifier: Apache-2.0
// Tells every service of a changed registry and waits until each has it in force: a revocation counts from there.
import type { Registry } from '@strongroom/service';
import type { Child } from './child.ts';

interface Waiting {
  readonly version: number;
  readonly children: Set<Child>;
  readonly done: () => void;
}

export class Broadcast {
  #version = 0;
  readonly #waiting = new Set<Waiting>();

  /** Sends to all that run. Resolves with those that did not confirm in time: mostly none. */
  async send(children: readonly Child[], registry: Registry, timeoutMs: number): Promise<readonly Child[]> {
    const version = ++this.#version;
    const addressed = new Set(children.filter(({ pid }) => pid !== null));
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiting: Waiting = { version, children: addressed, done: resolve };
    this.#waiting.add(waiting);
    for (const child of addressed) child.send({ kind: 'registry', registry, version });
    if (addressed.size === 0) resolve();
    const timer = setTimeout(resolve, timeoutMs);
    await promise;
    clearTimeout(timer);
    this.#waiting.delete(waiting);
    return [...addressed];
  }

  /** A service has the registry of `version`, and so every earlier one. */
  confirmed(child: Child, version: number): void {
    for (const waiting of this.#waiting) if (waiting.version <= version) this.#settle(waiting, child);
  }

  /** A process that is gone uses no old registry; the next one starts with the new. */
  gone(child: Child): void {
    for (const waiting of this.#waiting) this.#settle(waiting, child);
  }

  #settle(waiting: Waiting, child: Child): void {
    waiting.children.delete(child);
    if (waiting.children.size === 0) waiting.done();
  }
}
