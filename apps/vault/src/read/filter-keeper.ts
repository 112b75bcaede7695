// SPDX-License-Identifier: Apache-2.0
// Makes the filters of segments from what is sealed, and keeps them in state/vault/filters. They are help for searches: one
// that is missing after a crash, or could not be written, only makes them slower.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { EventEmitter } from 'node:events';
import { join } from 'node:path';
import { xaesKey, type BatchEntry, type CloseEntry, type XaesKey } from '@strongroom/evidence';
import type { SealedBatch } from '../commit/seal.ts';
import type { SegmentWriter } from '../commit/segment-writer.ts';
import type { VaultEvents } from '../commit/vault.ts';
import { FilterBuilder, SegmentFilter } from './filter.ts';

export const FILTERS_DIRECTORY = 'filters';

/** Follows the vault's segments; files go below `directory`. */
export function keepFilters(directory: string, events: EventEmitter<VaultEvents>): void {
  const keeper = new FilterKeeper(directory);
  events.on('opened', (segment) => keeper.opened(segment));
  events.on('sealed', (batches) => { for (const batch of batches) keeper.sealed(batch); });
  events.on('closed', (entry) => keeper.closed(entry));
}

interface Kept {
  readonly key: XaesKey;
  readonly headerDigest: Buffer;
  readonly builder: FilterBuilder;
}

export class FilterKeeper {
  readonly #directory: string;
  readonly #open = new Map<string, Kept>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  opened({ name, dataKey, headerDigest }: Pick<SegmentWriter, 'name' | 'dataKey' | 'headerDigest'>): void {
    this.#open.set(name, { key: xaesKey(dataKey), headerDigest, builder: new FilterBuilder() });
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
    if (kept !== undefined) putFilter(this.#directory, segment, kept.builder.seal(kept.key, segment, kept.headerDigest));
  }
}

/** A crash leaves it, or none. That there is no room for it is no failure. */
export function putFilter(directory: string, segment: string, bytes: Buffer): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o750 });
    writeFileSync(join(directory, `${segment}.new`), bytes, { mode: 0o640 });
    renameSync(join(directory, `${segment}.new`), join(directory, segment));
  } catch {
    // Searches go through the segment itself.
  }
}

/** The filter of the entry's segment, asked for facts; null when there is none that can be used. */
export function readFilter(directory: string, { segment, header }: Pick<BatchEntry, 'segment' | 'header'>, facts: readonly number[], key: XaesKey): SegmentFilter | null {
  try {
    return SegmentFilter.open(readFileSync(join(directory, segment)), key, segment, header, facts);
  } catch {
    return null;
  }
}
