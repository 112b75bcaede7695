// SPDX-License-Identifier: Apache-2.0
// What is known at one moment, from all who are asked.
import type { ClockSource } from '@strongroom/service';
import type { Reference } from '../bound/reference.ts';

/** The clocks of this machine at one moment. */
export interface Moment {
  readonly monotonicNs: bigint;
  readonly wallNs: bigint;
  /** As `monotonicNs`, with the time that the machine slept; null where it can't be read. */
  readonly bootNs: bigint | null;
}

/** What a server said to us ourselves: true time less the wall clock is in `offsetNs` ± `errorNs`. */
export interface Check {
  readonly name: string;
  readonly offsetNs: number;
  readonly errorNs: number;
}

export interface Observation {
  readonly moment: Moment;
  /** Null: nobody disciplines the clock, or holds no time for true. */
  readonly reference: Reference | null;
  /** Why it is null; null when it is there. */
  readonly why: string | null;
  readonly sources: readonly ClockSource[];
  readonly checks: readonly Check[];
}
