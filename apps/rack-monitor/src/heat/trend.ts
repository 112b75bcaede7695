// SPDX-License-Identifier: Apache-2.0
// Where a temperature is going: a line through the last minutes, by least squares, and when it meets the next trip point. A
// warning needs a rise that the noise does not explain.
import type { RackZone, TripWarning } from '@strongroom/service';

export interface TrendLimits {
  /** How far back the line reaches. */
  readonly windowSeconds: number;
  /** Warned is of what comes within. */
  readonly horizonSeconds: number;
  readonly samplesMin: number;
}
export const TREND: TrendLimits = { windowSeconds: 300, horizonSeconds: 900, samplesMin: 10 };

const SAMPLES_MAX = 600;
/** A rise counts from so many standard errors of the slope on. */
const ERRORS = 4;

export class HeatTrend {
  readonly #limits: TrendLimits;
  #samples: { readonly at: number; readonly celsius: number }[] = [];

  constructor(limits: TrendLimits = TREND) {
    this.#limits = limits;
  }

  /** The next trip point ahead, if it is near by the line; the highest that was passed, if one was. `at`: seconds, monotonic. */
  take(at: number, { id, kind, celsius, trips }: RackZone): TripWarning | null {
    if (celsius === null) return null;
    this.#samples.push({ at, celsius });
    this.#samples = this.#samples.filter((one) => one.at > at - this.#limits.windowSeconds).slice(-SAMPLES_MAX);
    const line = slopeOf(this.#samples);
    const perMinute = line === null ? 0 : line.slope * 60;
    const passed = trips.findLast((trip) => celsius >= trip.celsius);
    if (passed !== undefined) return { zone: id, kind, celsius, trip: passed, celsiusPerMinute: perMinute, seconds: 0 };
    const [next] = trips;
    if (next === undefined || line === null || this.#samples.length < this.#limits.samplesMin || line.slope <= ERRORS * line.error) return null;
    const seconds = (next.celsius - celsius) / line.slope;
    return seconds > this.#limits.horizonSeconds ? null : { zone: id, kind, celsius, trip: next, celsiusPerMinute: perMinute, seconds };
  }
}

/** Of a line by least squares, per second, with its standard error. Null of fewer than three. */
export function slopeOf(samples: readonly { readonly at: number; readonly celsius: number }[]): { readonly slope: number; readonly error: number } | null {
  const count = samples.length;
  if (count < 3) return null;
  const mean = (of: (sample: typeof samples[number]) => number): number => samples.reduce((sum, one) => sum + of(one), 0) / count;
  const middle = mean(({ at }) => at);
  const level = mean(({ celsius }) => celsius);
  const spread = samples.reduce((sum, { at }) => sum + (at - middle) ** 2, 0);
  if (spread === 0) return null;
  const slope = samples.reduce((sum, { at, celsius }) => sum + (at - middle) * (celsius - level), 0) / spread;
  const rest = samples.reduce((sum, { at, celsius }) => sum + (celsius - level - slope * (at - middle)) ** 2, 0);
  return { slope, error: Math.sqrt(rest / (count - 2) / spread) };
}
