// SPDX-License-Identifier: Apache-2.0
// Limits of one source, shared by all gateway processes: each says what it uses, and is told what it may use. The shares
// of all processes together never pass the limit by more than what was used between two reports (a quarter of a second).
import type { Allowance, Usage } from '@strongroom/service';

export interface SourceLimits {
  readonly connections: number;
  /** 0: unlimited. */
  readonly bytesPerSecond: number;
}

export class Shares {
  readonly #limits: SourceLimits;
  readonly #processes: number;
  readonly #used = new Map<number, Readonly<Record<string, Usage>>>();

  constructor(limits: SourceLimits, processes: number) {
    this.#limits = limits;
    this.#processes = processes;
  }

  /** Takes the report of one process and returns its allowances for the sources that it named. */
  report(index: number, sources: Readonly<Record<string, Usage>>): Readonly<Record<string, Allowance>> {
    this.#used.set(index, sources);
    return Object.fromEntries(Object.keys(sources).map((source) => [source, this.#share(index, source)]));
  }

  /** A process ended: it uses nothing any more. */
  forget(index: number): void {
    this.#used.delete(index);
  }

  #share(index: number, source: string): Allowance {
    const all = Array.from({ length: this.#processes }, (_, i) => this.#used.get(i)?.[source] ?? { connections: 0, bytes: 0 });
    return {
      connections: shareOfConnections(this.#limits.connections, all.map(({ connections }) => connections), index),
      bytesPerSecond: shareOfRate(this.#limits.bytesPerSecond, all.map(({ bytes }) => bytes), index),
    };
  }
}

/** What a process has, and an equal part of what is free; the first ones get what does not divide. */
export function shareOfConnections(limit: number, used: readonly number[], index: number): number {
  const free = Math.max(0, limit - used.reduce((sum, one) => sum + one, 0));
  return used[index]! + Math.floor(free / used.length) + (index < free % used.length ? 1 : 0);
}

/** Half of the rate in equal parts, so that anyone can begin; the other half by use. 0 stays 0: unlimited. */
export function shareOfRate(limit: number, used: readonly number[], index: number): number {
  if (limit === 0) return 0;
  const sum = used.reduce((total, one) => total + one, 0);
  const byUse = sum === 0 ? 1 / used.length : used[index]! / sum;
  return Math.max(1, Math.floor(limit * (0.5 / used.length + 0.5 * byUse)));
}
