// SPDX-License-Identifier: Apache-2.0
// Room on the disk: a threshold below which nothing more is promised, and a reserve to record the incident with.
// Nothing is ever deleted to make room.
import { join } from 'node:path';
import { freeBytes, isDiskFull, listDirectory, putFile, removePath } from '../disk.ts';
import type { World } from '../world.ts';

const RESERVE = 'reserve';

export class Space {
  readonly #world: Pick<World, 'disk' | 'random'>;
  readonly #store: string;
  readonly #minFreeBytes: number;
  readonly #reserveBytes: number;

  constructor(world: Pick<World, 'disk' | 'random'>, store: string, minFreeBytes: number, reserveBytes: number) {
    this.#world = world;
    this.#store = store;
    this.#minFreeBytes = minFreeBytes;
    this.#reserveBytes = reserveBytes;
  }

  get freeBytes(): number {
    return freeBytes(this.#world.disk, this.#store);
  }

  get minFreeBytes(): number {
    return this.#minFreeBytes;
  }

  /** Whether `bytes` more may be promised. */
  has(bytes: number): boolean {
    return this.freeBytes >= this.#minFreeBytes + bytes;
  }

  /** Whether the reserve could be set aside again beyond the threshold: only then is a full disk over. */
  get hasReserve(): boolean {
    return this.has(this.#reserveBytes);
  }

  /** Sets the reserve aside where there is room for it beyond the threshold. Random bytes: a hole or zeros may cost no room. */
  async reserve(): Promise<void> {
    const { disk, random } = this.#world;
    if (listDirectory(disk, this.#store).includes(RESERVE) || !this.hasReserve) return;
    try {
      await putFile(disk, join(this.#store, RESERVE), random(this.#reserveBytes));
    } catch (error) {
      if (!isDiskFull(error)) throw error;
    }
  }

  async release(): Promise<void> {
    await removePath(this.#world.disk, join(this.#store, RESERVE));
  }
}
