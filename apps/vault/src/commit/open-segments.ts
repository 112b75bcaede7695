// SPDX-License-Identifier: Apache-2.0
// The segments that are being written: at most one for each retention class, and so at most 16.
import { segmentName, type CloseEntry, type OpenSegment } from '@strongroom/evidence';
import type { SealingKeys } from './keys.ts';
import { expiryBucket } from './retention.ts';
import { tornEntry } from './segment-parts.ts';
import { SegmentWriter } from './segment-writer.ts';
import { sliced } from './slices.ts';
import type { World } from '../world.ts';

const SEGMENT_AGE_NS = 24n * 3600n * 1_000_000_000n;

export interface OpenSegmentsOptions {
  readonly world: World;
  readonly keys: SealingKeys;
  readonly segments: string;
  readonly dataKeys: string;
  readonly segmentBytesMax: number;
  /** How long records of a retention class are kept. */
  readonly keepDays: (retentionClass: string) => number;
}

export class OpenSegments {
  readonly #options: OpenSegmentsOptions;
  readonly #opened: (segment: SegmentWriter) => void;
  readonly #closed: (entry: CloseEntry) => void;
  /** By retention class. */
  readonly #writers = new Map<string, SegmentWriter>();
  /** Segments that have committed batches and no committed closing entry, by name. */
  readonly #committed = new Map<string, OpenSegment>();
  /** Wrapping keys that are used no more. */
  #retired: ReadonlySet<string> = new Set();
  #nextId: number;
  readonly #origin: string;
  /** Segments with lower numbers are closed. */
  #turnedBelow = 0;

  /** `closed` is told of the closing entry once the final frame is durable. */
  constructor(options: OpenSegmentsOptions, origin: string, nextId: number, opened: (segment: SegmentWriter) => void, closed: (entry: CloseEntry) => void) {
    [this.#options, this.#origin, this.#nextId, this.#opened, this.#closed] = [options, origin, nextId, opened, closed];
  }

  get nextId(): number {
    return this.#nextId;
  }

  /** Instead of those before. Segments under them are closed with the next cycle. */
  retire(keyIds: Iterable<string>): void {
    this.#retired = new Set(keyIds);
  }

  writers(): IterableIterator<SegmentWriter> {
    return this.#writers.values();
  }

  /** What a snapshot of the commit log says of them. */
  get committed(): OpenSegment[] {
    return [...this.#committed.values()];
  }

  /** The open segment of a class, or a new one. {@link closeDue} comes first. */
  async writerFor(retentionClass: string, now: bigint): Promise<SegmentWriter> {
    const open = this.#writers.get(retentionClass);
    if (open !== undefined) return open;
    const { world, keys, segments, dataKeys } = this.#options;
    const place = { directory: segments, dataKeys, origin: this.#origin, retentionClass, bucket: this.#bucket(retentionClass, now), createdAt: now };
    // Counted first: a number whose file could not be made whole is not used again.
    const id = this.#nextId;
    this.#nextId += 1;
    const segment = await SegmentWriter.open(world, id, place, keys, [...this.#retired]);
    this.#writers.set(retentionClass, segment);
    this.#opened(segment);
    return segment;
  }

  #bucket(retentionClass: string, now: bigint): string {
    return expiryBucket(now, this.#options.keepDays(retentionClass));
  }

  /** The open segments are closed by the next cycle: new ones get the wrapping keys of now. */
  turn(): void {
    this.#turnedBelow = this.#nextId;
  }

  /** Whether segments from before the {@link turn} are still open. */
  get isTurning(): boolean {
    return [...this.writers()].some(({ id }) => id < this.#turnedBelow);
  }

  /**
   * Closes segments that are of another bucket than now, large, a day old, or under a retired key, whether or not
   * more comes for them.
   */
  async closeDue(now: bigint): Promise<void> {
    for (const segment of this.writers()) {
      const { retentionClass, bucket, createdAt } = segment.place;
      const isOld = now - createdAt > SEGMENT_AGE_NS || segment.id < this.#turnedBelow;
      const isDue = isOld || bucket !== this.#bucket(retentionClass, now) || segment.length >= this.#options.segmentBytesMax;
      if (isDue || this.#retired.has(segment.keyId)) await this.close(retentionClass);
    }
  }

  /** Ends the open segment of a class in order: its final frame is durable before its closing entry waits for a cycle. */
  async close(retentionClass: string): Promise<void> {
    const segment = this.#writers.get(retentionClass);
    if (segment === undefined) return;
    await segment.write(segment.seal(Buffer.alloc(0), true).frame);
    this.#closed(segment.closeEntry());
    this.#writers.delete(retentionClass);
    await segment.release();
  }

  async closeAll(): Promise<void> {
    for (const retentionClass of this.#writers.keys()) await this.close(retentionClass);
  }

  /** A cycle was committed that wrote to `written` and closed these. */
  apply(written: Iterable<SegmentWriter>, closed: readonly CloseEntry[]): void {
    for (const { segment } of closed) this.#committed.delete(segment);
    for (const { name, id, length, frames } of written) this.#committed.set(name, { id, length, frames });
  }

  /** Gives all up at their committed lengths; `isClosing` tells of which a closing entry waits already. */
  async giveUp(isClosing: (segment: string) => boolean): Promise<CloseEntry[]> {
    await this.release();
    const { world: { disk, clock }, segments } = this.#options;
    const pace = sliced(() => clock.turn());
    const torn: CloseEntry[] = [];
    for (const open of this.committed.filter(({ id }) => !isClosing(segmentName(id)))) torn.push(await tornEntry(disk, segments, open, pace));
    return torn;
  }

  /** Lets go of open files: nothing is written. */
  async release(): Promise<void> {
    const segments = [...this.writers()];
    this.#writers.clear();
    for (const segment of segments) await segment.release();
  }
}
