// SPDX-License-Identifier: Apache-2.0
// Times from when to when: which belong together, and how long they are.

export interface Interval {
  readonly fromNs: bigint;
  readonly toNs: bigint;
}

/** Ascending, none touches the next. */
export function union(intervals: readonly Interval[]): Interval[] {
  const merged: { fromNs: bigint; toNs: bigint }[] = [];
  for (const { fromNs, toNs } of intervals.toSorted((a, b) => (a.fromNs < b.fromNs ? -1 : a.fromNs > b.fromNs ? 1 : 0))) {
    const last = merged.at(-1);
    if (last === undefined || fromNs > last.toNs) merged.push({ fromNs, toNs });
    else if (toNs > last.toNs) last.toNs = toNs;
  }
  return merged;
}

/** How much of intervals that do not overlap lies within one. */
export function lengthWithin(intervals: readonly Interval[], fromNs: bigint, toNs: bigint): bigint {
  let sum = 0n;
  for (const one of intervals) {
    const [from, to] = [one.fromNs > fromNs ? one.fromNs : fromNs, one.toNs < toNs ? one.toNs : toNs];
    if (to > from) sum += to - from;
  }
  return sum;
}
