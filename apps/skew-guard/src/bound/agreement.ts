// SPDX-License-Identifier: Apache-2.0
// Who of several agrees about true time: the largest group of intervals that have a point in common (Marzullo, as in NTP).

/** True time less the wall clock is in here, nanoseconds. */
export interface Interval {
  readonly name: string;
  readonly low: number;
  readonly high: number;
}

export interface Agreement {
  /** Names of the largest group; nobody when no group is larger than half. */
  readonly agreeing: ReadonlySet<string>;
  readonly disagreeing: readonly string[];
}

/**
 * With fewer than three, two that disagree are both in doubt. Of several groups that are equally large only those agree who are in all of
 * them: one that is so wide that it agrees with everybody would else decide for whoever is looked at first.
 */
export function agreement(intervals: readonly Interval[]): Agreement {
  const groups = intervals.map(({ low }) => intervals.filter((one) => one.low <= low && low <= one.high));
  const most = Math.max(0, ...groups.map(({ length }) => length));
  const largest = most * 2 > intervals.length ? groups.filter(({ length }) => length === most) : [];
  const inAll = largest.length === 0 ? [] : intervals.filter((one) => largest.every((group) => group.includes(one)));
  const agreeing = new Set(inAll.map(({ name }) => name));
  return { agreeing, disagreeing: intervals.filter(({ name }) => !agreeing.has(name)).map(({ name }) => name) };
}
