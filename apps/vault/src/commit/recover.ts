// SPDX-License-Identifier: Apache-2.0
// Every start goes through here. What the published checkpoint covers was synced before it was published. Beyond it the
// disk may lack what the page cache shows (a sync may have failed), so that tail is written into new files and synced
// before anything of it is published or acknowledged. Time and memory are bounded by one commit file and one segment.
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { Failed, Refused } from '@strongroom/bytes';
import {
  decodeEntry, encodeRotation, linkRotations, openCheckpoint, parsePartName, partName, readRotation, segmentName,
  type BatchEntry, type Checkpoint, type CloseEntry, type LinkedKeys, type LogKey, type LogTree, type NoteKey, type Snapshot, type Totals,
} from '@strongroom/evidence';
import type { CommitLog, Redo } from './commit-log.ts';
import { CustodyState } from './custody-state.ts';
import { copyRange, listDirectory, makeStore, readRange, removePath, syncNames, type Disk } from '../disk.ts';
import { LogDirectory } from './log-directory.ts';
import { Producers } from '../intake/producers.ts';
import { RotationFiles, type KeptRotation } from './rotation-files.ts';
import { partsOf, tornEntry } from './segment-parts.ts';
import { sliced, type Pace } from './slices.ts';
import type { World } from '../world.ts';

type RecoverWorld = Pick<World, 'disk'> & { readonly clock: Pick<World['clock'], 'turn'> };

export interface RecoverPaths {
  readonly log: string;
  readonly segments: string;
  readonly commit: string;
  readonly rotations: string;
}

/** What is known from outside the store. */
export interface KnownLog {
  /** The log's first key. */
  readonly first: NoteKey;
  /** Every key that the token has for this log. */
  readonly keys: readonly NoteKey[];
  /** The signed checkpoint that was published last, or null. */
  readonly remembered: string | null;
  /** No segment gets a number below. */
  readonly segmentsFrom?: number;
}

/** The committed state that the vault goes on from. */
export interface Recovered {
  readonly tree: LogTree;
  /** The log's keys, the present one last. */
  readonly keys: LinkedKeys;
  readonly checkpoint: string;
  readonly totals: Totals;
  readonly nextSegment: number;
  readonly producers: Producers;
  readonly custody: CustodyState;
  /** Closing entries for segments that were open: the first cycle commits them. */
  readonly torn: readonly CloseEntry[];
  /** What the commit log still tells of segments that were closed: flags and checksums may lack after a crash. */
  readonly closed: readonly CloseEntry[];
  /** Entries that were committed and not yet published. */
  readonly rewritten: number;
  readonly isNew: boolean;
}

const NOTHING: Snapshot = { kind: 'snapshot', size: 0, totals: { records: 0, batches: 0, bytes: 0 }, nextSegment: 1, open: [], holds: [], destroying: [], producers: [], checkpoint: '' };

/**
 * Order: read; rewrite the tail of segments; rewrite the commit log; keep what proves a change of key; publish. A crash in between leaves a store that the
 * next recovery treats the same. Throws `Refused`: `vault.rollback`, `vault.foreign-log`, `note.*`; `Failed`:
 * `vault.commit-log-damaged`, `vault.log-damaged`, `vault.file-short`, `vault.frame-damaged`.
 */
export async function recover({ disk, clock }: RecoverWorld, paths: RecoverPaths, known: KnownLog, commitLog: CommitLog): Promise<Recovered> {
  await makeStore(disk, paths.log, paths.segments, paths.commit, paths.rotations);
  const log = new LogDirectory(disk, paths.log);
  const rotations = new RotationFiles(disk, paths.rotations);
  const before = rotations.keys(known.first);
  const published = publishedCheckpoint(log, before);
  const redo = commitLog.read() ?? fresh(published);
  const replayed = replay(redo, log, published.size, before);
  checkRemembered(known, replayed, log);
  for (const directory of [paths.segments, paths.commit]) await removeUnfinished(disk, directory);
  const segments = await rewriteTails(disk, paths.segments, replayed.open, sliced(() => clock.turn()));
  await commitLog.turn(redo.snapshot, redo.cycles);
  for (const rotation of replayed.rotations) await rotations.keep(rotation);
  if (replayed.tree.size > published.size) await log.publish(replayed.tree.takeFiles(), replayed.checkpoint);
  const nextSegment = Math.max(replayed.nextSegment, known.segmentsFrom ?? 1, firstUnusedSegment(disk, paths.segments));
  return { ...replayed, nextSegment, torn: segments, rewritten: replayed.tree.size - published.size, isNew: replayed.checkpoint === '' };
}

