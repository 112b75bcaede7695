// SPDX-License-Identifier: Apache-2.0
// Room on the disk: a threshold below which nothing more is promised, and a reserve to record the incident with.
// Nothing is ever deleted to make room.
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { freeBytes, isDiskFull, listDirectory, putFile, removePath } from '../disk.ts';

const RESERVE = 'reserve';

export class Space {
  readonly #store: string;
  readonly #minFreeBytes: number;
  readonly #reserveBytes: number;

  constructor(store: string, minFreeBytes: number, reserveBytes: number) {
    this.#store = store;
    this.#minFreeBytes = minFreeBytes;
    this.#reserveBytes = reserveBytes;
  }

  get freeBytes(): number {
    return freeBytes(this.#store);
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
    if (listDirectory(this.#store).includes(RESERVE) || !this.hasReserve) return;
    try {
      await putFile(join(this.#store, RESERVE), randomBytes(this.#reserveBytes));
    } catch (error) {
      if (!isDiskFull(error)) throw error;
    }
  }

  async release(): Promise<void> {
    await removePath(join(this.#store, RESERVE));
  }
}
