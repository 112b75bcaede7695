// SPDX-License-Identifier: Apache-2.0
// Sealed batches, read back: from the published log to records. Used by the reading thread, which has no keys of its own.
import { hash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { Failed, Refused } from '@strongroom/bytes';
import { FRAME_HEADER_BYTES, TILE_WIDTH, bundlePath, decodeBundle, decodeEntry, entryPath, openFrame, tilePath, type BatchEntry, type DestroyOrder, type XaesKey } from '@strongroom/evidence';
import { bundleWidth, checkedBundle, entryDamaged } from './bundle.ts';
import type { LogDirectory } from '../commit/log-directory.ts';
import type { SegmentParts } from './parts.ts';
import { spanOf, type Span } from './time-index.ts';

/** Gives a segment's data key. */
export type DataKeys = (segment: string) => Promise<XaesKey>;

export interface HistoryFiles {
  readonly log: LogDirectory;
  readonly parts: SegmentParts;
  /** The order by which a segment that is not there was destroyed. */
  readonly destroyedBy?: (segment: string) => DestroyOrder | null;
}

export interface FoundBatch {
  readonly index: number;
  readonly entry: BatchEntry;
}

/** Takes entries of the log that cannot be read. */
export type UnreadEntries = (first: number, count: number, error: unknown) => void;

/** Tells of a bundle from when to when its batches were received: null when it has none, undefined when that is not known. */
export type Spans = (bundle: number) => Span | null | undefined;

export class History implements Disposable {
  readonly #log: LogDirectory;
  readonly #parts: SegmentParts;
  readonly destroyedBy: NonNullable<HistoryFiles['destroyedBy']>;
  readonly #dataKeys: DataKeys;
  readonly checkpoint: string;
  readonly size: number;
  /** The file that was read last. */
  #held: { readonly path: string; readonly fd: number } | undefined;

  /** The log as it is published now. */
  constructor({ log, parts, destroyedBy }: HistoryFiles, dataKeys: DataKeys) {
    [this.#log, this.#parts, this.#dataKeys, this.destroyedBy] = [log, parts, dataKeys, destroyedBy ?? (() => null)];
    this.checkpoint = log.checkpoint() ?? '';
    this.size = Number(this.checkpoint.split('\n')[1] ?? 0);
  }

  [Symbol.dispose](): void {
    if (this.#held !== undefined) closeSync(this.#held.fd);
    this.#held = undefined;
  }

  /**
   * Batches that were received within `times`, in the log's order or from its end. A bundle at a time is in memory. Throws at
   * the first entry that is not what was logged, unless `unread` takes it: `Failed('vault.log-damaged')`, `Refused`: `tiles.bundle`, `bytes.*`.
   */
  *batches(times: (from: bigint, to: bigint) => boolean, spans: Spans, reverse = false, unread: UnreadEntries = (_, __, error) => { throw error; }): Generator<FoundBatch> {
    const bundles = Math.ceil(this.size / TILE_WIDTH);
    for (let i = 0; i < bundles; i += 1) {
      const bundle = reverse ? bundles - 1 - i : i;
      const span = spans(bundle);
      if (span === null || (span !== undefined && !times(span.from, span.to))) continue;
      const found = this.#within(bundle, times, unread);
      yield* reverse ? found.toArray().reverse() : found;
    }
  }

  *#within(bundle: number, times: (from: bigint, to: bigint) => boolean, unread: UnreadEntries): Generator<FoundBatch> {
    const first = bundle * TILE_WIDTH;
    for (const [slot, bytes] of this.#checked(bundle, unread).entries()) {
      const index = first + slot;
      if (bytes === null) unread(index, 1, entryDamaged(index));
      else if (isWithin(bytes, times)) yield { index, entry: decodeEntry(bytes) as BatchEntry };
    }
  }

  #checked(bundle: number, unread: UnreadEntries): (Buffer | null)[] {
    try {
      return checkedBundle(this.#log, bundle, this.size);
    } catch (error) {
      unread(bundle * TILE_WIDTH, bundleWidth(bundle, this.size), error);
      return [];
    }
  }

  #bundle(bundle: number): Buffer[] {
    const width = bundleWidth(bundle, this.size);
    return decodeBundle(this.#log.read(bundlePath(bundle, width)), width);
  }

  entryBytes(index: number): Buffer | undefined {
    return index < this.size ? this.#bundle(Math.floor(index / TILE_WIDTH))[index % TILE_WIDTH] : undefined;
  }

  /** Throws `Refused('read.no-record')`. */
  batchEntry(index: number): { bytes: Buffer; entry: BatchEntry } {
    const bytes = this.entryBytes(index);
    const entry = bytes === undefined ? undefined : decodeEntry(bytes);
    if (entry?.kind !== 'batch') throw new Refused('read.no-record', `entry ${index} of the log is no batch`, { fix: 'take an id that "strongroom search" printed' });
    return { bytes: bytes!, entry };
  }

  /** The audit path of an entry in the tree of {@link checkpoint}, or in that of an older size. */
  entryPath(index: number, size = this.size): Buffer[] {
    return entryPath(index, size, (tile) => this.#log.read(tilePath(tile.level, tile.index, tile.width)));
  }

  /** The plain form of a batch, checked against its manifest. Throws `Failed('read.damaged')`, `Refused('read.destroyed')`. */
  async open(entry: BatchEntry): Promise<Buffer> {
    const frame = this.#frame(entry);
    if (!hash('sha256', frame, 'buffer').equals(entry.digest)) throw damaged(entry);
    return openFrame(await this.#dataKeys(entry.segment), entry.header, frame);
  }

  #missing(entry: BatchEntry): Failed | Refused {
    const order = this.destroyedBy(entry.segment);
    if (order === null) return damaged(entry);
    return new Refused('read.destroyed', `what segment ${entry.segment} held was destroyed`, {
      why: `by the order ${order.id}: ${order.reason}`, fix: 'see what can still be shown of it: strongroom prove ID', fields: { order: order.id },
    });
  }

  #frame(entry: BatchEntry): Buffer {
    const part = this.#parts.at(entry.segment, entry.offset);
    if (entry.length < FRAME_HEADER_BYTES) throw damaged(entry);
    const frame = Buffer.allocUnsafe(entry.length);
    if (readSync(this.#open(part.path, entry), frame, 0, entry.length, entry.offset - part.offset) !== entry.length) throw damaged(entry);
    return frame;
  }

  #open(path: string, entry: BatchEntry): number {
    if (this.#held?.path !== path) {
      this[Symbol.dispose]();
      try {
        this.#held = { path, fd: openSync(path, 'r') };
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw this.#missing(entry);
        throw error;
      }
    }
    return this.#held!.fd;
  }
}

function isWithin(entry: Buffer, times: (from: bigint, to: bigint) => boolean): boolean {
  const span = spanOf(entry);
  return span !== null && times(span.from, span.to);
}

function damaged(entry: BatchEntry): Failed {
  return new Failed('read.damaged', `frame ${entry.frame} of segment ${entry.segment} is not what was sealed`, { fix: 'run "strongroom verify"' });
}
