// SPDX-License-Identifier: Apache-2.0
// Every closing entry of the published log gets its line in the checksum database, however often a crash, or a volume that
// is away, comes between: the log says which, and how far it was followed is remembered.
import { setImmediate as turn } from 'node:timers/promises';
import { TILE_WIDTH, type CloseEntry } from '@strongroom/evidence';
import type { ChecksumFile } from './checksum-file.ts';
import type { PublishedLog } from './published-log.ts';
import type { UpkeepState } from './state.ts';

export interface Followed {
  /** Lines added. */
  readonly added: number;
  /** Why it stopped before the end, or null. */
  readonly away: string | null;
  /** The database had lost lines, and all of them were looked at again. */
  readonly lost: boolean;
}

/**
 * Goes on where it stopped, to the end of the log. Order: line durable, then the state says so; a crash between them leads
 * to the same line again. Never throws for the database: what it says is the answer.
 */
export async function followCloses(log: PublishedLog, file: ChecksumFile, state: UpkeepState['checksums'], wanted: (entry: CloseEntry) => boolean = () => true): Promise<Followed> {
  let [added, lost] = [0, false];
  try {
    const { bytes } = file;
    if (bytes < state.bytes) {
      lost = true;
      [state.followed, state.bytes] = [0, bytes];
    }
    // A log that is shorter than what was followed is another one, and the vault has told of it.
    state.followed = Math.min(state.followed, log.size);
    for (const { index, entry } of log.entries(state.followed)) {
      if (entry.kind === 'close' && wanted(entry)) {
        file.append(entry);
        added += 1;
        state.bytes = file.bytes;
      }
      state.followed = index + 1;
      // The thread has others to serve.
      if (index % TILE_WIDTH === TILE_WIDTH - 1) await turn();
    }
    return { added, away: null, lost };
  } catch (error) {
    return { added, away: (error as Error).message, lost };
  }
}
