// SPDX-License-Identifier: Apache-2.0
// Makes the filters of segments from what is sealed, and keeps them in state/vault/filters. They are help for searches: one
// that is missing after a crash, or could not be written, only makes them slower.
import type { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { xaesKey, type BatchEntry, type CloseEntry, type XaesKey } from '@strongroom/evidence';
import type { SealedBatch } from '../commit/seal.ts';
import type { SegmentWriter } from '../commit/segment-writer.ts';
import type { VaultEvents } from '../commit/vault.ts';
import { putFile, type Disk } from '../disk.ts';
import { FilterBuilder, SegmentFilter } from './filter.ts';

export const FILTERS_DIRECTORY = 'filters';

/** Follows the vault's segments; files go below `directory`. */
export function keepFilters(disk: Disk, directory: string, events: EventEmitter<VaultEvents>): FilterKeeper {
  const keeper = new FilterKeeper(disk, directory);
  events.on('opened', (segment) => keeper.opened(segment));
  events.on('sealed', (batches) => { for (const batch of batches) keeper.sealed(batch); });
  events.on('closed', (entry) => keeper.closed(entry));
  return keeper;
}

interface Kept {
  readonly key: XaesKey;
  readonly headerDigest: Buffer;
  readonly builder: FilterBuilder;
}

export class FilterKeeper {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #open = new Map<string, Kept>();
  #writing: Promise<unknown> = Promise.resolve();

  constructor(disk: Disk, directory: string) {
    [this.#disk, this.#directory] = [disk, directory];
  }

  opened({ name, dataKey, headerDigest }: Pick<SegmentWriter, 'name' | 'dataKey' | 'headerDigest'>): void {
    // A copy: the segment wipes its own before its closing entry is committed.
    this.#open.set(name, { key: xaesKey(Buffer.from(dataKey)), headerDigest, builder: new FilterBuilder() });
  }

  /** In the order of a segment's frames: one that is not the next ends what is known of it. */
  sealed({ entry, runs }: Pick<SealedBatch, 'entry' | 'runs'>): void {
    const kept = this.#open.get(entry.segment);
    if (kept === undefined) return;
    if (kept.builder.frames === entry.frame) kept.builder.add(runs, entry.bytes);
    else this.#open.delete(entry.segment);
  }

  closed({ segment }: CloseEntry): void {
    const kept = this.#open.get(segment);
    this.#open.delete(segment);
    if (kept === undefined) return;
    this.#writing = Promise.all([this.#writing, putFilter(this.#disk, this.#directory, segment, kept.builder.seal(kept.key, segment, kept.headerDigest))]);
    kept.key.key.fill(0);
    kept.key.subkey.fill(0);
  }

  /** Resolves when all filters of closed segments are written. */
  async settled(): Promise<void> {
    await this.#writing;
  }
}

/** A crash leaves it, or none. That it could not be written is no failure: searches go through the segment itself. */
export async function putFilter(disk: Disk, directory: string, segment: string, bytes: Buffer): Promise<void> {
  await putFile(disk, join(directory, segment), bytes).catch(() => undefined);
}

/** The filter of the entry's segment, asked for facts; null when there is none that can be used. */
export function readFilter(directory: string, { segment, header }: Pick<BatchEntry, 'segment' | 'header'>, facts: readonly number[], key: XaesKey): SegmentFilter | null {
  try {
    return SegmentFilter.open(readFileSync(join(directory, segment)), key, segment, header, facts);
  } catch {
    return null;
  }
}
