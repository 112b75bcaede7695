// SPDX-License-Identifier: Apache-2.0
// What the log says of segments: how much each holds and in which bucket; and which of them answer a query.
import { setImmediate as turn } from 'node:timers/promises';
import { TILE_WIDTH, segmentsIn, type BatchEntry } from '@strongroom/evidence';
import type { PublishedLog } from '../upkeep/published-log.ts';
import type { History } from './history.ts';
import { parseQuery, type Matcher, type Query } from './query.ts';
import { matching } from './scan.ts';
import { isUnreadable } from './unread.ts';

/** A segment that was not destroyed. Times as text: they cross a thread and a socket. */
export interface SegmentFacts {
  readonly segment: string;
  /** `<class>/<bucket>` of the key that its batches name. */
  readonly bucket: string;
  batches: number;
  records: number;
  bytes: number;
  from: bigint;
  to: bigint;
}

/** Reads the whole log; a few words for each segment are in memory. */
export async function census(log: PublishedLog): Promise<SegmentFacts[]> {
  const found = new Map<string, SegmentFacts>();
  for (const { index, entry } of log.entries(0)) {
    if (index % TILE_WIDTH === 0) await turn();
    if (entry.kind === 'batch') add(found, entry);
    if (entry.kind === 'destroy') for (const segment of segmentsIn(entry.segments)) found.delete(segment);
  }
  return [...found.values()];
}

function add(found: Map<string, SegmentFacts>, { segment, key, records, bytes, from, to }: BatchEntry): void {
  const known = found.get(segment);
  if (known === undefined) {
    found.set(segment, { segment, bucket: key.slice(0, key.lastIndexOf('/')), batches: 1, records, bytes, from, to });
    return;
  }
  known.batches += 1;
  known.records += records;
  known.bytes += bytes;
  if (from < known.from) known.from = from;
  if (to > known.to) known.to = to;
}

export interface MatchTools {
  readonly log: PublishedLog;
  readonly history: Pick<History, 'open'>;
  readonly query: Matcher;
  /** By the manifest alone: nothing but time is asked for. */
  readonly byManifest: boolean;
  /** Whether a segment's octets are gone, or nobody asks for them. */
  readonly isGone: (segment: string) => boolean;
}

export interface MatchesWanted {
  readonly query: Query;
  /** The entry from which on it is looked. */
  readonly first: number;
  /** Those alone that are named. */
  readonly segments?: readonly string[];
}

/** Segments with a batch that answers a query. `isThere`: whether a segment's first octets are. */
export function matches({ query, first, segments }: MatchesWanted, { log, history, isThere }: Pick<MatchTools, 'log' | 'history'> & { readonly isThere: (segment: string) => boolean }): Promise<Matches> {
  const wanted = segments === undefined ? null : new Set(segments);
  const byManifest = Object.keys(query).every((name) => name === 'since' || name === 'until');
  return segmentsMatching(first, { log, history, query: parseQuery(query), byManifest, isGone: (segment) => wanted?.has(segment) === false || !isThere(segment) });
}

export interface Matches {
  readonly segments: readonly string[];
  /** Of the log that was read. */
  readonly size: number;
}

/** Segments with a batch from entry `first` on that answers. One that cannot be read answers: it is better kept. */
export async function segmentsMatching(first: number, { log, history, query, byManifest, isGone }: MatchTools): Promise<Matches> {
  const found = new Set<string>();
  const gone = new Map<string, boolean>();
  for (const { index, entry } of log.entries(first)) {
    if (index % TILE_WIDTH === 0) await turn();
    if (entry.kind !== 'batch' || found.has(entry.segment) || !query.entry(entry)) continue;
    if (!gone.has(entry.segment)) gone.set(entry.segment, isGone(entry.segment));
    if (gone.get(entry.segment) === true) continue;
    if (byManifest || (await answers(entry, history, query))) found.add(entry.segment);
  }
  return { segments: [...found], size: log.size };
}

async function answers(entry: BatchEntry, history: Pick<History, 'open'>, query: Matcher): Promise<boolean> {
  await turn();
  try {
    return matching(await history.open(entry), query).next().done !== true;
  } catch (error) {
    if (isUnreadable(error)) return true;
    throw error;
  }
}
