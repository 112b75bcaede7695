// SPDX-License-Identifier: Apache-2.0
// What a reader needs to hold a producer's list against the log: digests of what is sealed, in each form in which the
// producer may have kept it; or, for lists of ids, how many records each entry has. The list itself stays with the reader.
import { Failed, Refused } from '@strongroom/bytes';
import { KIND, decodeBatch, decodeContext, recordsOf, type BatchEntry, type BatchRun, type Context } from '@strongroom/evidence';
import { formDigests } from '@strongroom/wire';
import type { FoundBatch, History } from './history.ts';
import type { Matcher } from './query.ts';

const ITEM_BYTES = 48 * 1024;
const BATCHES_PER_ITEM = 1000;
/** Records that are looked at between two turns of others. */
const TURN_RECORDS = 4096;

export interface ReconcileTools {
  readonly history: Pick<History, 'open'>;
  readonly mayHold: (entry: BatchEntry) => Promise<boolean>;
  readonly turn: () => Promise<unknown>;
  readonly isLeft: () => boolean;
  readonly give: (items: readonly unknown[]) => Promise<boolean>;
}

/** `digests`: base64 of, for each record, u8 count of forms and the first 16 octets of the SHA-256 of each. */
export interface FormsItem {
  readonly digests: string;
}

/** `[entry index, records]` of batches, in order. */
export interface BatchesItem {
  readonly batches: readonly (readonly [entry: number, records: number])[];
}

/** The answer's end. What cannot be opened (destroyed, damaged, no key) is not compared, and that is told. */
export interface Looked {
  /** Records, or for ids batches. */
  readonly looked: number;
  readonly unreadRecords: number;
  /** Why the first of them was not read. */
  readonly unreadWhy: string | null;
}

export async function giveForms(batches: Iterable<FoundBatch>, query: Matcher, tools: ReconcileTools): Promise<Looked> {
  let parts: Buffer[] = [];
  let [bytes, records, unreadRecords] = [0, 0, 0];
  let unreadWhy: string | null = null;
  const looked = (): Looked => ({ looked: records, unreadRecords, unreadWhy });
  const give = async (): Promise<boolean> => {
    const item: FormsItem = { digests: Buffer.concat(parts).toString('base64') };
    [parts, bytes] = [[], 0];
    return tools.give([item]);
  };
  for (const { entry } of batches) {
    await tools.turn();
    if (tools.isLeft()) return looked();
    if (!(await tools.mayHold(entry))) continue;
    const plain = await opened(entry, tools.history);
    if (typeof plain === 'string') {
      unreadRecords += entry.records;
      unreadWhy ??= plain;
      continue;
    }
    for (const { run, context } of ofProducers(plain, query)) {
      for (const record of recordsOf([run])) {
        const forms = formDigests(record.raw, context.cut?.fullHash);
        parts.push(forms);
        bytes += forms.length;
        records += 1;
        if (bytes >= ITEM_BYTES && !(await give())) return looked();
        if (records % TURN_RECORDS === 0) await tools.turn();
      }
    }
  }
  if (bytes > 0) await give();
  return looked();
}

/** The plain form of a batch, or why there is none. */
async function opened(entry: BatchEntry, history: ReconcileTools['history']): Promise<Buffer | string> {
  try {
    return await history.open(entry);
  } catch (error) {
    if (error instanceof Refused || error instanceof Failed) return error.message;
    throw error;
  }
}

export async function giveBatches(batches: Iterable<FoundBatch>, tools: ReconcileTools): Promise<Looked> {
  let found: [number, number][] = [];
  let count = 0;
  const looked = (): Looked => ({ looked: count, unreadRecords: 0, unreadWhy: null });
  for (const { index, entry } of batches) {
    found.push([index, entry.records]);
    count += 1;
    if (found.length < BATCHES_PER_ITEM) continue;
    const item: BatchesItem = { batches: found };
    found = [];
    if (!(await tools.give([item])) || tools.isLeft()) return looked();
    await tools.turn();
  }
  if (found.length > 0) await tools.give([{ batches: found } satisfies BatchesItem]);
  return looked();
}

/** Runs with messages of producers: neither end records nor what the vault says itself. */
function* ofProducers(plain: Buffer, query: Matcher): Generator<{ run: BatchRun; context: Context }> {
  for (const run of decodeBatch(plain).runs) {
    const context = decodeContext(run.context);
    if ((context.kind === KIND.data || context.kind === KIND.cut) && query.context(context)) yield { run, context };
  }
}
