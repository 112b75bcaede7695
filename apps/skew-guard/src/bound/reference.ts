// SPDX-License-Identifier: Apache-2.0
// How wrong the wall clock may be, by what its discipline (chrony, or a PTP daemon) says of itself. All in nanoseconds and parts
// per billion; NTP's words (RFC 5905) and chrony's.

/** What the discipline says now. */
export interface Reference {
  /** The wall clock against what the discipline holds for true time; the sign says nothing here. */
  readonly offsetNs: number;
  /** Round trip to the primary source, summed along the way. */
  readonly rootDelayNs: number;
  /** Error that all clocks on the way may have gathered until now. */
  readonly rootDispersionNs: number;
  /** By how much that grows beyond the first interval after a measurement, where the discipline does not reckon so itself. */
  readonly undispersedPpb?: number;
  /** How wrong the frequency is known to be, and may be beyond that. */
  readonly residualPpb: number;
  readonly skewPpb: number;
  /** By how much a measurement usually moves its mind: the next one may set the clock moving before anybody here hears of it. */
  readonly wanderNs: number;
  /** Names the last measurement that the discipline took; another one, another name. */
  readonly update: string;
  /** When that was, by the wall clock. */
  readonly updatedAtNs: bigint;
  /** Between two measurements, as it measures at present. */
  readonly intervalNs: number;
  readonly leap: 'none' | 'insert' | 'delete';
}

export interface DriftSettings {
  /** What any oscillator may do beside what was measured of it: chrony's maxclockerror. */
  readonly oscillatorPpb: number;
  /** And what it may do while nobody measures it any more. */
  readonly holdoverPpb: number;
}

export interface Bound {
  readonly boundNs: bigint;
  readonly growthPpb: bigint;
  /** Whether measurements are overdue: the oscillator is on its own. */
  readonly isHoldover: boolean;
}

/** So many measurements may be missing before the oscillator counts as on its own: NTP's reach register is empty then. */
const MISSED_MAX = 8;
/** And never sooner than this. */
const PATIENCE_NS_MIN = 10e9;

/**
 * The error bound by a reference that was last updated `ageNs` ago: |offset| + root delay / 2 + root dispersion, which has grown
 * since then already, and what the next measurement may move. Once measurements are overdue, what the oscillator may do on its own
 * comes on top.
 */
export function boundBy(reference: Reference, ageNs: bigint, drift: DriftSettings): Bound {
  const { offsetNs, rootDelayNs, rootDispersionNs, undispersedPpb = 0, wanderNs, residualPpb, skewPpb, intervalNs } = reference;
  const patienceNs = Math.max(PATIENCE_NS_MIN, MISSED_MAX * intervalNs);
  const lateNs = Math.max(0, Number(ageNs) - patienceNs);
  const sinceNs = (Math.max(0, Number(ageNs) - intervalNs) * undispersedPpb) / 1e9;
  const measured = Math.abs(offsetNs) + rootDelayNs / 2 + rootDispersionNs + sinceNs + wanderNs;
  const growth = Math.abs(residualPpb) + skewPpb + drift.oscillatorPpb;
  return {
    boundNs: BigInt(Math.ceil(measured + (lateNs * drift.holdoverPpb) / 1e9)),
    growthPpb: BigInt(Math.ceil(growth + (lateNs > 0 ? drift.holdoverPpb : 0))),
    isHoldover: lateNs > 0,
  };
}
