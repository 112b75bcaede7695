// SPDX-License-Identifier: Apache-2.0
// From what is known to one sentence: from when to when, how exactly, why, and how sure that is.
import { CAUSES, type Cause, type Confidence } from './causes.table.ts';
import type { DarkFacts, Heartbeat } from './facts.ts';

export interface DarkZone {
  /** Nanoseconds since 1970: the last sign of life before it, and the first one after it. So it is at most as long. */
  readonly fromNs: bigint;
  readonly toNs: bigint;
  /** Of both ends. Null: the clock's error was not known. */
  readonly boundNs: bigint | null;
  readonly cause: Cause;
  readonly confidence: Confidence;
  readonly because: string;
  /** What would fit as well, in the order in which it was passed over. */
  readonly others: readonly Cause[];
}

/** Null where the heartbeats are no further apart than `expectedNs` allows: it was not dark. */
export function darkZoneOf(facts: DarkFacts, expectedNs: bigint): DarkZone | null {
  const { before, after } = facts;
  if (!isGap(before, after, expectedNs)) return null;
  const fitting = CAUSES.filter(({ fits }) => fits(facts));
  const [first] = fitting;
  return {
    fromNs: before.wallNs, toNs: after.wallNs, boundNs: before.boundNs === null || after.boundNs === null ? null : before.boundNs > after.boundNs ? before.boundNs : after.boundNs,
    cause: first?.cause ?? 'unknown', confidence: first?.confidence ?? 'weak', because: first?.because ?? 'nothing that is known tells',
    others: [...new Set(fitting.map(({ cause }) => cause))].filter((cause) => cause !== first?.cause),
  };
}

/** Within one boot the monotonic clock tells alone. */
function isGap(before: Heartbeat, after: Heartbeat, expectedNs: bigint): boolean {
  if (before.boot !== after.boot) return true;
  return after.bootNs - before.bootNs > expectedNs;
}
