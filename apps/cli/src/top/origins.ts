// SPDX-License-Identifier: Apache-2.0
// How the sums of what is read from this host stand, one line for each origin.
import type { WatchItem } from '@strongroom/service/client';

export interface OriginSample {
  /** Such as `audit`. */
  readonly origin: string;
  /** By the origin's own count, since capture started. */
  readonly produced: number;
  readonly sealed: number;
  readonly waiting: number;
  /** Our own work, counted and not recorded. */
  readonly own: number;
  readonly lost: number;
  /** Times that something was lost and nobody could count it. */
  readonly uncounted: number;
  /** How many for which reason, the most first. */
  readonly why: readonly { readonly reason: string; readonly count: number }[];
}

/** From the figures of capture, whose names begin with that of the origin. */
export function originSamples({ services }: Pick<WatchItem, 'services'>): OriginSample[] {
  const values = services['capture'] ?? {};
  const origins = Object.keys(values).flatMap((name) => /^([a-z]+)Produced$/.exec(name)?.[1] ?? []);
  return origins.toSorted().map((origin) => {
    const of = (name: string): number => values[`${origin}${name}`] ?? 0;
    return { origin, produced: of('Produced'), sealed: of('Sealed'), waiting: of('Waiting'), own: of('Own'), lost: of('Lost'), uncounted: of('Uncounted'), why: whyOf(origin, values) };
  });
}

function whyOf(origin: string, values: Readonly<Record<string, number>>): OriginSample['why'] {
  const reasons = Object.entries(values).flatMap(([name, count]) => {
    const reason = name.startsWith(`${origin}Lost`) ? name.slice(origin.length + 'Lost'.length) : '';
    return reason === '' || count === 0 ? [] : [{ reason: reason.replaceAll(/(?!^)[A-Z]/g, '-$&').toLowerCase(), count }];
  });
  return reasons.toSorted((a, b) => b.count - a.count);
}
