// SPDX-License-Identifier: Apache-2.0
// The commit cycle:
//   take what waits → seal batches → append and sync the segment, while the checkpoint is signed
//   → append and sync the commit log (THE COMMIT POINT) → acknowledge; the publisher follows within a second.
// State changes only after the commit point, so a cycle that fails before it can be tried again with the same queue.

import type { EventEmitter } from 'node:events';
import { Failed } from '@strongroom/bytes';
import {
  checkpointText, encodeEntry, segmentName, signedNote,
  type BatchEntry, type CloseEntry, type Entry, type LogFile, type LogTree, type NoteKey, type OpenSegment, type ProducerState, type Totals,
} from '@strongroom/evidence';
import type { Admitted } from '../intake/admission.ts';
import type { CommitLog } from './commit-log.ts';
import { isDiskFull } from '../disk.ts';
import type { SealingKeys } from './keys.ts';
import type { Producers } from '../intake/producers.ts';
import type { Recovered } from './recover.ts';
import { RETENTION_CLASS, expiryBucket } from './retention.ts';
import { batchesOf, sealBatch, type SealedBatch } from './seal.ts';
import { tornEntry } from './segment-parts.ts';
import { SegmentWriter } from './segment-writer.ts';
import type { Waiting } from '../intake/waiting.ts';
import type { World } from '../world.ts';

const SEGMENT_AGE_NS = 24n * 3600n * 1_000_000_000n;

export interface VaultOptions {
  readonly world: World;
  readonly key: NoteKey;
  readonly keys: SealingKeys;
  readonly commitLog: CommitLog;
  readonly segments: string;
  readonly dataKeys: string;
  readonly waiting: Waiting;
  readonly cycleBytesMax: number;
  readonly segmentBytesMax: number;
  /** Whether a life of a service may still come back: then it is not forgotten. */
  readonly isAlive: (instance: Buffer) => boolean;
}

/** What happens to segments, for those who set flags and keep checksums. */
export type VaultEvents = {
  opened: [segment: SegmentWriter];
  closed: [entry: CloseEntry];
  /** Committed batches with the index of the first one's entry. */
  sealed: [batches: readonly SealedBatch[], firstIndex: number];
};

interface Plan {
  readonly closing: readonly CloseEntry[];
  readonly urgent: readonly Entry[];
  /** All entries, encoded. */
  readonly entries: readonly Buffer[];
  readonly batches: readonly SealedBatch[];
  readonly frames: readonly Buffer[];
  readonly tree: LogTree;
}

export class Vault {
  readonly #options: VaultOptions;
  readonly #events: EventEmitter<VaultEvents>;
  readonly producers: Producers;
  #tree: LogTree;
  #checkpoint: string;
  #totals: Totals;
  #nextSegment: number;
  #segment: SegmentWriter | undefined;
  /** The segment that has committed batches and no committed closing entry. */
  #open: OpenSegment | null = null;
  /** Closing entries that wait for a cycle. */
  #closing: CloseEntry[];
  #urgent: Entry[] = [];
  /** Full tiles and bundles whose publication failed. */
  #unpublished: LogFile[] = [];
  #inDoubt = false;
  committedAt = 0;
  cycles = 0;

  constructor(options: VaultOptions, recovered: Recovered, events: EventEmitter<VaultEvents>) {
    this.#options = options;
    this.#events = events;
    this.producers = recovered.producers;
    this.#tree = recovered.tree;
    this.#checkpoint = recovered.checkpoint;
    this.#totals = recovered.totals;
    this.#nextSegment = recovered.nextSegment;
    this.#closing = [...recovered.torn];
  }

  get size(): number {
    return this.#tree.size;
  }

  get root(): Buffer {
    return this.#tree.root();
  }

  get checkpoint(): string {
    return this.#checkpoint;
  }

  get totals(): Totals {
    return this.#totals;
  }

  get openSegment(): SegmentWriter | undefined {
    return this.#segment;
  }

  get hasWork(): boolean {
    return !this.#options.waiting.isEmpty || this.#urgent.length > 0 || this.#closing.length > 0;
  }