function publishedCheckpoint(log: LogDirectory, key: LogKey & { readonly name: string }): Checkpoint {
  const note = log.checkpoint();
  if (note === null) return { origin: key.name, size: 0, root: Buffer.alloc(0) };
  return openCheckpoint(note, key);
}

function fresh(published: Checkpoint): Redo {
  if (published.size > 0) {
    throw new Failed('vault.commit-log-damaged', 'the commit log is gone', { why: `the published log has ${published.size} entries`, fix: 'restore store/commit, or the whole store, from a backup' });
  }
  return { snapshot: NOTHING, cycles: [] };
}

interface Replayed {
  readonly tree: LogTree;
  readonly keys: LinkedKeys;
  /** Changes of key beyond what was published. */
  readonly rotations: readonly KeptRotation[];
  readonly checkpoint: string;
  readonly totals: Totals;
  readonly nextSegment: number;
  readonly producers: Producers;
  readonly custody: CustodyState;
  readonly open: OpenSegments;
  readonly closed: readonly CloseEntry[];
}

/** Segments with batches and no closing entry, by id: where their last frame ends, and where it ended when published. */
type OpenSegments = Map<string, { length: number; frames: number; publishedLength: number; last: BatchEntry[] }>;

function replay({ snapshot, cycles }: Redo, log: LogDirectory, publishedSize: number, before: LinkedKeys): Replayed {
  const tree = log.tree(publishedSize);
  const producers = new Producers();
  producers.apply(snapshot.producers);
  const custody = custodyOf(snapshot);
  const open: OpenSegments = new Map();
  for (const { id, length, frames } of snapshot.open) open.set(segmentName(id), { length, frames, publishedLength: length, last: [] });
  const totals = { ...snapshot.totals };
  const closed: CloseEntry[] = [];
  const rotations: KeptRotation[] = [];
  let { nextSegment, checkpoint, size } = snapshot;
  for (const cycle of cycles) {
    for (const bytes of cycle.entries) {
      if (size >= publishedSize) tree.append(bytes);
      nextSegment = Math.max(nextSegment, follow(bytes, size < publishedSize, { totals, open, closed, custody }));
      size += 1;
    }
    producers.apply(cycle.producers);
    checkpoint = cycle.checkpoint;
    const last = cycle.entries.at(-1);
    if (size > publishedSize && last !== undefined && decodeEntry(last).kind === 'rotate') {
      rotations.push({ size, text: encodeRotation(last, size - 1, tree.lastEntryPath(), checkpoint) });
    }
  }
  const keys = linkRotations(before.epochs[0]!.key, [...before.rotations, ...rotations.map(({ text }) => readRotation(text))]);
  checkReplayed(tree, size, checkpoint, keys);
  return { tree, keys, rotations, checkpoint, totals, nextSegment, producers, custody, open, closed };
}

function custodyOf({ holds, destroying }: Snapshot): CustodyState {
  const custody = new CustodyState();
  for (const { hold, document } of holds) custody.apply({ kind: 'hold', time: 0n, hold, document });
  for (const bytes of destroying) custody.apply(decodeEntry(bytes));
  return custody;
}

interface Followed {
  readonly totals: { records: number; batches: number; bytes: number };
  readonly open: OpenSegments;
  readonly closed: CloseEntry[];
  readonly custody: CustodyState;
}

/** Counts an entry in. Returns the lowest segment id that is free after it. */
function follow(bytes: Buffer, isPublished: boolean, { totals, open, closed, custody }: Followed): number {
  const entry = decodeEntry(bytes);
  custody.apply(entry);
  if (entry.kind === 'close') {
    open.delete(entry.segment);
    closed.push(entry);
  }
  if (entry.kind !== 'batch') return 0;
  totals.records += entry.records;
  totals.batches += 1;
  totals.bytes += entry.bytes;
  const length = entry.offset + entry.length;
  const before = open.get(entry.segment) ?? { publishedLength: 0, last: [] };
  const [publishedLength, last] = isPublished ? [length, before.last] : [before.publishedLength, [...before.last, entry]];
  open.set(entry.segment, { length, frames: entry.frame + 1, publishedLength, last });
  return Number.parseInt(entry.segment, 16) + 1;
}

