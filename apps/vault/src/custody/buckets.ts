// SPDX-License-Identifier: Apache-2.0
// Buckets as they stand: what is still there, under which keys, and what a hold keeps of it.
import type { DestroyOrder } from '@strongroom/evidence';
import { isExpired } from '../commit/retention.ts';
import type { SegmentFacts } from '../read/census.ts';
import type { Holds } from './holds.ts';
import type { CustodyTools } from './tools.ts';

export interface Bucket {
  /** `<class>/<bucket>`. */
  readonly name: string;
  readonly retentionClass: string;
  readonly bucket: string;
  readonly isExpired: boolean;
  /** Wrapping keys of its segments. */
  readonly keys: readonly string[];
  /** Segments that these keys wrap, held ones included. */
  readonly segments: readonly SegmentFacts[];
  /** Which of these keys wraps a segment. */
  readonly keyOf: ReadonlyMap<string, string>;
  /** Of those, what a hold in force keeps. */
  readonly held: readonly string[];
  /** Segments that are there by a hold alone: their bucket's key is destroyed. */
  readonly byHoldAlone: number;
  /** A destruction of it is committed and not finished: its octets may still be there. */
  readonly isUnderWay: boolean;
}

/** Every bucket that still has segments, or whose destruction has not ended. Reads the whole log. */
export async function buckets({ reading, wraps, state, world: { clock } }: CustodyTools, holds: Holds): Promise<Bucket[]> {
  const facts = (await reading.ask('census', {})) as SegmentFacts[];
  const keyIds = await wraps.keyIds(() => clock.turn());
  const byName = Map.groupBy(facts, ({ bucket }) => bucket);
  const underWay = new Set([...state.destroying.values()].map((entry) => `${entry.class}/${entry.bucket}`));
  for (const name of underWay) if (!byName.has(name)) byName.set(name, []);
  return [...byName].map(([name, all]): Bucket => {
    const segments = all.filter(({ segment }) => keyIds.has(segment));
    const keys = new Set(segments.map(({ segment }) => keyIds.get(segment)!));
    const [retentionClass = '', bucket = ''] = name.split('/');
    return {
      name, retentionClass, bucket, isExpired: isExpired(bucket, clock.nowNs()), keys: [...keys].toSorted(), segments, keyOf: keyIds,
      held: holds.held(segments.map(({ segment }) => segment)), byHoldAlone: all.length - segments.length,
      isUnderWay: underWay.has(name),
    };
  }).toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** Sums over segments, as an order and an entry have them. */
export function sums(segments: readonly SegmentFacts[]): Pick<DestroyOrder, 'records' | 'bytes' | 'from' | 'to'> & { readonly batches: number } {
  const sum = (of: (one: SegmentFacts) => number): number => segments.reduce((total, one) => total + of(one), 0);
  return {
    batches: sum((one) => one.batches), records: sum((one) => one.records), bytes: sum((one) => one.bytes),
    from: segments.reduce((least, { from }) => (from < least ? from : least), segments[0]?.from ?? 0n),
    to: segments.reduce((most, { to }) => (to > most ? to : most), segments[0]?.to ?? 0n),
  };
}
