// SPDX-License-Identifier: Apache-2.0
// The commit cycle:
//   take what waits → seal batches of one class each → append and sync the segments, while the checkpoint is signed
//   → append and sync the commit log (THE COMMIT POINT) → acknowledge; the publisher follows within a second.
// State changes only after the commit point, so a cycle that fails before it can be tried again with the same queue.

import type { EventEmitter } from 'node:events';
import { Failed } from '@strongroom/bytes';
import {
  encodeEntry, linkRotations, presentKey, readRotation, vkeyOf,
  type BatchEntry, type CloseEntry, type Entry, type LinkedKeys, type LogFile, type LogTree, type NoteKey, type ProducerState, type Totals,
} from '@strongroom/evidence';
import type { Admitted } from '../intake/admission.ts';
import type { CommitLog } from './commit-log.ts';
import type { CustodyState } from './custody-state.ts';
import { isDiskFull } from '../disk.ts';
import type { Producers } from '../intake/producers.ts';
import type { Recovered } from './recover.ts';
import type { KeptRotation } from './rotation-files.ts';
import { prepareBatches, sealBatch, type PreparedBatch, type SealedBatch } from './seal.ts';
import { OpenSegments, type OpenSegmentsOptions } from './open-segments.ts';
import type { SegmentWriter } from './segment-writer.ts';
import { rotationOf, signedCheckpoint } from './signed.ts';
import { groupByClass, merge } from './taken.ts';
import type { Waiting } from '../intake/waiting.ts';

export interface VaultOptions extends OpenSegmentsOptions {
  readonly commitLog: CommitLog;
  readonly waiting: Waiting;
  readonly cycleBytesMax: number;
  /** From how many octets on a batch is followed by another; 4 MiB. */
  readonly batchBytes?: number | undefined;
  /** Whether a life of a service may still come back: then it is not forgotten. */
  readonly isAlive: (instance: Buffer) => boolean;
}

/** What happens to segments, for those who set flags and keep checksums. */
export type VaultEvents = {
  opened: [segment: SegmentWriter];
  closed: [entry: CloseEntry];
  /** Committed batches with the index of the first one's entry. */
  sealed: [batches: readonly SealedBatch[], firstIndex: number, checkpoint: string];
};

/** An entry without records that waits for a cycle, and who is told of its index. */
interface Urgent {
  readonly entry: Entry;
  /** Encoded when it comes, so that what is no entry fails its caller and not the cycle. */
  readonly bytes: Buffer;
  readonly committed: (index: number) => void;
}

interface Plan {
  readonly closing: readonly CloseEntry[];
  readonly urgent: readonly Urgent[];
  /** All entries, encoded. */
  readonly entries: readonly Buffer[];
  readonly batches: readonly SealedBatch[];
  /** What is appended to which segment. */
  readonly writes: ReadonlyMap<SegmentWriter, readonly Buffer[]>;
  readonly tree: LogTree;
  /** The log's next key, which the last entry names. */
  readonly next: NoteKey | null;
}

export class Vault {
  readonly #options: VaultOptions;
  readonly #events: EventEmitter<VaultEvents>;
  readonly producers: Producers;
  readonly custody: CustodyState;
  #keys: LinkedKeys;
  /** The key that the log gets with the next cycle. */
  #nextKey: NoteKey | null = null;
  /** A rotation that is committed; until it is confirmed the old key signs too. */
  #confirming: KeptRotation | null = null;
  #unpublishedRotations: KeptRotation[] = [];
  #tree: LogTree;
  #checkpoint: string;
  #totals: Totals;
  readonly #segments: OpenSegments;
  /** Closing entries that wait for a cycle. */
  #closing: CloseEntry[];
  #urgent: Urgent[] = [];
  /** Full tiles and bundles whose publication failed. */
  #unpublished: LogFile[] = [];
  #inDoubt = false;
  committedAt = 0;
  cycles = 0;