function checkReplayed(tree: LogTree, size: number, checkpoint: string, key: LogKey): void {
  if (size === 0) return;
  const { size: signed, root } = openCheckpoint(checkpoint, key);
  if (size < tree.size || signed !== size || !root.equals(tree.root())) {
    throw new Failed('vault.commit-log-damaged', 'the commit log and the published log do not fit together', {
      why: `the commit log ends at ${size} entries, its checkpoint at ${signed}, the published log at ${tree.size}`, fix: 'run "strongroom verify", and restore the store from a backup',
    });
  }
}

/** A store that is older than what this vault has seen would silently lose what came after. */
function checkRemembered({ remembered, keys: inToken }: KnownLog, { tree, keys }: Replayed, log: LogDirectory): void {
  if (remembered === null) return;
  const seen = openRemembered(remembered, keys, inToken);
  const fix = 'put the newest store back; "strongroom verify --as-of" reads a deliberate old copy';
  if (seen.size > tree.size) {
    throw new Refused('vault.rollback', 'the store is older than what this vault has sealed', { why: `it has ${tree.size} entries, ${seen.size} were seen`, fix });
  }
  const root = seen.size === tree.size ? tree.root() : log.tree(seen.size).root();
  if (!root.equals(seen.root)) {
    throw new Refused('vault.fork', 'the store is not the one that this vault has sealed', { why: `its first ${seen.size} entries differ from those seen`, fix });
  }
}

/** By the keys that the store leads to, or by one that the token has and an older store does not know yet. */
function openRemembered(note: string, keys: LinkedKeys, inToken: readonly NoteKey[]): Checkpoint {
  for (const key of [keys, ...inToken]) {
    try {
      return openCheckpoint(note, key);
    } catch (error) {
      if (!(error instanceof Refused) || error.code !== 'note.signature') throw error;
    }
  }
  return openCheckpoint(note, keys);
}

/** Closes every segment that was open; what lies beyond the published part goes into a new part file. */
async function rewriteTails(disk: Disk, directory: string, open: OpenSegments, pace: Pace): Promise<CloseEntry[]> {
  const closing: CloseEntry[] = [];
  for (const [segment, { length, frames, publishedLength, last }] of open) {
    const parts = partsOf(disk, directory, segment);
    if (length > publishedLength && !parts.some((part) => part.isRecovered && part.offset === publishedLength)) {
      const source = parts.at(-1) ?? { path: join(directory, partName(segment, 0)), offset: 0 };
      await checkFrames(disk, source, last, pace);
      await copyRange(disk, source.path, publishedLength - source.offset, length - source.offset, join(directory, `${segment}.${publishedLength}.seg`));
    }
    closing.push(await tornEntry(disk, directory, { id: Number.parseInt(segment, 16), length, frames }, pace));
  }
  // A part that an earlier recovery put in place may have been killed before its name was durable.
  if (open.size > 0) await syncNames(disk, directory);
  return closing;
}

/** A crash can leave a segment's file that no entry names; its number is not used again. */
function firstUnusedSegment(disk: Disk, directory: string): number {
  return listDirectory(disk, directory).reduce((next, name) => Math.max(next, Number.parseInt(parsePartName(name)?.segment ?? '0', 16) + 1), 1);
}

/** Files that were never put in place: nobody reads them, and they may be as large as those that were. */
async function removeUnfinished(disk: Disk, directory: string): Promise<void> {
  for (const name of listDirectory(disk, directory)) if (/\.(seg|commit)\.new$/.test(name)) await removePath(disk, join(directory, name));
}

async function checkFrames(disk: Disk, source: { path: string; offset: number }, entries: readonly BatchEntry[], pace: Pace): Promise<void> {
  for (const entry of entries) {
    const start = entry.offset - source.offset;
    const digest = createHash('sha256');
    for (const part of readRange(disk, source.path, start, start + entry.length)) {
      digest.update(part);
      await pace(part.length);
    }
    if (!digest.digest().equals(entry.digest)) {
      throw new Failed('vault.frame-damaged', `frame ${entry.frame} of segment ${entry.segment} is not what was committed`, { fix: 'run "strongroom verify", and restore the store from a backup' });
    }
  }
}
