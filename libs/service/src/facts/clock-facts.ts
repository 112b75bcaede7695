// SPDX-License-Identifier: Apache-2.0
// What skew-guard says of clocks: of this machine's and of producers'.

/** One source of time, as whoever disciplines the clock sees it. */
export interface ClockSource {
  readonly name: string;
  readonly kind: 'server' | 'peer' | 'clock';
  readonly verdict: 'selected' | 'combined' | 'not-combined' | 'falseticker' | 'jittery' | 'unusable';
  readonly stratum: number;
  readonly isReachable: boolean;
  /** Null: nobody tells. */
  readonly authentication: 'none' | 'nts' | 'key' | null;
  /** Null: it was never heard. */
  readonly offsetNs: number | null;
  readonly errorNs: number | null;
}

/** Somebody set the clock. */
export interface ClockStep {
  /** ISO 8601. */
  readonly at: string;
  readonly byNs: number;
  /** Who may have done it; empty: capture saw nobody. */
  readonly by: readonly ClockSetter[];
}

export type ClockState = 'locked' | 'holdover' | 'unsynchronised' | 'stepped' | 'disputed';

/** How this machine's clock stands, by skew-guard. */
export interface ClockFacts {
  readonly state: ClockState;
  /** Why, in words. */
  readonly reason: string;
  /** ISO 8601. */
  readonly since: string;
  /** Against `clock.warnMicroseconds` and `clock.limitMicroseconds`; unknown before the first bound. */
  readonly grade: 'unknown' | 'good' | 'warn' | 'limit';
  /** True time is within this of what receipts say; null: not known. */
  readonly boundNs: number | null;
  readonly growthPpb: number | null;
  /** The wall clock against what disciplines it holds for true. */
  readonly offsetNs: number | null;
  readonly rootDelayNs: number | null;
  readonly falsetickers: readonly string[];
  readonly leap: 'none' | 'insert' | 'delete';
  /** By how much the wall clock is known to be wrong, because somebody set it; receipts go by the monotonic clock then. */
  readonly wallOffNs: number | null;
  /** The last time that somebody set the clock in this life of skew-guard. */
  readonly lastStep: ClockStep | null;
  readonly sources: readonly ClockSource[];
  /** What servers said to skew-guard itself: true time less the wall clock is in `offsetNs` ± `errorNs`. */
  readonly checks: readonly { readonly name: string; readonly offsetNs: number; readonly errorNs: number }[];
}

/** The worst of one minute. */
export interface ClockPoint {
  readonly at: string;
  readonly state: ClockState;
  readonly boundNs: number | null;
}

/** How a producer's clock stands, by what it claims and when that comes. */
export interface ProducerClock {
  readonly source: string;
  readonly state: 'good' | 'behind' | 'ahead';
  /** Its clock less true time. Behind, it is no further off than this; ahead, no less. */
  readonly skewNs: number;
  /** By so much it may be another: what our own clock may be wrong, and digits that it leaves out. */
  readonly errorNs: number;
  /** ISO 8601; of a clock that is behind or ahead. */
  readonly since: string | null;
}

/** Who called what sets the clock, by an event that capture saw and seals. Numbers that need not be exact are numbers here. */
export interface ClockSetter {
  /** Since boot, sleep included. */
  readonly atNs: number;
  /** settimeofday, clock_settime; or adjtimex, clock_adjtime, which also only ask. */
  readonly call: string;
  readonly pid: number;
  readonly name: string;
  readonly login: number | null;
  readonly person: string | null;
  readonly executable: string | null;
  readonly unit: string | null;
  readonly container: string | null;
}
