// SPDX-License-Identifier: Apache-2.0
// Who of several agrees about true time: the largest group of intervals that have a point in common (Marzullo, as in NTP).

/** True time less the wall clock is in here, nanoseconds. */
export interface Interval {
  readonly name: string;
  readonly low: number;
  readonly high: number;
}

export interface Agreement {
  /** Names of the largest group; empty when no group is larger than half. */
  readonly agreeing: ReadonlySet<string>;
  readonly disagreeing: readonly string[];
}

/** With fewer than three, two that disagree are both in doubt. */
export function agreement(intervals: readonly Interval[]): Agreement {
  let best: readonly Interval[] = [];
  for (const { low } of intervals) {
    const group = intervals.filter((one) => one.low <= low && low <= one.high);
    if (group.length > best.length) best = group;
  }
  const agreeing = new Set(best.length * 2 > intervals.length ? best.map(({ name }) => name) : []);
  return { agreeing, disagreeing: intervals.filter(({ name }) => !agreeing.has(name)).map(({ name }) => name) };
}
