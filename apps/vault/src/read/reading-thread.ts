// SPDX-License-Identifier: Apache-2.0
// The thread that reads evidence, so that a search never holds up sealing: neither its turn nor its processor. It holds no
// keys: it asks for a segment's data key when it opens the first batch of it, and forgets all of them with the reading. The
// vault's main thread imports it, where it does nothing, so that its code is compiled beforehand with all the rest: a thread
// starts in a third of the time then.
import { existsSync, readlinkSync } from 'node:fs';
import { setPriority } from 'node:os';
import { basename, join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { Refused } from '@strongroom/bytes';
import { xaesKey, type BatchEntry, type XaesKey } from '@strongroom/evidence';
import { toRpcError } from '@strongroom/service';
import { SYSTEM_DISK } from '../disk.ts';
import { PublishedLog } from '../upkeep/published-log.ts';
import { census, matches, type MatchesWanted } from './census.ts';
import { Destroyed } from './destroyed.ts';
import { FILTERS_DIRECTORY, putFilter, readFilter } from './filter-keeper.ts';
import type { SegmentFilter } from './filter.ts';
import { History, type DataKeys, type HistoryFiles } from './history.ts';
import { lastBefore } from './last-before.ts';
import { LogDirectory } from '../commit/log-directory.ts';
import { RotationFiles } from '../commit/rotation-files.ts';
import { missingFilter } from './missing-filter.ts';
import { prove, show } from './one-record.ts';
import { SegmentParts } from './parts.ts';
import { parseQuery } from './query.ts';
import type { FromThread, ReadingPaths, ToThread } from './reading-messages.ts';
import { giveBatches, giveForms } from './reconcile.ts';
import { search } from './search.ts';
import { TimeIndex } from './time-index.ts';
import { Unread } from './unread.ts';

/** What the thread is started from. */
export const READING_THREAD: URL = new URL(import.meta.url);
/** Segments whose data keys and filters one reading holds at once. */
const SEGMENTS_MAX = 16;
/** Where processors are short, reading gets a third of what sealing does: it comes later, and it comes. */
const NICE = 5;
const paths = workerData as ReadingPaths;
const asked = new Map<string, PromiseWithResolvers<Buffer>>();
const continuing = new Map<number, PromiseWithResolvers<boolean>>();
/** Calls under way, and those of them that nobody waits for any more. */
const answering = new Set<number>();
const left = new Set<number>();
/** Segments of which a search found no filter. */
const lacking = new Set<string>();
let isFilling = false;
let times: TimeIndex | undefined;
const send = (message: FromThread): void => parentPort!.postMessage(message);
let held: HistoryFiles | undefined;
const files = (): HistoryFiles => (held ??= { log: new LogDirectory(SYSTEM_DISK, paths.log), parts: new SegmentParts(paths.segments) });
const filters = (): string => join(paths.state, FILTERS_DIRECTORY);

stepBack();
parentPort?.on('message', (message: ToThread) => {
  if (message.kind === 'there') send({ kind: 'here' });
  if (message.kind === 'call') void answer(message.id, message.verb, message.args);
  if (message.kind === 'more') {
    continuing.get(message.id)?.resolve(message.more);
    if (!message.more && answering.has(message.id)) left.add(message.id);
  }
  if (message.kind === 'key') {
    const waiting = asked.get(message.segment);
    asked.delete(message.segment);
    if (message.key === null) waiting?.reject(new Refused('read.no-key', message.why, { fields: { isLost: message.isLost } }));
    else waiting?.resolve(Buffer.from(message.key));
  }
});

/** To the kernel a thread is a process with a priority of its own, proc(5). */
function stepBack(): void {
  if (isMainThread) return;
  try {
    setPriority(Number(basename(readlinkSync('/proc/thread-self'))), NICE);
  } catch {
    // Without /proc it runs as the others do.
  }
}

async function answer(id: number, verb: string, args: unknown): Promise<void> {
  answering.add(id);
  try {
    const keys = keyRing(id);
    const destroyed = new Destroyed(files().parts, paths.orders, () => new PublishedLog(files().log));
    using history = new History({ ...files(), destroyedBy: destroyed.by }, keys);
    send({ kind: 'result', id, result: await resultOf(id, verb, args, { history, keys, destroyed }) });
  } catch (error) {
    send({ kind: 'error', id, error: toRpcError(error) });
  } finally {
    answering.delete(id);
    left.delete(id);
    void fillIn();
  }
}

interface Opened {
  readonly history: History;
  readonly keys: DataKeys;
  readonly destroyed: Destroyed;
}

async function resultOf(id: number, verb: string, args: unknown, { history, keys, destroyed }: Opened): Promise<unknown> {
  if (verb === 'show') return show(history, args);
  if (verb === 'prove') return prove(history, { timestamps: paths.timestamps, witnessed: paths.witnessed, rotations: new RotationFiles(SYSTEM_DISK, paths.rotations) }, args, (found, index, order) => destroyed.prove(found, index, order, history, new PublishedLog(files().log)));
  if (verb === 'last-before') return lastBefore(history, args);
  if (verb === 'census') return census(new PublishedLog(files().log));
  if (verb === 'matches') return matches(args as MatchesWanted, { log: new PublishedLog(files().log), history, isThere: (segment) => existsSync(files().parts.at(segment, 0).path) });
  const query = parseQuery(args);
  if (query.isTimed) await (times ??= new TimeIndex(join(paths.state, 'times'), files().log, history.size)).extend(history.size, turn);
  const [gone, unread] = [{ batches: 0, records: 0 }, new Unread()];
  // Who asks what is missing gets no answer from a log that cannot be read whole.
  const noting = verb === 'reconcile' ? undefined : (first: number, count: number, error: unknown): void => unread.noteEntries(first, count, error);
  const batches = history.batches(query.times, (bundle) => times?.span(bundle), query.reverse, noting);
  const isDestroyed = (entry: BatchEntry): boolean => {
    if (destroyed.by(entry.segment) === null) return false;
    gone.batches += 1;
    gone.records += entry.records;
    return true;
  };
  const tools = { history, mayHold: filtering(query.facts, keys), isDestroyed, unread, turn, isLeft: () => left.has(id), give: (items: readonly unknown[]) => give(id, items) };
  if (verb !== 'reconcile') return { found: await search(batches, query, tools), destroyed: gone, unread: unread.facts };
  return (args as { as?: unknown }).as === 'ids' ? giveBatches(batches, tools) : giveForms(batches, query, tools);
}

/** Resolves when the reader has taken the items. */
function give(id: number, items: readonly unknown[]): Promise<boolean> {
  const waiting = Promise.withResolvers<boolean>();
  continuing.set(id, waiting);
  send({ kind: 'items', id, items });
  return waiting.promise.finally(() => continuing.delete(id));
}

/** Asks the filters of segments, each read once while its frames follow one another. */
function filtering(facts: readonly number[], keys: DataKeys): (entry: BatchEntry) => Promise<boolean> {
  const known = new Map<string, SegmentFilter | null>();
  return async (entry) => {
    if (facts.length === 0) return true;
    if (!known.has(entry.segment)) {
      const filter = readFilter(filters(), entry, facts, await keys(entry.segment));
      known.set(entry.segment, filter);
      if (filter === null) lacking.add(entry.segment);
      if (known.size > SEGMENTS_MAX) known.delete(known.keys().next().value!);
    }
    return known.get(entry.segment)?.mayHold(entry.frame) ?? true;
  };
}

/** While nobody reads, segments get the filters that searches missed. One that grows still gets a better one when it is closed. */
async function fillIn(): Promise<void> {
  const isFree = async (): Promise<boolean> => {
    await turn();
    return answering.size === 0;
  };
  while (!isFilling && lacking.size > 0 && answering.size === 0) {
    const segment = lacking.values().next().value!;
    isFilling = true;
    const bytes = await ask(0, segment).then((key) => missingFilter(segment, files().parts, key, isFree)).catch(() => null);
    if (bytes !== null) await putFilter(SYSTEM_DISK, filters(), segment, bytes);
    isFilling = false;
    if (bytes !== null || answering.size === 0) lacking.delete(segment);
  }
}

/** Data keys of one reading, the latest few. */
function keyRing(id: number): DataKeys {
  const known = new Map<string, Promise<XaesKey>>();
  return (segment) => {
    const key = known.get(segment) ?? ask(id, segment).then(xaesKey);
    known.set(segment, key);
    if (known.size > SEGMENTS_MAX) known.delete(known.keys().next().value!);
    return key;
  };
}

function ask(id: number, segment: string): Promise<Buffer> {
  const waiting = asked.get(segment) ?? Promise.withResolvers<Buffer>();
  asked.set(segment, waiting);
  send({ kind: 'key', id, segment });
  return waiting.promise;
}
