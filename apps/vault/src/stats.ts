// SPDX-License-Identifier: Apache-2.0
import { presentKey, vkeyOf } from '@strongroom/evidence';
import type { CountingFacts, CustodyFacts, ServiceStats, TimestampFacts, WitnessFacts } from '@strongroom/service';
import type { Sealing } from './sealing.ts';
import type { Upkeep } from './upkeep/upkeep.ts';

/** What others vouch for; null where it is not configured. */
export interface Attested {
  readonly witness: WitnessFacts | null;
  readonly timestamp: TimestampFacts | null;
  readonly counter: CountingFacts | null;
}

/** What the vault tells of itself each second. */
export function statsOf({ vault, waiting, publisher, space, incidents, lookAtIncidents }: Sealing, { facts, worm }: Upkeep, custody: CustodyFacts, { witness, timestamp, counter }: Attested): ServiceStats {
  const { totals, keys } = vault;
  const segments = [...vault.openSegments];
  const { scrub, checksums } = facts;
  return {
    values: {
      records: totals.records, batches: totals.batches, bytes: totals.bytes, logSize: vault.size, cycles: vault.cycles,
      waitingBytes: waiting.bytes, lastCommitAgeMs: Math.round(performance.now() - vault.committedAt),
      publishedSize: publisher.publishedSize, freeBytes: space.freeBytes,
      segmentBytes: segments.reduce((sum, { length }) => sum + length, 0), openSegments: segments.length,
      scrubPercent: scrub.percent, scrubDamaged: scrub.damaged, scrubTransient: scrub.transient, checksumsAway: checksums.away === null ? 0 : 1,
      ...(scrub.lastPassAt === null ? {} : { scrubPassedAt: Math.floor(Date.parse(scrub.lastPassAt) / 1000) }),
      holds: custody.holds, ordersWaiting: custody.waiting, ordersFailed: custody.failure === null ? 0 : 1, destroying: custody.destroying, bucketsDue: custody.due,
      ...incidents.values(),
      ...(witness === null ? {} : witnessValues(witness)), ...(timestamp === null ? {} : timestampValues(timestamp)), ...(counter === null ? {} : counterValues(counter)),
    },
    log: {
      origin: keys.name, size: vault.size, rootHash: vault.root.toString('base64'), vkey: vkeyOf(presentKey(keys)),
      checkpointAt: publisher.publishedAt?.toISOString() ?? null,
    },
    worm, upkeep: facts, custody, incidents: lookAtIncidents(),
    ...(witness === null ? {} : { witness }), ...(timestamp === null ? {} : { timestamp }), ...(counter === null ? {} : { counter }),
  };
}

function witnessValues({ size, unwitnessed, since, compared, comparison }: WitnessFacts): Record<string, number> {
  return {
    witnessedSize: size, unwitnessedAgeMs: unwitnessed.ageMs ?? 0, unwitnessedRecords: unwitnessed.records, unwitnessedBytes: unwitnessed.bytes, witnessOutOfReach: since === null ? 0 : 1,
    witnessCompared: compared ? 1 : 0, witnessesKnown: comparison.known.length, witnessesNew: comparison.unknown.length, witnessesAhead: comparison.ahead.length,
  };
}

function timestampValues({ kept, size, at, since }: TimestampFacts): Record<string, number> {
  return { timestamps: kept, timestampedSize: size, ...(at === null ? {} : { timestampedAt: Math.floor(Date.parse(at) / 1000) }), timestampOutOfReach: since === null ? 0 : 1 };
}

function counterValues({ value, size, comparedAt, away }: CountingFacts): Record<string, number> {
  return {
    ...(value === null ? {} : { counter: value }), counterSize: size, counterAway: away === null ? 0 : 1,
    ...(comparedAt === null ? {} : { counterComparedAt: Math.floor(Date.parse(comparedAt) / 1000) }),
  };
}
