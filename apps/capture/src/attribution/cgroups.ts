// SPDX-License-Identifier: Apache-2.0
// From a cgroup's number to its path. The number is the inode of its directory, and is never used again, so what is known once
// stays true when the cgroup is gone. Directories are watched: a new one is mostly known before a process is in it. One that
// came otherwise is found by its processes while they live (`learn`), and by looking through the whole tree now and then.
import { statSync, watch, type FSWatcher } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { cgroupMounts, type CgroupMounts, type Hierarchy } from './cgroup-mounts.ts';

/** Remembered of each hierarchy, and as many that lie deep; then the first are forgotten. */
const KNOWN_MAX = 8192;
/** Deeper ones are mostly made by users and in containers: however many they make, they push out no service's. */
const NEAR_DEPTH = 4;
/** Changes that are looked at in one while; what comes faster waits, up to so many, and is found by its processes beyond that. */
const AT_ONCE = 64;
const WHILE_MS = 100;
const WAITING_MAX = 4096;
/** Of one look through a tree. */
const DIRECTORIES_MAX = 16_384;
const WATCHED_MAX = 4096;
const DEPTH_MAX = 32;
/** The whole tree is looked through at most so often, and for no more than this share of the time. */
const WALK_MS = 5000;
const WALK_SHARE = 0.05;

interface Directory {
  readonly hierarchy: Hierarchy;
  readonly path: string;
}

export class Cgroups {
  readonly #mounts: CgroupMounts;
  readonly #knownMax: number;
  readonly #near = { v2: new Map<number, string>(), v1: new Map<number, string>() };
  readonly #deep = { v2: new Map<number, string>(), v1: new Map<number, string>() };
  readonly #watchers = new Map<string, FSWatcher>();
  /** What changed and was not looked at yet, and directories to look through, the first of each first. */
  readonly #changes = new Map<string, Directory>();
  readonly #below: Directory[] = [];
  #isLooking = false;
  #left = AT_ONCE;
  #next: NodeJS.Timeout | null = null;
  #walkAfterMs = Number.NEGATIVE_INFINITY;
  #walking: Promise<void> | null = null;
  #closed = false;

  constructor(mounts: CgroupMounts = cgroupMounts(), knownMax = KNOWN_MAX) {
    this.#mounts = mounts;
    this.#knownMax = knownMax;
  }

  /** Looks at all that are there, and goes on watching. */
  async start(): Promise<void> {
    await this.#walk();
  }

  close(): void {
    this.#closed = true;
    if (this.#next !== null) clearTimeout(this.#next);
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  /** By what is known: no file is looked at. */
  path(hierarchy: Hierarchy, id: number): string | null {
    return this.#near[hierarchy].get(id) ?? this.#deep[hierarchy].get(id) ?? null;
  }

  /** Whether that hierarchy is there at all. */
  has(hierarchy: Hierarchy): boolean {
    return this.#mounts[hierarchy] !== null;
  }

  /** A path that a living process was seen in: which number it has, its directory says. */
  learn(hierarchy: Hierarchy, path: string): number | null {
    const mount = this.#mounts[hierarchy];
    if (mount === null || path.startsWith('/..')) return null;
    const facts = directoryAt(join(mount, path));
    if (facts === null) return null;
    this.#know(hierarchy, Number(facts.ino), path);
    return Number(facts.ino);
  }

  /** Some are not known: all are looked at, if that was not done just now. */
  look(nowMs: number): void {
    if (this.#walking !== null || this.#closed || nowMs < this.#walkAfterMs) return;
    void this.#walk();
  }

  #walk(): Promise<void> {
    const began = performance.now();
    this.#walking = this.#walkAll().finally(() => {
      this.#walking = null;
      const ended = performance.now();
      this.#walkAfterMs = Math.max(began + WALK_MS, ended + (ended - began) / WALK_SHARE);
    });
    return this.#walking;
  }

  async #walkAll(): Promise<void> {
    for (const hierarchy of ['v2', 'v1'] as const) if (this.#mounts[hierarchy] !== null) await this.#lookBelow({ hierarchy, path: '/' });
  }

  /** A directory and all below it. Watched before it is read: what is made meanwhile is seen twice rather than never. */
  async #lookBelow({ hierarchy, path: top }: Directory): Promise<void> {
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

  /** Cheap: who may make cgroups, may make and remove them by the thousand, and nothing else is done meanwhile. */
  #changed(hierarchy: Hierarchy, parent: string, name: string): void {
    const place = { hierarchy, path: join(parent, name) };
    this.#next ??= setTimeout(() => this.#goOn(), WHILE_MS).unref();
    if (this.#left > 0) {
      this.#left -= 1;
      this.#lookAt(place);
    } else if (this.#changes.size < WAITING_MAX) this.#changes.set(`${hierarchy} ${place.path}`, place);
  }

  #goOn(): void {
    this.#next = null;
    this.#left = AT_ONCE;
    for (const [key, place] of this.#changes) {
      if (this.#left === 0) break;
      this.#left -= 1;
      this.#changes.delete(key);
      this.#lookAt(place);
    }
    if (this.#left < AT_ONCE) this.#next = setTimeout(() => this.#goOn(), WHILE_MS).unref();
  }

  #lookAt(place: Directory): void {
    const { hierarchy, path } = place;
    const directory = join(this.#mounts[hierarchy]!, path);
    const facts = directoryAt(directory);
    if (facts === null) return this.#forget(directory);
    this.#know(hierarchy, Number(facts.ino), path);
    this.#forget(directory); // of the same name, and another one
    if (this.#below.length < WAITING_MAX) this.#below.push(place);
    if (!this.#isLooking) void this.#lookOn();
  }

  async #lookOn(): Promise<void> {
    this.#isLooking = true;
    for (let place = this.#below.shift(); place !== undefined && !this.#closed; place = this.#below.shift()) await this.#lookBelow(place);
    this.#isLooking = false;
  }

  #forget(directory: string): void {
    this.#watchers.get(directory)?.close();
    this.#watchers.delete(directory);
  }

  #know(hierarchy: Hierarchy, id: number, path: string): void {
    const paths = path.split('/', NEAR_DEPTH + 2).length > NEAR_DEPTH + 1 ? this.#deep[hierarchy] : this.#near[hierarchy];
    if (!paths.has(id) && paths.size >= this.#knownMax) paths.delete(paths.keys().next().value!);
    paths.set(id, path);
  }
}

/** Null where there is none, or none that we may look at: who makes cgroups chooses their rights, and how long their paths are. */
function directoryAt(path: string): { readonly ino: bigint } | null {
  try {
    const facts = statSync(path, { bigint: true });
    return facts.isDirectory() ? facts : null;
  } catch {
    return null;
  }
}