  constructor(options: VaultOptions, recovered: Recovered, events: EventEmitter<VaultEvents>) {
    this.#options = options;
    this.#events = events;
    this.producers = recovered.producers;
    this.custody = recovered.custody;
    this.#keys = recovered.keys;
    this.#tree = recovered.tree;
    this.#checkpoint = recovered.checkpoint;
    this.#totals = recovered.totals;
    this.#closing = [...recovered.torn];
    this.#segments = new OpenSegments(options, recovered.keys.name, recovered.nextSegment, (segment) => events.emit('opened', segment), (entry) => this.#closing.push(entry));
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

  /** The log's keys, the present one last. */
  get keys(): LinkedKeys {
    return this.#keys;
  }

  /** Whether the log's key changes with the next cycle. */
  get isRotating(): boolean {
    return this.#nextKey !== null;
  }

  /** Whether segments under wrapping keys of before {@link turnSegments} are still open. */
  get isTurning(): boolean {
    return this.#segments.isTurning;
  }

  /** A change of key that is committed and not confirmed. */
  get confirming(): KeptRotation | null {
    return this.#confirming;
  }

  get totals(): Totals {
    return this.#totals;
  }

  get openSegments(): IterableIterator<SegmentWriter> {
    return this.#segments.writers();
  }

  get hasWork(): boolean {
    return !this.#options.waiting.isEmpty || this.#urgent.length > 0 || this.#closing.length > 0 || this.isRotating || this.isTurning;
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
    this.#urgent.push({ entry, bytes: encodeEntry(entry), committed: () => undefined });
  }

  /** The same; resolves with its index once it is committed. Who is to run the cycle is the caller's to wake. */
  entered(entry: Entry): Promise<number> {
    return new Promise((committed) => { this.#urgent.push({ entry, bytes: encodeEntry(entry), committed }); });
  }

  /** From the next cycle on these wrapping keys are used no more: they are about to be destroyed. */
  retire(keyIds: Iterable<string>): void {
    this.#segments.retire(keyIds);
  }

  /** Has the next cycle end with an entry that names the log's next key; that checkpoint and those after it are signed by both. */
  rotateTo(next: NoteKey): void {
    this.#nextKey = next;
  }

  /** The rotation is published and known: from here on the new key signs alone. Between cycles only. */
  confirm(): void {
    this.#confirming = null;
  }

  /** The open segments are closed by the next cycle, and new ones begun as records come. */
  turnSegments(): void {
    this.#segments.turn();
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
    const now = this.#options.world.clock.nowNs();
    await this.#segments.closeDue(now);
    const byClass = groupByClass(taken);
    const placed = new Map<SegmentWriter, readonly PreparedBatch[]>();
    for (const [retentionClass, runs] of byClass) {
      placed.set(await this.#segments.writerFor(retentionClass, now), await prepareBatches(this.#options.world, runs, this.#options.batchBytes));
    }
    const plan = this.#plan(placed);
    const checkpoint = await allDone(this.#sign(plan), [...plan.writes].map(([segment, frames]) => segment.write(frames)));
    const rotation = plan.next === null ? null : rotationOf(plan.entries.at(-1)!, plan.tree, checkpoint);
    const producers = merge(taken);
    const cycle = { kind: 'cycle' as const, sizeBefore: this.#tree.size, entries: plan.entries, producers, checkpoint };
    await this.#options.commitLog.commit(cycle);
    this.#apply(plan, checkpoint, producers);
    if (rotation !== null) this.#applyRotation(rotation);
  }

  /** Ends the open segments in order: their closing entries wait for the next cycle. */
  async closeSegments(): Promise<void> {
    await this.#segments.closeAll();
  }

  #plan(placed: ReadonlyMap<SegmentWriter, readonly PreparedBatch[]>): Plan {
    const batches: SealedBatch[] = [];
    const writes = new Map<SegmentWriter, readonly Buffer[]>();
    for (const [segment, prepared] of placed) {
      const sealed = prepared.map((batch) => sealBatch(segment, batch));
      batches.push(...sealed);
      writes.set(segment, sealed.flatMap(({ frame }) => frame));
    }
    const [closing, urgent, next] = [[...this.#closing], [...this.#urgent], this.#nextKey];
    const last: Entry[] = next === null ? [] : [{ kind: 'rotate', time: this.#options.world.clock.nowNs(), from: vkeyOf(presentKey(this.#keys)), to: vkeyOf(next) }];
    const entries = [...closing.map(encodeEntry), ...urgent.map(({ bytes }) => bytes), ...batches.map(({ entry }) => encodeEntry(entry)), ...last.map(encodeEntry)];
    const tree = this.#tree.clone();
    for (const entry of entries) tree.append(entry);
    return { closing, urgent, entries, batches, writes, tree, next };
  }

  /** By the log's key; around a rotation by the old one and the new one. */
  #sign({ tree, next }: Plan): Promise<string> {
    const present = presentKey(this.#keys);
    const retiring = this.#confirming === null ? [] : [this.#keys.epochs.at(-2)!.key];
    return signedCheckpoint(this.#options.keys, { origin: present.name, size: tree.size, root: tree.root() }, [...retiring, present, ...(next === null ? [] : [next])]);
  }

  #applyRotation(rotation: KeptRotation): void {
    const { epochs, rotations } = this.#keys;
    this.#keys = linkRotations(epochs[0]!.key, [...rotations, readRotation(rotation.text)]);
    this.#nextKey = null;
    this.#confirming = rotation;
    this.#unpublishedRotations.push(rotation);
  }

  #apply(plan: Plan, checkpoint: string, producers: readonly ProducerState[]): void {
    this.#tree = plan.tree;
    this.#checkpoint = checkpoint;
    this.#closing.splice(0, plan.closing.length);
    this.#urgent.splice(0, plan.urgent.length);
    const first = plan.tree.size - plan.entries.length + plan.closing.length;
    for (const { entry } of plan.urgent) this.custody.apply(entry);
    this.#totals = add(this.#totals, plan.batches.map(({ entry }) => entry));
    this.#segments.apply(plan.writes.keys(), plan.closing);
    this.producers.apply(producers);
    this.committedAt = this.#options.world.clock.nowMs();
    this.cycles += 1;
    this.#events.emit('sealed', plan.batches, plan.tree.size - plan.batches.length - (plan.next === null ? 0 : 1), checkpoint);
    for (const entry of plan.closing) this.#events.emit('closed', entry);
    for (const [i, { committed }] of plan.urgent.entries()) committed(first + i);
  }

  /** Begins the commit log anew when it has grown and all of it is published. */
  async turnCommitLog(publishedSize: number): Promise<void> {
    if (publishedSize !== this.#tree.size || !this.commitLogIsLong) return;
    await this.#beginCommitFile();
  }

  async #beginCommitFile(): Promise<void> {
    this.producers.expire(this.#options.world.clock.nowNs(), this.#options.isAlive);
    await this.#options.commitLog.turn({
      kind: 'snapshot', size: this.#tree.size, totals: this.#totals, nextSegment: this.#segments.nextId, open: this.#segments.committed, ...this.custody.snapshot,
      producers: this.producers.states(), checkpoint: this.#checkpoint,
    });
  }

  /**
   * After a write found no room, files may end in half a frame or record. The open segments are given up at their
   * committed lengths and the commit log begun anew; everything must be published by then. The queue stays as it was.
   */
  async startAfresh(): Promise<void> {
    this.#closing.push(...await this.#segments.giveUp((segment) => this.#closing.some((entry) => entry.segment === segment)));
    await this.#beginCommitFile();
    this.#inDoubt = false;
  }

  /** Takes back what could not be published. Not into the tree: a cycle under way will replace that by its own. */
  returnPublication(files: readonly LogFile[], rotations: readonly KeptRotation[] = []): void {
    this.#unpublishedRotations.unshift(...rotations);
    this.#unpublished.push(...files.filter(({ path }) => !path.includes('.p/')));
  }

  /** Lets go of open files, as a crash would: nothing is written. */
  async release(): Promise<void> {
    await this.#segments.release();
    await this.#options.commitLog.close();
  }

  /** The files that a publication needs now, with the checkpoint that covers them. */
  takePublication(): { files: LogFile[]; rotations: KeptRotation[]; checkpoint: string; size: number } {
    return { rotations: this.#unpublishedRotations.splice(0), files: [...this.#unpublished.splice(0), ...this.#tree.takeFiles()], checkpoint: this.#checkpoint, size: this.#tree.size };
  }
}

/** The signature, once all writes ended too: after a failure nothing may still be under way on these files. */
async function allDone(signed: Promise<string>, writes: readonly Promise<void>[]): Promise<string> {
  const failed = (await Promise.allSettled([...writes, signed])).find((one) => one.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return signed;
}

function add(totals: Totals, entries: readonly BatchEntry[]): Totals {
  return entries.reduce((sum, entry) => ({ records: sum.records + entry.records, batches: sum.batches + 1, bytes: sum.bytes + entry.bytes }), totals);
}

