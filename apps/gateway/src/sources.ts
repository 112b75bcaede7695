// SPDX-License-Identifier: Apache-2.0
// All sources that this process knows, and their shares of the limits.
import type { Allowance, ClaimedLag, Config, SourceStats, Usage } from '@strongroom/service';
import { Source, type Totals } from './source.ts';

/** Sources without a certificate can be invented; beyond so many, those that are quiet are forgotten. */
const KEPT_MAX = 4096;

export class Sources {
  readonly totals: Totals = { events: 0, bytes: 0, ackedBytes: 0 };
  readonly #sources = new Map<string, Source>();
  readonly #first: Allowance;

  constructor({ processes, perSource }: Pick<Config['gateway'], 'processes' | 'perSource'>) {
    // Until the supervisor shares them out: an equal part.
    this.#first = { connections: Math.ceil(perSource.connections / processes), bytesPerSecond: Math.ceil(perSource.bytesPerSecond / processes) };
  }

  /** The source of that name, new or known. */
  get(name: string): Source {
    let source = this.#sources.get(name);
    if (source === undefined) {
      if (this.#sources.size >= KEPT_MAX) this.#forgetQuiet();
      this.#sources.set(name, source = new Source(name, this.#first, this.totals));
    }
    return source;
  }

  allow(allowances: Readonly<Record<string, Allowance>>): void {
    for (const [name, allowance] of Object.entries(allowances)) this.#sources.get(name)?.allow(allowance);
  }

  /** Of those that are connected or sent since the last call. */
  usage(): Readonly<Record<string, Usage>> {
    const used = [...this.#sources].map(([name, source]) => [name, source.usage()] as const);
    return Object.fromEntries(used.filter(([, { connections, bytes }]) => connections > 0 || bytes > 0));
  }

  /** Of those that claimed a time since the last call. */
  claims(): Readonly<Record<string, ClaimedLag>> {
    return Object.fromEntries([...this.#sources].flatMap(([name, { claims }]) => {
      const least = claims.take();
      return least === null ? [] : [[name, least]];
    }));
  }

  stats(): Readonly<Record<string, SourceStats>> {
    const nowMs = performance.now();
    return Object.fromEntries([...this.#sources].map(([name, source]) => [name, source.stats(nowMs)]));
  }

  #forgetQuiet(): void {
    for (const [name, source] of this.#sources) if (source.isQuiet) this.#sources.delete(name);
  }
}
