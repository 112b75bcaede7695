// SPDX-License-Identifier: Apache-2.0
// The thread that reads evidence, so that a search never holds up sealing: neither its turn nor its processor. It holds no
// keys: it asks for a segment's data key when it opens the first batch of it, and forgets all of them with the reading.
import { readlinkSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { basename, join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { Refused } from '@strongroom/bytes';
import { xaesKey, type Item, type XaesKey } from '@strongroom/evidence';
import { toRpcError } from '@strongroom/service';
import { SYSTEM_DISK } from '../disk.ts';
import { History, type DataKeys } from './history.ts';
import { LogDirectory } from '../commit/log-directory.ts';
import { prove, show } from './one-record.ts';
import { SegmentParts } from './parts.ts';
import { parseQuery } from './query.ts';
import type { FromThread, ReadingPaths, ToThread } from './reading.ts';
import { search } from './search.ts';
import { TimeIndex } from './time-index.ts';

/** Data keys that one reading holds at once. */
const KEYS_MAX = 16;
const paths = workerData as ReadingPaths;
const files = { log: new LogDirectory(SYSTEM_DISK, paths.log), parts: new SegmentParts(paths.segments) };
const port = parentPort!;
const asked = new Map<string, PromiseWithResolvers<Buffer>>();
const continuing = new Map<number, PromiseWithResolvers<boolean>>();
/** Calls under way, and those of them that nobody waits for any more. */
const answering = new Set<number>();
const left = new Set<number>();
let times: TimeIndex | undefined;
const send = (message: FromThread): void => port.postMessage(message);

stepBack();
port.on('message', (message: ToThread) => {
  if (message.kind === 'call') void answer(message.id, message.verb, message.args);
  if (message.kind === 'more') {
    continuing.get(message.id)?.resolve(message.more);
    if (!message.more && answering.has(message.id)) left.add(message.id);
  }
  if (message.kind === 'key') {
    const waiting = asked.get(message.segment);
    asked.delete(message.segment);
    if (message.key === null) waiting?.reject(new Refused('read.no-key', message.why));
    else waiting?.resolve(Buffer.from(message.key));
  }
});

/** Sealing goes before reading: to the kernel a thread is a process with a priority of its own, proc(5). */
function stepBack(): void {
  try {
    setPriority(Number(basename(readlinkSync('/proc/thread-self'))), constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // Without /proc it runs as the others do.
  }
}

async function answer(id: number, verb: string, args: unknown): Promise<void> {
  answering.add(id);
  try {
    using history = new History(files, keyRing(id));
    send({ kind: 'result', id, result: await resultOf(id, verb, args, history) });
  } catch (error) {
    send({ kind: 'error', id, error: toRpcError(error) });
  } finally {
    answering.delete(id);
    left.delete(id);
  }
}

async function resultOf(id: number, verb: string, args: unknown, history: History): Promise<unknown> {
  if (verb === 'show') return show(history, args);
  if (verb === 'prove') return prove(history, args);
  const query = parseQuery(args);
  if (query.isTimed) await (times ??= new TimeIndex(join(paths.state, 'times'), files.log, history.size)).extend(history.size, turn);
  const batches = history.batches(query.times, (bundle) => times?.span(bundle), query.reverse);
  return { found: await search(batches, query, { history, turn, isLeft: () => left.has(id), give: (items) => give(id, items) }) };
}

/** Resolves when the reader has taken the items. */
function give(id: number, items: readonly Item[]): Promise<boolean> {
  const waiting = Promise.withResolvers<boolean>();
  continuing.set(id, waiting);
  send({ kind: 'items', id, items });
  return waiting.promise.finally(() => continuing.delete(id));
}

/** Data keys of one reading, the latest few. */
function keyRing(id: number): DataKeys {
  const known = new Map<string, Promise<XaesKey>>();
  return (segment) => {
    const key = known.get(segment) ?? ask(id, segment).then(xaesKey);
    known.set(segment, key);
    if (known.size > KEYS_MAX) known.delete(known.keys().next().value!);
    return key;
  };
}

function ask(id: number, segment: string): Promise<Buffer> {
  const waiting = asked.get(segment) ?? Promise.withResolvers<Buffer>();
  asked.set(segment, waiting);
  send({ kind: 'key', id, segment });
  return waiting.promise;
}
