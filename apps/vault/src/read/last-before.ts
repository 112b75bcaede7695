// SPDX-License-Identifier: Apache-2.0
// The newest record that was received before a moment: until then evidence was taken, whatever ended it.
import { Refused } from '@strongroom/bytes';
import { BOUND_UNKNOWN, decodeBatch, decodeContext, recordId, recordsOf } from '@strongroom/evidence';
import type { FoundBatch, History } from './history.ts';

/** Batches, the newest first, that may hold it: they come in the order in which they were sealed, and hardly out of that of receipt. */
const BATCHES_MAX = 64;

/** Nanoseconds as text: it crosses a thread and a channel. */
export interface LastBefore {
  readonly id: string;
  readonly time: string;
  /** Null: the clock's error was not known. */
  readonly bound: string | null;
}

/** Null: there is none. Throws `Refused('read.query')` and what {@link History.open} throws. */
export async function lastBefore(history: Pick<History, 'batches' | 'open'>, args: unknown): Promise<LastBefore | null> {
  const until = untilOf(args);
  const newest = history.batches((from) => from < until, () => undefined, true, () => undefined).take(BATCHES_MAX).toArray();
  let found: { readonly id: string; readonly at: bigint; readonly bound: bigint } | null = null;
  for (const batch of newest.toSorted((a, b) => Number(b.entry.to - a.entry.to))) {
    if (found !== null && batch.entry.to <= found.at) break;
    const last = await lastOf(history, batch, until);
    if (last !== null && (found === null || last.at > found.at)) found = last;
  }
  return found === null ? null : { id: found.id, time: String(found.at), bound: found.bound === BOUND_UNKNOWN ? null : String(found.bound) };
}

async function lastOf(history: Pick<History, 'open'>, { index, entry }: FoundBatch, until: bigint) {
  let last: { readonly id: string; readonly at: bigint; readonly bound: bigint } | null = null;
  for (const record of recordsOf(decodeBatch(await history.open(entry)).runs)) {
    const { receivedAt, admittedAt, bound } = decodeContext(record.context);
    // The receipt is the producer's word; later than the vault had it, it was not received.
    const at = receivedAt < admittedAt ? receivedAt : admittedAt;
    if (at < until && (last === null || at > last.at)) last = { id: recordId(index, record.index), at, bound };
  }
  return last;
}

function untilOf(args: unknown): bigint {
  const until = (args as { until?: unknown } | null)?.until;
  if (typeof until !== 'string' || !/^[0-9]{1,19}$/.test(until)) throw new Refused('read.query', 'the query cannot be read', { why: '"until" is nanoseconds since 1970', fix: 'report it: the supervisor asks' });
  return BigInt(until);
}
