// SPDX-License-Identifier: Apache-2.0
// What the log says was destroyed: its files may be gone at any time, and nobody looks for them or holds them any more.
import { setImmediate as turn } from 'node:timers/promises';
import { Failed, Refused } from '@strongroom/bytes';
import { TILE_WIDTH, encodeRanges, decodeRanges, inRanges, rangesOf, segmentsIn } from '@strongroom/evidence';
import type { PublishedLog } from './published-log.ts';
import type { UpkeepState } from './state.ts';

/** Reads what the log has beyond what was followed; where it is damaged it stops, and scrubbing tells of that. */
export async function followDestructions(log: PublishedLog, state: UpkeepState['destroyed']): Promise<void> {
  if (state.followed > log.size) Object.assign(state, { followed: 0, segments: '-' });
  try {
    for (const { index, entry } of log.entries(state.followed)) {
      if (entry.kind === 'destroy') state.segments = encodeRanges(rangesOf([...segmentsIn(decodeRanges(state.segments) ?? []), ...segmentsIn(entry.segments)]));
      state.followed = index + 1;
      if (index % TILE_WIDTH === TILE_WIDTH - 1) await turn();
    }
  } catch (error) {
    if (!(error instanceof Failed) && !(error instanceof Refused)) throw error;
  }
}

export function isDestroyed(state: UpkeepState['destroyed'], segment: string): boolean {
  return inRanges(decodeRanges(state.segments) ?? [], segment);
}
