// SPDX-License-Identifier: Apache-2.0
// Tiles and the public checkpoint follow the commit log within a second; what was published is remembered elsewhere.
import type { LogFile } from '@strongroom/evidence';
import { putFile } from '../disk.ts';
import type { World } from '../world.ts';
import type { LogDirectory } from './log-directory.ts';
import type { KeptRotation, RotationFiles } from './rotation-files.ts';
import type { Vault } from './vault.ts';

const INTERVAL_MS = 1000;

interface Publication {
  readonly files: readonly LogFile[];
  readonly rotations: readonly KeptRotation[];
  readonly checkpoint: string;
  readonly size: number;
}

export class Publisher {
  readonly #world: Pick<World, 'disk' | 'clock'>;
  readonly #vault: Vault;
  readonly #log: LogDirectory;
  readonly #rotations: RotationFiles;
  readonly #remembered: string;
  #publishedSize: number;
  #lastAt = -INTERVAL_MS;
  #running: Promise<void> | undefined;
  #failure: unknown;
  #waiters: (() => void)[] = [];
  /** The published checkpoint; empty before the first. */
  checkpoint: string;
  publishedAt: Date | null = null;

  constructor(world: Pick<World, 'disk' | 'clock'>, vault: Vault, log: LogDirectory, rotations: RotationFiles, remembered: string) {
    this.#world = world;
    this.#vault = vault;
    this.#log = log;
    this.#rotations = rotations;
    this.#remembered = remembered;
    this.#publishedSize = vault.size;
    this.checkpoint = vault.checkpoint;
  }

  get publishedSize(): number {
    return this.#publishedSize;
  }

  /** Milliseconds until a publication is due; null when nothing is new. While one runs: until it is worth to look again. */
  get dueInMs(): number | null {
    if (this.#publishedSize === this.#vault.size) return null;
    if (this.#running !== undefined) return INTERVAL_MS;
    return Math.max(0, this.#lastAt + INTERVAL_MS - this.#world.clock.nowMs());
  }

  /** Starts a publication that is due, beside the cycles. Throws what the one before failed with. */
  poll(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.dueInMs === 0) this.#start();
  }

  /** Everything that is committed now is published when this resolves. */
  async flush(): Promise<void> {
    const size = this.#vault.size;
    while (this.#publishedSize < size) {
      await (this.#running ?? this.#start());
      if (this.#failure !== undefined) throw this.#failure;
    }
  }

  /** Resolves when more than `after` entries are published, or the signal is aborted. */
  async beyond(after: number, signal: AbortSignal): Promise<void> {
    while (this.#publishedSize <= after && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiters.push(resolve);
      signal.addEventListener('abort', () => resolve(), { once: true });
      await promise;
    }
  }

  /** Forgets a failure that was for lack of room, so that the next flush tries again. */
  retry(): void {
    this.#failure = undefined;
  }

  #start(): Promise<void> {
    this.#lastAt = this.#world.clock.nowMs();
    this.#running = this.#attempt(this.#vault.takePublication());
    return this.#running;
  }

  async #attempt(publication: Publication): Promise<void> {
    try {
      await this.#publish(publication);
      [this.#publishedSize, this.checkpoint] = [publication.size, publication.checkpoint];
      this.publishedAt = new Date(Number(this.#world.clock.nowNs() / 1_000_000n));
      for (const wake of this.#waiters.splice(0)) wake();
    } catch (error) {
      this.#failure = error;
      this.#vault.returnPublication(publication.files, publication.rotations);
    } finally {
      this.#running = undefined;
    }
  }

  /** Changes of the key come first: whoever holds an older one must be able to follow. The remembered checkpoint comes last: it must never be ahead of the store. */
  async #publish({ files, rotations, checkpoint }: Publication): Promise<void> {
    for (const rotation of rotations) await this.#rotations.keep(rotation);
    await this.#log.publish(files, checkpoint);
    await putFile(this.#world.disk, this.#remembered, checkpoint);
  }
}
