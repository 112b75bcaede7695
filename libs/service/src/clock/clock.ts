// SPDX-License-Identifier: Apache-2.0
import { BOUND_UNKNOWN } from '@strongroom/evidence';

/** A moment as this machine tells it: true time is in `at` ± `bound`. */
export interface Stamp {
  /** Nanoseconds since 1970, UTC. */
  readonly at: bigint;
  /** Nanoseconds; `BOUND_UNKNOWN` where nobody has measured it. */
  readonly bound: bigint;
}

/** Stamps what is received now. */
export interface ReceiptClock {
  stamp(): Stamp;
}

/** The wall clock: nanoseconds since 1970, UTC. Node reads it in µs or better; nothing is said of its error here. */
export function nowNs(): bigint {
  return Temporal.Now.instant().epochNanoseconds;
}

/** The wall clock as it stands, of which nobody says how wrong it is. */
export const UNMEASURED: ReceiptClock = { stamp: () => ({ at: nowNs(), bound: BOUND_UNKNOWN }) };
