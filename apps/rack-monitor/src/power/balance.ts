// SPDX-License-Identifier: Apache-2.0
// Three phases against each other, and the frequency against its nominal value.

/** The largest deviation from the mean, as a share of the mean (NEMA MG 1). Null: nothing to compare, or no voltage at all. */
export function unbalanceOf(volts: readonly number[]): number | null {
  const mean = volts.reduce((sum, one) => sum + one, 0) / volts.length;
  if (volts.length < 2 || !(mean > 0)) return null;
  return Math.max(...volts.map((one) => Math.abs(one - mean))) / mean;
}

/** A value that must exceed `limit` to be out, and fall `hysteresis` below it to be in again. */
export interface Limit {
  readonly limit: number;
  readonly hysteresis: number;
}

/** IEEE 1159 names unbalance from 0.5 % to 2 % as usual; frequency may stray by 0.1 Hz. */
export const UNBALANCE: Limit = { limit: 0.02, hysteresis: 0.005 };
export const FREQUENCY_HZ: Limit = { limit: 0.1, hysteresis: 0.02 };

export function isBeyond(value: number, before: boolean, { limit, hysteresis }: Limit): boolean {
  return value > limit - (before ? hysteresis : 0);
}

/** 50 or 60 Hz, whichever is nearer. */
export function nominalFrequency(hertz: number): 50 | 60 {
  return Math.abs(hertz - 50) <= Math.abs(hertz - 60) ? 50 : 60;
}
