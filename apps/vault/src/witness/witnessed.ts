// SPDX-License-Identifier: Apache-2.0
// The last checkpoint that a quorum of the policy cosigned: `store/witnessed` for whoever verifies the store, and
// `state/vault/witnessed` for this vault, with how much it covered.
import { join } from 'node:path';
import { rootAt, tilePath, type WitnessedCheckpoint } from '@strongroom/evidence';
import type { Layout } from '@strongroom/service';
import type { LogDirectory } from '../commit/log-directory.ts';
import { putFile, readWhole, type Disk } from '../disk.ts';

export interface Remembered {
  readonly records: number;
  readonly bytes: number;
}

/** The root that the published log has, or had, at a size. */
export type RootAt = (size: number) => Buffer;

export function publishedRoots(log: LogDirectory, publishedSize: () => number): RootAt {
  return (size) => rootAt(size, publishedSize(), ({ level, index, width }) => log.read(tilePath(level, index, width)));
}

export class WitnessedFiles {
  readonly #disk: Disk;
  readonly #paths: { readonly store: string; readonly memory: string };

  constructor(disk: Disk, { witnessed, vaultState }: Pick<Layout, 'witnessed' | 'vaultState'>) {
    this.#disk = disk;
    this.#paths = { store: witnessed, memory: join(vaultState, 'witnessed') };
  }

  /** The note in the store, as it lies there. */
  note(): string | null {
    return readWhole(this.#disk, this.#paths.store)?.toString() ?? null;
  }

  /** How much the checkpoint of this size covered; null when that is not remembered. */
  remembered(size: number): Remembered | null {
    try {
      const value = JSON.parse(readWhole(this.#disk, this.#paths.memory)?.toString() ?? 'null') as { size?: unknown; records?: unknown; bytes?: unknown } | null;
      const { records, bytes } = value ?? {};
      return value?.size === size && Number.isSafeInteger(records) && Number.isSafeInteger(bytes) ? { records: records as number, bytes: bytes as number } : null;
    } catch {
      return null;
    }
  }

  /**
   * Order, and what a crash leaves: 1. the store's note, which covers what is published (the older note, or this one);
   * 2. what is remembered of it (nothing that counts is lost: it is measured anew).
   */
  async put({ note, size }: WitnessedCheckpoint, covered: Remembered): Promise<void> {
    await putFile(this.#disk, this.#paths.store, note);
    await putFile(this.#disk, this.#paths.memory, `${JSON.stringify({ size, ...covered })}\n`);
  }
}
