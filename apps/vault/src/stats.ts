// SPDX-License-Identifier: Apache-2.0
import type { ServiceStats } from '@strongroom/service';
import type { Sealing } from './sealing.ts';

/** What the vault tells of itself each second. */
export function statsOf({ vault, waiting, publisher, space, worm, vkey }: Sealing): ServiceStats {
  const { totals } = vault;
  const segments = [...vault.openSegments];
  return {
    values: {
      records: totals.records, batches: totals.batches, bytes: totals.bytes, logSize: vault.size, cycles: vault.cycles,
      waitingBytes: waiting.bytes, lastCommitAgeMs: Math.round(performance.now() - vault.committedAt),
      publishedSize: publisher.publishedSize, freeBytes: space.freeBytes,
      segmentBytes: segments.reduce((sum, { length }) => sum + length, 0), openSegments: segments.length,
    },
    log: {
      origin: vkey.split('+')[0]!, size: vault.size, rootHash: vault.root.toString('base64'), vkey,
      checkpointAt: publisher.publishedAt?.toISOString() ?? null,
    },
    worm: worm.facts,
  };
}
