// SPDX-License-Identifier: Apache-2.0
// Sealed batches, read back: from the published log to records. Used by the reading thread, which has no keys of its own.
import { hash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { Failed, Refused } from '@strongroom/bytes';
import {
  FRAME_HEADER_BYTES, TILE_WIDTH, bundlePath, decodeBatch, decodeBundle, decodeEntry, entryPath, openFrame, tilePath, xaesKey,
  type BatchEntry, type BatchRun, type Entry,
} from '@strongroom/evidence';
import type { LogDirectory } from '../commit/log-directory.ts';
import { SYSTEM_DISK } from '../disk.ts';
import { partsOf } from '../commit/segment-parts.ts';

/** Gives a segment's data key. */
export type DataKeys = (segment: string) => Promise<Buffer>;

export interface OpenBatch {
  readonly seed: Buffer;
  readonly runs: readonly BatchRun[];
}

export class History {
  readonly #log: LogDirectory;
  readonly #segments: string;
  readonly #dataKeys: DataKeys;
  readonly checkpoint: string;
  readonly size: number;

  /** The log as it is published now. */
  constructor(log: LogDirectory, segments: string, dataKeys: DataKeys) {
    [this.#log, this.#segments, this.#dataKeys] = [log, segments, dataKeys];
    this.checkpoint = log.checkpoint() ?? '';
    this.size = Number(this.checkpoint.split('\n')[1] ?? 0);
  }

  /** All entries in order, a bundle at a time. */
  *entries(from = 0): Generator<{ index: number; bytes: Buffer; entry: Entry }> {
    for (let bundle = Math.floor(from / TILE_WIDTH); bundle * TILE_WIDTH < this.size; bundle += 1) {
      const first = bundle * TILE_WIDTH;
      const width = Math.min(TILE_WIDTH, this.size - first);
      const bundled = decodeBundle(this.#log.read(bundlePath(bundle, width)), width);
      for (const [i, bytes] of bundled.entries()) if (first + i >= from) yield { index: first + i, bytes, entry: decodeEntry(bytes) };
    }
  }

  /** Throws `Refused('read.no-record')`. */
  batchEntry(index: number): { bytes: Buffer; entry: BatchEntry } {
    const found = index < this.size ? this.entries(index).next().value : undefined;
    if (found === undefined || found.entry.kind !== 'batch') throw new Refused('read.no-record', `entry ${index} of the log is no batch`, { fix: 'take an id that "strongroom search" printed' });
    return { bytes: found.bytes, entry: found.entry };
  }

  /** The audit path of an entry in the tree of {@link checkpoint}. */
  entryPath(index: number): Buffer[] {
    return entryPath(index, this.size, (tile) => this.#log.read(tilePath(tile.level, tile.index, tile.width)));
  }

  /** Decrypts a batch and checks it against its manifest. Throws `Failed('read.damaged')`. */
  async open(entry: BatchEntry): Promise<OpenBatch> {
    const frame = this.#frame(entry);
    if (!hash('sha256', frame, 'buffer').equals(entry.digest)) throw damaged(entry);
    return decodeBatch(openFrame(xaesKey(await this.#dataKeys(entry.segment)), entry.header, frame));
  }

  #frame(entry: BatchEntry): Buffer {
    const part = partsOf(SYSTEM_DISK, this.#segments, entry.segment).findLast(({ offset }) => offset <= entry.offset);
    if (part === undefined || entry.length < FRAME_HEADER_BYTES) throw damaged(entry);
    const frame = Buffer.allocUnsafe(entry.length);
    const fd = openSync(part.path, 'r');
    try {
      if (readSync(fd, frame, 0, entry.length, entry.offset - part.offset) !== entry.length) throw damaged(entry);
    } finally {
      closeSync(fd);
    }
    return frame;
  }
}

function damaged(entry: BatchEntry): Failed {
  return new Failed('read.damaged', `frame ${entry.frame} of segment ${entry.segment} is not what was sealed`, { fix: 'run "strongroom verify"' });
}

