// SPDX-License-Identifier: Apache-2.0
// A list against what the log says, in three steps: read the list, read the log, read the list again for what is missing.
import { hash } from 'node:crypto';
import { Bug } from '@strongroom/bytes';
import { DIGEST_BYTES } from '@strongroom/wire';
import { BatchSizes } from './batch-sizes.ts';
import { DigestTable } from './digest-table.ts';
import { hashOf, idOf, type Line, type ListFile, type ListKind } from './list.ts';

export interface Counts {
  readonly listed: number;
  readonly found: number;
  readonly missing: number;
  /** Records of lines that are listed, beyond as many as are listed: mostly sent again. Null for ids. */
  readonly surplus: number | null;
  /** Records that the vault could not open, so that they were not compared, and why the first of them. */
  readonly unreadRecords: number;
  readonly unreadWhy: string | null;
}

/** The vault's answer to `reconcile`: items, and what was looked at. */
export type Items = AsyncGenerator<unknown, unknown>;

/** Tells `missing` each line for which the log has no record, in the order of the list. Throws what the list and the vault do. */
export function compare(kind: ListKind, list: ListFile, items: Items, missing: (line: Line) => void): Promise<Counts> {
  return kind === 'ids' ? compareIds(list, items, missing) : compareDigests(kind === 'hashes' ? hashOf : lineDigest, list, items, missing);
}

async function compareIds(list: ListFile, items: Items, missing: (line: Line) => void): Promise<Counts> {
  // Wrong lines are told of before the log is read.
  for (const line of list.lines()) idOf(line);
  const sizes = new BatchSizes();
  const unread = await each(items, (item) => { for (const [entry, records] of batchesOf(item)) sizes.add(entry, records); });
  let [listed, found] = [0, 0];
  for (const line of list.lines()) {
    const { entry, record } = idOf(line);
    listed += 1;
    if (sizes.has(entry, record)) found += 1;
    else missing(line);
  }
  return { listed, found, missing: listed - found, surplus: null, ...unread };
}

async function compareDigests(digestOf: (line: Line) => Buffer, list: ListFile, items: Items, missing: (line: Line) => void): Promise<Counts> {
  const table = new DigestTable();
  let [listed, surplus, lacking] = [0, 0, 0];
  for (const line of list.lines()) {
    table.list(digestOf(line));
    listed += 1;
  }
  const unread = await each(items, (item) => {
    for (const [digests, at, count] of recordsOf(item)) if (table.find(digests, at, count) === 'surplus') surplus += 1;
  });
  for (const line of list.lines()) {
    if (table.take(digestOf(line))) continue;
    lacking += 1;
    missing(line);
  }
  return { listed, found: listed - lacking, missing: lacking, surplus, ...unread };
}

type Unread = Pick<Counts, 'unreadRecords' | 'unreadWhy'>;

async function each(items: Items, take: (item: unknown) => void): Promise<Unread> {
  for (;;) {
    const next = await items.next();
    if (next.done !== true) {
      take(next.value);
      continue;
    }
    const { unreadRecords, unreadWhy } = (next.value ?? {}) as Partial<Unread>;
    if (typeof unreadRecords !== 'number') throw unknownItem();
    return { unreadRecords, unreadWhy: unreadWhy ?? null };
  }
}

function lineDigest({ bytes }: Line): Buffer {
  return hash('sha256', bytes, 'buffer');
}

function* recordsOf(item: unknown): Generator<[digests: Buffer, at: number, count: number]> {
  const { digests } = item as { digests?: unknown };
  if (typeof digests !== 'string') throw unknownItem();
  const bytes = Buffer.from(digests, 'base64');
  for (let at = 0; at < bytes.length; ) {
    const count = bytes[at]!;
    yield [bytes, at + 1, count];
    at += 1 + count * DIGEST_BYTES;
  }
}

function batchesOf(item: unknown): readonly (readonly [number, number])[] {
  const { batches } = item as { batches?: unknown };
  if (!Array.isArray(batches)) throw unknownItem();
  return batches as readonly (readonly [number, number])[];
}

function unknownItem(): Bug {
  return new Bug('reconcile.item', 'the vault answered with something that is no part of a reconciliation');
}
