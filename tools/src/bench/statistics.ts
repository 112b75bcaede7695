// SPDX-License-Identifier: Apache-2.0
import type { Moment, Times } from './load.ts';

/** The middle value; of an even number of values, the mean of the two in the middle. NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The smallest value that `share` (0 to 1) of the sorted values do not exceed; NaN of none. */
export function percentile(sorted: Float64Array, share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

/** How long after it was due each was reached; undefined where that was not looked at. */
export function timesUntil(due: readonly Moment[] | undefined, course: readonly Moment[] | undefined): Times | undefined {
  if (due === undefined || course === undefined || course.length === 0) return undefined;
  let at = 0;
  const ms = due.map(({ atNs, events }) => {
    while (at < course.length - 1 && course[at]!.events < events) at += 1;
    return Number(course[at]!.atNs - atNs) / 1e6;
  });
  const sorted = Float64Array.from(ms).sort();
  return { p50Ms: percentile(sorted, 0.5), p99Ms: percentile(sorted, 0.99), maxMs: percentile(sorted, 1) };
}
