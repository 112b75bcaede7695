// SPDX-License-Identifier: Apache-2.0
// What a checkpoint covers of a store that goes on growing: the commit log up to it, tiles and bundles of exactly its
// size, and how long each segment must be.
import { setTimeout as delay } from 'node:timers/promises';
import { Failed } from '@strongroom/bytes';
import {
  COMMIT_BODY_MAX, COMMIT_FRAMING_BYTES, decodeBundle, decodeCommit, decodeEntry, NO_DIGEST, openCheckpoint, segmentName, segmentsIn,
  type Checkpoint, type Cycle, type LogKey, type Snapshot, type StoreReader,
} from '@strongroom/evidence';

const ATTEMPTS = 50;
const RETRY_MS = 100;
const COMMIT_NAME = /^([0-9a-f]{16})-([0-9]{4,15})\.commit$/;

export interface Covered {
  /** The signed note. */
  readonly note: string;
  readonly checkpoint: Checkpoint;
  /** Null in a store that has no commit log, such as a copy without. */
  readonly commit: CoveredCommit | null;
}

export interface CoveredCommit {
  readonly name: string;
  /** Octets of whole records up to the checkpoint. */
  readonly length: number;
  /** Logical octets that the commit log's own state needs of segments without batches yet. */
  readonly open: readonly { readonly segment: string; readonly length: number }[];
}

/**
 * Reads the checkpoint, then finds the commit log up to it. When the vault has begun a new commit file in between, both
 * are read again. Throws `Failed`: `snapshot.no-checkpoint`, `snapshot.commit-log`; `Refused` as `openCheckpoint` does.
 */
export async function findCovered(store: StoreReader, key: LogKey): Promise<Covered> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const note = store.readFile('log/checkpoint')?.toString('utf8');
    if (note === undefined) {
      throw new Failed('snapshot.no-checkpoint', 'there is nothing to copy yet', {
        why: 'the store has no checkpoint', fix: 'wait until Strongroom runs, or name its home with --home DIR',
      });
    }
    const checkpoint = openCheckpoint(note, key);
    const names = commitNames(store);
    if (names.length === 0) return { note, checkpoint, commit: null };
    for (const name of names) {
      const commit = coveredCommit(store, name, checkpoint.size);
      if (commit !== null) return { note, checkpoint, commit };
    }
    await delay(RETRY_MS);
  }
  throw new Failed('snapshot.commit-log', 'the commit log does not lead to the checkpoint', {
    why: `none of its files has a record that ends there, seen ${ATTEMPTS} times`, fix: 'run "strongroom verify"',
  });
}

/** Newest first. */
function commitNames(store: StoreReader): string[] {
  return store.list('commit').filter((name) => COMMIT_NAME.test(name)).toSorted((a, b) => serialOf(b) - serialOf(a));
}

function serialOf(name: string): number {
  return Number(COMMIT_NAME.exec(name)![2]);
}

/** Null when no record of the file ends at `size` entries. */
function coveredCommit(store: StoreReader, name: string, size: number): CoveredCommit | null {
  let open: CoveredCommit['open'] = [];
  for (const { record, end } of commitRecords(store, `commit/${name}`)) {
    if (record.kind === 'snapshot') open = record.open.map(({ id, length }) => ({ segment: segmentName(id), length }));
    const reached = record.kind === 'snapshot' ? record.size : record.sizeBefore + record.entries.length;
    if (reached === size) return { name, length: end, open };
    if (reached > size) return null;
  }
  return null;
}

function* commitRecords(store: StoreReader, path: string): Generator<{ record: Snapshot | Cycle; end: number }> {
  let digest = NO_DIGEST;
  let at = 0;
  for (;;) {
    const head = store.readAt(path, at, 4);
    if (head === null || head.length < 4 || head.readUInt32BE(0) > COMMIT_BODY_MAX) return;
    const bytes = store.readAt(path, at, COMMIT_FRAMING_BYTES + head.readUInt32BE(0));
    if (bytes === null || bytes.length < COMMIT_FRAMING_BYTES + head.readUInt32BE(0)) return;
    const next = decodeCommit(digest, bytes);
    if (next === null) return;
    digest = next.digest;
    at += bytes.length;
    yield { record: next.record, end: at };
  }
}

/** A tile's or bundle's octets at exactly `width`: a superseded partial one is cut from a wider one. */
export function exactFile(store: StoreReader, path: string, cut: (wider: Buffer) => Buffer): Buffer {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const exact = store.readFile(`log/${path}`);
    if (exact !== null) return exact;
    const wider = widerFile(store, path);
    if (wider !== null) return cut(wider);
  }
  throw damaged(`log/${path}`, 'it is missing, and the checkpoint covers it');
}

function widerFile(store: StoreReader, path: string): Buffer | null {
  const [full, width] = path.split('.p/');
  if (width === undefined) return null;
  const partials = store.list(`log/${full}.p`).filter((name) => Number(name) > Number(width)).map((name) => `log/${full}.p/${name}`);
  for (const candidate of [...partials, `log/${full}`]) {
    const bytes = store.readFile(candidate);
    if (bytes !== null) return bytes;
  }
  return null;
}

/** The first `count` entries of a bundle, still as a bundle. */
export function firstEntries(bundle: Buffer, count: number): Buffer {
  let at = 0;
  for (let i = 0; i < count && at + 2 <= bundle.length; i += 1) at += 2 + bundle.readUInt16BE(at);
  return bundle.subarray(0, at);
}

/** How many logical octets of each segment the log's entries need. */
export class SegmentNeeds {
  readonly #needs = new Map<string, number>();
  /** Orders that were carried out. */
  readonly orders: string[] = [];

  /** The entries of one bundle. Throws `Refused`: `tiles.bundle`, `entry.malformed`. */
  take(bundle: Buffer, width: number): void {
    for (const bytes of decodeBundle(bundle, width)) {
      const entry = decodeEntry(bytes);
      if (entry.kind === 'batch') this.need(entry.segment, entry.offset + entry.length);
      if (entry.kind === 'close') this.need(entry.segment, entry.length);
      if (entry.kind === 'destroy') for (const segment of segmentsIn(entry.segments)) this.#needs.delete(segment);
      if (entry.kind === 'destroy' || entry.kind === 'release') this.orders.push(entry.order);
    }
  }

  need(segment: string, length: number): void {
    this.#needs.set(segment, Math.max(length, this.#needs.get(segment) ?? 0));
  }

  entries(): IterableIterator<[segment: string, length: number]> {
    return this.#needs.entries();
  }

  get octets(): number {
    return [...this.#needs.values()].reduce((sum, length) => sum + length, 0);
  }
}

export function damaged(where: string, why: string): Failed {
  return new Failed('snapshot.damaged', `${where} cannot be copied`, { why, fix: 'run "strongroom verify" to see all damage' });
}
