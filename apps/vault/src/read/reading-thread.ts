// SPDX-License-Identifier: Apache-2.0
// The thread that reads evidence, so that a search never holds up sealing. It holds no keys: it asks for a segment's data
// key when it opens the first batch of it, and forgets all of them with the reading.
import { setImmediate as turn } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { Refused } from '@strongroom/bytes';
import { decodeContext, encodeEntry, inclusionPath, itemOf, leavesOf, parseRecordId, recordsOf, saltsOf, SALT_BYTES, PROOF_FORMAT, type BatchRecord, type Item, type Proof } from '@strongroom/evidence';
import { toRpcError } from '@strongroom/service';
import { History, type OpenBatch } from './history.ts';
import { LogDirectory } from '../commit/log-directory.ts';
import { SYSTEM_DISK } from '../disk.ts';
import { parseQuery } from './query.ts';
import type { FromThread, ToThread } from './reading.ts';

const CHUNK_ITEMS = 256;
const CHUNK_BYTES = 256 * 1024;
const { log, segments } = workerData as { log: string; segments: string };
const port = parentPort!;
const asked = new Map<string, PromiseWithResolvers<Buffer>>();
const continuing = new Map<number, PromiseWithResolvers<boolean>>();
/** Calls under way, and those of them that nobody waits for any more. */
const answering = new Set<number>();
const left = new Set<number>();
const send = (message: FromThread): void => port.postMessage(message);

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

async function answer(id: number, verb: string, args: unknown): Promise<void> {
  answering.add(id);
  try {
    const history = new History(new LogDirectory(SYSTEM_DISK, log), segments, keyRing(id));
    if (verb === 'search') send({ kind: 'result', id, result: { found: await search(id, history, args) } });
    else send({ kind: 'result', id, result: verb === 'show' ? await show(history, args) : await prove(history, args) });
  } catch (error) {
    send({ kind: 'error', id, error: toRpcError(error) });
  } finally {
    answering.delete(id);
    left.delete(id);
  }
}

/** Data keys of one reading, each asked for once. */
function keyRing(id: number): (segment: string) => Promise<Buffer> {
  const known = new Map<string, Promise<Buffer>>();
  return (segment) => {
    const key = known.get(segment) ?? ask(id, segment);
    known.set(segment, key);
    return key;
  };
}

function ask(id: number, segment: string): Promise<Buffer> {
  const waiting = asked.get(segment) ?? Promise.withResolvers<Buffer>();
  asked.set(segment, waiting);
  send({ kind: 'key', id, segment });
  return waiting.promise;
}

/** Sends what matches in chunks, and goes on when the reader has taken them. Returns how many there were. */
async function search(id: number, history: History, args: unknown): Promise<number> {
  const query = parseQuery(args);
  let found = 0;
  let chunk: Item[] = [];
  let bytes = 0;
  const flush = async (): Promise<boolean> => {
    if (chunk.length === 0) return true;
    const waiting = Promise.withResolvers<boolean>();
    continuing.set(id, waiting);
    send({ kind: 'items', id, items: chunk });
    [chunk, bytes] = [[], 0];
    return waiting.promise.finally(() => continuing.delete(id));
  };
  for (const { index, entry } of history.entries()) {
    if (entry.kind !== 'batch' || !query.entry(entry)) continue;
    // Others have their turn between batches, and who goes away is heard.
    await turn();
    if (left.has(id)) return found;
    for (const record of matching(await history.open(entry), query)) {
      chunk.push(itemOf(index, record));
      bytes += record.raw.length;
      found += 1;
      const isLast = found >= query.limit;
      if ((isLast || chunk.length >= CHUNK_ITEMS || bytes >= CHUNK_BYTES) && !(await flush())) return found;
      if (isLast) return found;
    }
  }
  await flush();
  return found;
}

/** A run whose context cannot match is passed over without looking at its records. */
function* matching({ runs }: OpenBatch, query: ReturnType<typeof parseQuery>): Generator<BatchRecord> {
  let first = 0;
  for (const run of runs) {
    if (query.context(decodeContext(run.context))) {
      for (const record of recordsOf([run])) if (query.record(record)) yield { ...record, index: first + record.index };
    }
    first += run.count;
  }
}

async function find(history: History, args: unknown) {
  const text = String((args as { id?: unknown } | null)?.id);
  const id = parseRecordId(text);
  if (id === null) throw new Refused('read.id', `"${text.slice(0, 100)}" is no record id`, { why: 'an id is two numbers, <entry>-<record>', fix: 'take one that "strongroom search" printed' });
  const { bytes, entry } = history.batchEntry(id.entry);
  if (id.record >= entry.records) throw new Refused('read.no-record', `batch ${id.entry} has ${entry.records} records, not ${id.record + 1}`);
  const batch = await history.open(entry);
  const record = [...recordsOf(batch.runs)][id.record]!;
  return { id: text, at: id, bytes, entry, batch, record };
}

async function show(history: History, args: unknown) {
  const { at, entry, record } = await find(history, args);
  const context = decodeContext(record.context);
  const receipt = {
    admittedAt: context.admittedAt.toString(), asserter: context.asserter, instance: context.instance.toString('hex'),
    sourceKey: context.sourceKey.toString('hex'), flags: context.flags,
    ...(context.cut === undefined ? {} : { cut: { fullLength: Number(context.cut.fullLength), fullHash: context.cut.fullHash.toString('hex') } }),
  };
  return { ...itemOf(at.entry, record), receipt, batch: encodeEntry(entry).toString() };
}

async function prove(history: History, args: unknown): Promise<Proof> {
  const { id, at, bytes, entry, batch, record } = await find(history, args);
  const path = inclusionPath(leavesOf(batch.seed, batch.runs), at.record);
  const salt = saltsOf(batch.seed, entry.records).subarray(at.record * SALT_BYTES, (at.record + 1) * SALT_BYTES);
  return {
    format: PROOF_FORMAT, id, checkpoint: history.checkpoint,
    entry: { index: at.entry, bytes: bytes.toString('base64'), path: history.entryPath(at.entry).map(base64) },
    record: { index: at.record, path: path.map(base64), salt: base64(salt), context: base64(record.context), sequence: record.sequence, raw: base64(record.raw) },
  };
}

function base64(bytes: Buffer): string {
  return bytes.toString('base64');
}
