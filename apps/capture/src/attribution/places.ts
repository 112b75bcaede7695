// SPDX-License-Identifier: Apache-2.0
// Where a process runs, by the numbers that its events have, or by the paths that /proc had where no event came.
import type { Cgroups } from './cgroups.ts';
import type { Hierarchy } from './cgroup-mounts.ts';
import { bestPlace, type Place } from './place.ts';
import type { Process } from './process-table.ts';

const REMEMBERED_MAX = 4096;

export class Places {
  readonly #cgroups: Cgroups;
  /** By the paths that it was made of. */
  readonly #places = new Map<string, Place | null>();

  constructor(cgroups: Cgroups) {
    this.#cgroups = cgroups;
  }

  /** Null: not known yet, or nothing is there to know it by. Half of what hierarchies say would be a guess. */
  of(process: Process): Place | null {
    const { cgroupV2, cgroupV1, cgroupPaths } = process;
    if (cgroupV2 === 0 && cgroupV1 === 0) return this.#best(cgroupPaths);
    if (this.lacks(process)) return null;
    return this.#best([this.#path('v2', cgroupV2), this.#path('v1', cgroupV1)].filter((path) => path !== null));
  }

  /** Whether a number is still without its path. */
  lacks({ cgroupV2, cgroupV1 }: Process): boolean {
    return this.#isLacking('v2', cgroupV2) || this.#isLacking('v1', cgroupV1);
  }

  #isLacking(hierarchy: Hierarchy, id: number): boolean {
    return id !== 0 && this.#cgroups.has(hierarchy) && this.#cgroups.path(hierarchy, id) === null;
  }

  #path(hierarchy: Hierarchy, id: number): string | null {
    return id === 0 ? null : this.#cgroups.path(hierarchy, id);
  }

  #best(paths: readonly string[]): Place | null {
    const key = paths.join('\0');
    const known = this.#places.get(key);
    if (known !== undefined) return known;
    if (this.#places.size >= REMEMBERED_MAX) this.#places.clear();
    const place = bestPlace(paths);
    this.#places.set(key, place);
    return place;
  }
}