  /** Whether a write found no room: files may end in half a frame or record, and nothing may follow before {@link startAfresh}. */
  get isInDoubt(): boolean {
    return this.#inDoubt;
  }

  /** Whether the commit log should be begun anew, for which all must be published. */
  get commitLogIsLong(): boolean {
    return this.#options.commitLog.isLong;
  }

  /** An entry without records, for the next cycle. */
  enter(entry: Entry): void {
    this.#urgent.push(entry);
  }

  /**
   * One whole cycle: incidents, and at most `bytesMax` of what waits. When it fails, all of it waits again.
   * Throws `Failed`: `vault.disk-full`, `vault.write-failed`, `vault.in-doubt`, `keys.*`.
   */
  async cycle(bytesMax: number = this.#options.cycleBytesMax): Promise<void> {
    if (this.#inDoubt) throw new Failed('vault.in-doubt', 'files of the store may end in half a frame or record', { why: 'a write found no room', fix: 'make room; the vault recovers at its next start' });
    const { waiting } = this.#options;
    const taken = waiting.take(bytesMax);
    try {
      await this.#commit([...taken.incidents, ...taken.queued]);
    } catch (error) {
      waiting.putBack(taken);
      this.#inDoubt = isDiskFull(error);
      throw error;
    }
    waiting.committed(taken);
  }

  async #commit(taken: readonly Admitted[]): Promise<void> {
    const hasRecords = taken.some((admitted) => admitted.runs.length > 0);
    const segment = hasRecords ? await this.#segmentFor(this.#options.world.clock.nowNs()) : undefined;
    const plan = this.#plan(taken, segment);
    const [checkpoint] = await Promise.all([this.#sign(plan.tree), segment?.write(plan.frames)]);
    const producers = merge(taken);
    const cycle = { kind: 'cycle' as const, sizeBefore: this.#tree.size, entries: plan.entries, producers, checkpoint };
    await this.#options.commitLog.commit(cycle);
    this.#apply(plan, checkpoint, producers, segment);
  }

  /** The open segment, or a new one when the bucket, the size or the age asks for it. */
  async #segmentFor(now: bigint): Promise<SegmentWriter> {
    const open = this.#segment;
    const bucket = expiryBucket(now);
    if (open !== undefined) {
      const tooOld = now - open.place.createdAt > SEGMENT_AGE_NS;
      if (open.place.bucket === bucket && open.length < this.#options.segmentBytesMax && !tooOld) return open;
      await this.closeSegment();
    }
    const { world, keys, segments, dataKeys, key } = this.#options;
    const place = { directory: segments, dataKeys, origin: key.name, retentionClass: RETENTION_CLASS, bucket, createdAt: now };
    // Counted first: a number whose file could not be made whole is not used again.
    const id = this.#nextSegment;
    this.#nextSegment += 1;
    const segment = await SegmentWriter.open(world, id, place, keys);
    this.#segment = segment;
    this.#events.emit('opened', segment);
    return segment;
  }

  /** Ends the open segment in order: its final frame is durable before its closing entry waits for the next cycle. */
  async closeSegment(): Promise<void> {
    const segment = this.#segment;
    if (segment === undefined) return;
    await segment.write(segment.seal(Buffer.alloc(0), true).frame);
    this.#closing.push(segment.closeEntry());
    this.#segment = undefined;
    await segment.release();
  }

  #plan(taken: readonly Admitted[], segment: SegmentWriter | undefined): Plan {
    const batches = segment === undefined ? [] : [...batchesOf(taken.flatMap((admitted) => admitted.runs))].map((runs) => sealBatch(this.#options.world.random, segment, runs));
    const [closing, urgent] = [[...this.#closing], [...this.#urgent]];
    const entries = [...closing, ...urgent, ...batches.map(({ entry }) => entry)].map(encodeEntry);
    const tree = this.#tree.clone();
    for (const entry of entries) tree.append(entry);
    return { closing, urgent, entries, batches, frames: batches.flatMap(({ frame }) => frame), tree };
  }

  async #sign(tree: LogTree): Promise<string> {
    const { key, keys } = this.#options;
    const text = checkpointText({ origin: key.name, size: tree.size, root: tree.root() });
    return signedNote(text, key, await keys.signCheckpoint(Buffer.from(text)));
  }

  #apply(plan: Plan, checkpoint: string, producers: readonly ProducerState[], segment: SegmentWriter | undefined): void {
    this.#tree = plan.tree;
    this.#checkpoint = checkpoint;
    this.#closing.splice(0, plan.closing.length);
    this.#urgent.splice(0, plan.urgent.length);
    this.#totals = add(this.#totals, plan.batches.map(({ entry }) => entry));
    if (plan.closing.some(({ segment: name }) => this.#open !== null && name === segmentName(this.#open.id))) this.#open = null;
    if (segment !== undefined) this.#open = { id: segment.id, length: segment.length, frames: segment.frames };
    this.producers.apply(producers);
    this.committedAt = this.#options.world.clock.nowMs();
    this.cycles += 1;
    this.#events.emit('sealed', plan.batches, plan.tree.size - plan.batches.length);
    for (const entry of plan.closing) this.#events.emit('closed', entry);
  }

  /** Begins the commit log anew when it has grown and all of it is published. */
  async turnCommitLog(publishedSize: number): Promise<void> {
    if (publishedSize !== this.#tree.size || !this.commitLogIsLong) return;
    await this.#beginCommitFile();
  }

  async #beginCommitFile(): Promise<void> {
    this.producers.expire(this.#options.world.clock.nowNs(), this.#options.isAlive);
    await this.#options.commitLog.turn({
      kind: 'snapshot', size: this.#tree.size, totals: this.#totals, nextSegment: this.#nextSegment, open: this.#open,
      producers: this.producers.states(), checkpoint: this.#checkpoint,
    });
  }

  /**
   * After a write found no room, files may end in half a frame or record. The open segment is given up at its committed
   * length and the commit log begun anew; everything must be published by then. The queue stays as it was.
   */
  async startAfresh(): Promise<void> {
    const [segment, open] = [this.#segment, this.#open];
    this.#segment = undefined;
    await segment?.release();
    if (open !== null && !this.#closing.some((entry) => entry.segment === segmentName(open.id))) {
      this.#closing.push(tornEntry(this.#options.world.disk, this.#options.segments, open));
    }
    await this.#beginCommitFile();
    this.#inDoubt = false;
  }

  /** Takes back what could not be published. Not into the tree: a cycle under way will replace that by its own. */
  returnPublication(files: readonly LogFile[]): void {
    this.#unpublished.push(...files.filter(({ path }) => !path.includes('.p/')));
  }

  /** Lets go of open files, as a crash would: nothing is written. */
  async release(): Promise<void> {
    await this.#segment?.release();
    await this.#options.commitLog.close();
  }

  /** The files that a publication needs now, with the checkpoint that covers them. */
  takePublication(): { files: LogFile[]; checkpoint: string; size: number } {
    return { files: [...this.#unpublished.splice(0), ...this.#tree.takeFiles()], checkpoint: this.#checkpoint, size: this.#tree.size };
  }
}

function merge(taken: readonly Admitted[]): ProducerState[] {
  const merged = new Map<string, ProducerState>();
  for (const { state } of taken) {
    if (state === null) continue;
    const id = state.instance.toString('latin1');
    const before = merged.get(id);
    merged.set(id, before === undefined ? state : { ...state, token: state.token.length > 0 ? state.token : before.token, streams: lastOf([...before.streams, ...state.streams]) });
  }
  return [...merged.values()];
}

function lastOf(streams: ProducerState['streams']): ProducerState['streams'] {
  return [...new Map(streams.map((stream) => [stream.stream.toString('latin1'), stream])).values()];
}

function add(totals: Totals, entries: readonly BatchEntry[]): Totals {
  return entries.reduce((sum, entry) => ({ records: sum.records + entry.records, batches: sum.batches + 1, bytes: sum.bytes + entry.bytes }), totals);
}

