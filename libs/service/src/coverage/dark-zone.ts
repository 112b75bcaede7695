// SPDX-License-Identifier: Apache-2.0
// From what is known to one sentence: from when to when, how exactly, why, and how sure that is.
import { CAUSES, type Cause, type Confidence } from './causes.table.ts';
import type { DarkFacts, Heartbeat } from './facts.ts';

/** Why, how sure that is, and what speaks for it. */
export interface Judgement {
  readonly cause: Cause;
  readonly confidence: Confidence;
  readonly because: string;
}

export interface DarkZone extends Judgement {
  /** Nanoseconds since 1970: the last sign of life before it, and the first one after it. So it is at most as long. */
  readonly fromNs: bigint;
  readonly toNs: bigint;
  /** Of both ends. Null: the clock's error was not known. */
  readonly boundNs: bigint | null;
  /** By the clock since boot, which nobody can set. Null: the machine booted, so no clock ran through it. */
  readonly lastedNs: bigint | null;
  /** What would fit as well, in the order in which it was passed over. */
  readonly others: readonly Cause[];
}

/** Null where the heartbeats are of one life and no further apart than `expectedNs`: it was not dark. */
export function darkZoneOf(facts: DarkFacts, expectedNs: bigint): DarkZone | null {
  return isGap(facts.before, facts.after, expectedNs) ? zoneOf(facts) : null;
}

/** What is known of the time between two signs of life in which no evidence was taken. */
export function zoneOf(facts: DarkFacts): DarkZone {
  const { before, after } = facts;
  return {
    fromNs: before.wallNs, toNs: after.wallNs, boundNs: before.boundNs === null || after.boundNs === null ? null : before.boundNs > after.boundNs ? before.boundNs : after.boundNs,
    lastedNs: before.boot === after.boot ? after.bootNs - before.bootNs : null, ...judge(facts),
  };
}

/** The cause that fits best, without a look at whether there is a gap at all. */
export function judge(facts: DarkFacts): Judgement & { readonly others: readonly Cause[] } {
  const fitting = CAUSES.filter(({ fits }) => fits(facts));
  const [first] = fitting;
  const { cause, confidence, because } = first ?? { cause: 'unknown', confidence: 'weak', because: 'nothing that is known tells' } as const;
  return { cause, confidence, because, others: [...new Set(fitting.map((one) => one.cause))].filter((one) => one !== cause) };
}

/** Between two lives nobody listened. Within one the clock since boot tells alone. */
function isGap(before: Heartbeat, after: Heartbeat, expectedNs: bigint): boolean {
  if (before.boot !== after.boot || before.life !== after.life) return true;
  return after.bootNs - before.bootNs > expectedNs;
}
