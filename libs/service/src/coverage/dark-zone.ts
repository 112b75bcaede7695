// SPDX-License-Identifier: Apache-2.0
// From what is known to one sentence: from when to when, how exactly, why, and how sure that is.
import { CAUSES, type Cause, type Confidence } from './causes.table.ts';
import type { DarkFacts, Heartbeat } from './facts.ts';

/** A heartbeat may be late by so much. */
export const LATE_NS = 20_000_000_000n;

/** Why, how sure that is, and what speaks for it. */
export interface Judgement {
  readonly cause: Cause;
  readonly confidence: Confidence;
  readonly because: string;
}

export interface DarkZone extends Judgement {
  /** Nanoseconds since 1970: the last sign of life or sealed record before it, and the first sign after it. So it is at most as long. */
  readonly fromNs: bigint;
  readonly toNs: bigint;
  /** It began after `fromNs`, and by then: a heartbeat was due that did not come, or the machine booted. Null: at `fromNs`, or that is not known. */
  readonly beganByNs: bigint | null;
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
  const { timeNs: fromNs, boundNs } = lastSign(facts);
  return {
    fromNs, toNs: after.wallNs, beganByNs: beganBy(facts, fromNs), boundNs: boundNs === null || after.boundNs === null ? null : boundNs > after.boundNs ? boundNs : after.boundNs,
    lastedNs: before.boot === after.boot ? after.bootNs - before.bootNs - (fromNs - before.wallNs) : null, ...judge(facts),
  };
}

/** The cause that fits best, without a look at whether there is a gap at all. */
export function judge(facts: DarkFacts): Judgement & { readonly others: readonly Cause[] } {
  const fitting = CAUSES.filter(({ fits }) => fits(facts));
  const [first] = fitting;
  const { cause, confidence, because } = first ?? { cause: 'unknown', confidence: 'weak', because: 'nothing that is known tells' } as const;
  return { cause, confidence, because, others: [...new Set(fitting.map((one) => one.cause))].filter((one) => one !== cause) };
}

/** A life that ended without a word was there at its last heartbeat, and when it received the last that it sealed. */
function lastSign({ before, after, lastSealed, shutdownSealed }: DarkFacts): { readonly timeNs: bigint; readonly boundNs: bigint | null } {
  const sinceNs = lastSealed === null ? 0n : lastSealed.timeNs - before.wallNs;
  const mostNs = before.boot === after.boot ? after.bootNs - before.bootNs : after.wallNs - before.wallNs;
  // More time than passed is that of a clock that was set.
  return lastSealed !== null && sinceNs > 0n && sinceNs <= mostNs && lastSealed.timeNs <= after.wallNs && !shutdownSealed && before.life !== after.life ? lastSealed : { timeNs: before.wallNs, boundNs: before.boundNs };
}

function beganBy({ before, after, everySeconds, shutdownSealed }: DarkFacts, fromNs: bigint): bigint | null {
  if (shutdownSealed || before.life === after.life || everySeconds === 0) return null;
  const booted = before.boot === after.boot ? after.wallNs : after.wallNs - after.bootNs;
  const due = before.wallNs + BigInt(everySeconds) * 1_000_000_000n + LATE_NS;
  const earliest = [due, booted, after.wallNs].filter((ns) => ns >= fromNs).reduce((a, b) => (a < b ? a : b), after.wallNs);
  return earliest > fromNs ? earliest : null;
}

/** Between two lives nobody listened. Within one the clock since boot tells alone. */
function isGap(before: Heartbeat, after: Heartbeat, expectedNs: bigint): boolean {
  if (before.boot !== after.boot || before.life !== after.life) return true;
  return after.bootNs - before.bootNs > expectedNs;
}
