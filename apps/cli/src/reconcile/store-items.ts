// SPDX-License-Identifier: Apache-2.0
// What the vault would answer to `reconcile`, out of a store on disk: a snapshot, with the keys of this home.
import { hash } from 'node:crypto';
import { Failed, Refused } from '@strongroom/bytes';
import {
  KIND, TILE_WIDTH, bundlePath, decodeBatch, decodeBundle, decodeContext, decodeEntry, openFrame, parsePartName, recordsOf, xaesKey,
  type BatchEntry, type Context, type DataKeys, type StoreReader, type XaesKey,
} from '@strongroom/evidence';
import { formDigests } from '@strongroom/wire';

export interface StoreRange {
  /** ns as text, as the vault is asked. */
  readonly since?: string;
  readonly until?: string;
  /** A whole SPIFFE ID, or its last part. */
  readonly source?: string;
}

/** The log's size as the store's checkpoint says. That it holds is for `verify` to tell. Throws `Failed('reconcile.no-checkpoint')`. */
export function storeSize(store: StoreReader): number {
  const size = Number(store.readFile('log/checkpoint')?.toString('utf8').split('\n')[1]);
  if (Number.isSafeInteger(size)) return size;
  throw new Failed('reconcile.no-checkpoint', 'the store has no checkpoint', { why: 'log/checkpoint is missing or no checkpoint', fix: 'name a snapshot: --store DIR' });
}

/** `[entry index, records]` of each batch. */
export async function* storeBatches(store: StoreReader): AsyncGenerator<unknown, unknown> {
  for (const [index, entry] of batchEntries(store)) yield { batches: [[index, entry.records]] };
  return { unreadRecords: 0, unreadWhy: null };
}

/** Digests of the records of each batch; what cannot be opened is counted. */
export async function* storeForms(store: StoreReader, dataKeys: DataKeys, range: StoreRange): AsyncGenerator<unknown, unknown> {
  const reader = new BatchReader(store, dataKeys);
  let unreadRecords = 0;
  let unreadWhy: string | null = null;
  for (const [, entry] of batchEntries(store)) {
    if (!isWithin(entry, range)) continue;
    try {
      yield { digests: Buffer.concat(reader.digests(entry, range)).toString('base64') };
    } catch (error) {
      if (!(error instanceof Refused) && !(error instanceof Failed)) throw error;
      unreadRecords += entry.records;
      unreadWhy ??= error.message;
    }
  }
  return { unreadRecords, unreadWhy };
}

function* batchEntries(store: StoreReader): Generator<[number, BatchEntry]> {
  const size = storeSize(store);
  for (let first = 0; first < size; first += TILE_WIDTH) {
    const width = Math.min(TILE_WIDTH, size - first);
    const bundle = store.readFile(`log/${bundlePath(first / TILE_WIDTH, width)}`);
    if (bundle === null) throw new Failed('reconcile.log', `a part of the log is missing in the store, from entry ${first} on`, { fix: 'run "strongroom verify --store DIR"' });
    for (const [i, bytes] of decodeBundle(bundle, width).entries()) {
      const entry = decodeEntry(bytes);
      if (entry.kind === 'batch') yield [first + i, entry];
    }
  }
}

function isWithin({ from, to }: Pick<BatchEntry, 'from' | 'to'>, { since, until }: StoreRange): boolean {
  return (since === undefined || to >= BigInt(since)) && (until === undefined || from < BigInt(until));
}

class BatchReader {
  readonly #store: StoreReader;
  readonly #dataKeys: DataKeys;
  readonly #parts = new Map<string, { readonly name: string; readonly offset: number }[]>();
  #key: { readonly segment: string; readonly key: XaesKey } | undefined;

  constructor(store: StoreReader, dataKeys: DataKeys) {
    [this.#store, this.#dataKeys] = [store, dataKeys];
    for (const name of store.list('segments')) {
      const part = parsePartName(name);
      if (part === null) continue;
      this.#parts.set(part.segment, [...(this.#parts.get(part.segment) ?? []), { name, offset: part.offset }]);
    }
    for (const parts of this.#parts.values()) parts.sort((a, b) => a.offset - b.offset || a.name.length - b.name.length);
  }

  digests(entry: BatchEntry, range: StoreRange): Buffer[] {
    const { runs } = decodeBatch(openFrame(this.#keyOf(entry.segment), entry.header, this.#frame(entry)));
    const found: Buffer[] = [];
    for (const run of runs) {
      const context = decodeContext(run.context);
      if (!isAsked(context, range)) continue;
      for (const { raw } of recordsOf([run])) found.push(formDigests(raw, context.cut?.fullHash));
    }
    return found;
  }

  #frame({ segment, frame, offset, length, digest }: BatchEntry): Buffer {
    const part = this.#parts.get(segment)?.findLast((one) => one.offset <= offset);
    const bytes = part === undefined ? null : this.#store.readAt(`segments/${part.name}`, offset - part.offset, length);
    if (bytes !== null && hash('sha256', bytes, 'buffer').equals(digest)) return bytes;
    throw new Failed('reconcile.damaged', `frame ${frame} of segment ${segment} is missing, or not what was sealed`);
  }

  #keyOf(segment: string): XaesKey {
    if (this.#key?.segment === segment) return this.#key.key;
    const dataKey = this.#dataKeys(segment);
    if (dataKey === null) throw new Failed('reconcile.no-key', `the data key of segment ${segment} is not here`);
    this.#key = { segment, key: xaesKey(dataKey) };
    return this.#key.key;
  }
}

function isAsked({ kind, receivedAt, source: id }: Context, { since, until, source }: StoreRange): boolean {
  return (kind === KIND.data || kind === KIND.cut) && isWithin({ from: receivedAt, to: receivedAt }, { ...(since === undefined ? {} : { since }), ...(until === undefined ? {} : { until }) })
    && (source === undefined || id === source || id.slice(id.lastIndexOf('/') + 1) === source);
}
