// SPDX-License-Identifier: Apache-2.0
// From a cgroup's number to its path. The number is the inode of its directory, and is never used again, so what is known once
// stays true when the cgroup is gone. Directories are watched: a new one is mostly known before a process is in it. One that
// came otherwise is found by its processes while they live (`learn`), and by looking through the whole tree now and then.
import { statSync, watch, type FSWatcher } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { cgroupMounts, type CgroupMounts, type Hierarchy } from './cgroup-mounts.ts';

/** Remembered of each hierarchy; then the first are forgotten. */
const KNOWN_MAX = 16_384;
/** Of one look through a tree. */
const DIRECTORIES_MAX = 16_384;
const WATCHED_MAX = 4096;
const DEPTH_MAX = 32;
/** The whole tree is looked through at most so often. */
const WALK_MS = 5000;

export class Cgroups {
  readonly #mounts: CgroupMounts;
  readonly #paths = { v2: new Map<number, string>(), v1: new Map<number, string>() };
  readonly #watchers = new Map<string, FSWatcher>();
  #walkedAtMs = Number.NEGATIVE_INFINITY;
  #walking: Promise<void> | null = null;
  #closed = false;

  constructor(mounts: CgroupMounts = cgroupMounts()) {
    this.#mounts = mounts;
  }

  /** Looks at all that are there, and goes on watching. */
  async start(): Promise<void> {
    await this.#walk(performance.now());
  }

  close(): void {
    this.#closed = true;
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  /** By what is known: no file is looked at. */
  path(hierarchy: Hierarchy, id: number): string | null {
    return this.#paths[hierarchy].get(id) ?? null;
  }

  /** Whether that hierarchy is there at all. */
  has(hierarchy: Hierarchy): boolean {
    return this.#mounts[hierarchy] !== null;
  }

  /** A path that a living process was seen in: which number it has, its directory says. */
  learn(hierarchy: Hierarchy, path: string): number | null {
    const mount = this.#mounts[hierarchy];
    if (mount === null || path.startsWith('/..')) return null;
    const facts = statSync(join(mount, path), { throwIfNoEntry: false, bigint: true });
    if (facts === undefined) return null;
    this.#know(hierarchy, Number(facts.ino), path);
    return Number(facts.ino);
  }

  /** Some are not known: all are looked at, if that was not done just now. */
  look(nowMs: number): void {
    if (this.#walking !== null || this.#closed || nowMs - this.#walkedAtMs < WALK_MS) return;
    void this.#walk(nowMs);
  }

  #walk(nowMs: number): Promise<void> {
    this.#walkedAtMs = nowMs;
    this.#walking = this.#walkAll().finally(() => { this.#walking = null; });
    return this.#walking;
  }

  async #walkAll(): Promise<void> {
    for (const hierarchy of ['v2', 'v1'] as const) if (this.#mounts[hierarchy] !== null) await this.#below(hierarchy, '/');
  }

  /** A directory and all below it. Watched before it is read: what is made meanwhile is seen twice rather than never. */
  async #below(hierarchy: Hierarchy, top: string): Promise<void> {
    const waiting = [{ path: top, depth: 0 }];
    for (let count = 0; count < DIRECTORIES_MAX && waiting.length > 0 && !this.#closed; count += 1) {
      const { path, depth } = waiting.shift()!;
      const directory = join(this.#mounts[hierarchy]!, path);
      const facts = await stat(directory, { bigint: true }).catch(() => null);
      if (facts === null) continue;
      this.#know(hierarchy, Number(facts.ino), path);
      this.#watch(hierarchy, directory, path);
      const below = await readdir(directory, { withFileTypes: true }).catch(() => []);
      if (depth < DEPTH_MAX) waiting.push(...below.filter((one) => one.isDirectory()).map(({ name }) => ({ path: join(path, name), depth: depth + 1 })));
    }
  }

  #watch(hierarchy: Hierarchy, directory: string, path: string): void {
    if (this.#closed || this.#watchers.has(directory) || this.#watchers.size >= WATCHED_MAX) return;
    try {
      const watcher = watch(directory, { persistent: false }, (change, name) => { if (change === 'rename' && name !== null) this.#changed(hierarchy, path, name); });
      watcher.on('error', () => this.#forget(directory));
      this.#watchers.set(directory, watcher);
    } catch {
      // No watches left: what is made here is found by its processes, or by the next look.
    }
  }

  #changed(hierarchy: Hierarchy, parent: string, name: string): void {
    const path = join(parent, name);
    const directory = join(this.#mounts[hierarchy]!, path);
    const facts = statSync(directory, { throwIfNoEntry: false, bigint: true });
    if (facts?.isDirectory() !== true) return this.#forget(directory);
    this.#know(hierarchy, Number(facts.ino), path);
    this.#forget(directory); // of the same name, and another one
    void this.#below(hierarchy, path);
  }

  #forget(directory: string): void {
    this.#watchers.get(directory)?.close();
    this.#watchers.delete(directory);
  }

  #know(hierarchy: Hierarchy, id: number, path: string): void {
    const paths = this.#paths[hierarchy];
    if (!paths.has(id) && paths.size >= KNOWN_MAX) paths.delete(paths.keys().next().value!);
    paths.set(id, path);
  }
}
