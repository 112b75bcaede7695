// SPDX-License-Identifier: Apache-2.0
// A system under test, as a leg of the bench sees it.
import type { LoadResult, Moment, Target } from './load.ts';

export type SubjectName = 'strongroom' | 'rsyslog' | 'syslog-ng';

export interface Subject {
  readonly name: SubjectName;
  readonly version: string;
  /** What it does with an event, in a few words. */
  readonly keeps: string;
  /** Its first process; all its others descend from it. */
  readonly pid: number;
  readonly syslog: Target;
  /** Null when it does not speak RELP. */
  readonly relp: Target | null;
  /** Prepares to count one leg. No load runs. */
  begin(): Promise<void>;
  /**
   * Waits until everything of this leg is kept: `events`, if that many were meant to be sent, else what the load says when it
   * is over; or until nothing more comes. Resolves with how many are kept and since when, by the monotonic clock.
   */
  kept(events: number | null, over: Promise<LoadResult>): Promise<Kept>;
  /** Looks at the end of the run whether it holds what was sent in all. */
  check(sent: number): Promise<Check>;
  /** Stops it and deletes what it left. */
  stop(): Promise<void>;
}

export interface Kept {
  readonly events: number;
  readonly atNs: bigint;
  /** How it came to that, where it can be seen. */
  readonly course?: readonly Moment[];
}

export interface Check {
  readonly ok: boolean;
  /** What was compared with what. */
  readonly text: string;
}
