// SPDX-License-Identifier: Apache-2.0
// When a service that ended is started again.
import { EXIT } from '@strongroom/service';

/** Ends within so long of each other count as a series. */
export const SERIES_MS = 60_000;
const DELAY_MS_MIN = 250;
const DELAY_MS_MAX = 30_000;
const DELAY_AFTER_SERVICE_MS_MAX = 1000;
/** A service that asks for a restart gets it at once, so often in a series. */
const AT_ONCE_MAX = 5;

export interface Ended {
  readonly atMs: number;
  readonly code: number | null;
  /** Whether it had got as far as serving: then it does not wait long, because producers do. */
  readonly served: boolean;
}

/**
 * Milliseconds to wait before the next start, from all ends so far, the last one included. It doubles from 250 ms to 30 s,
 * or to 1 s after it had served, while ends follow each other within a minute. Null: configuration is wrong (exit 78), everything shall stop.
 */
export function restartDelayMs(ends: readonly Ended[]): number | null {
  const last = ends.at(-1);
  if (last === undefined) return 0;
  if (last.code === EXIT.configuration) return null;
  const series = seriesLength(ends);
  if (last.code === EXIT.restart && series <= AT_ONCE_MAX) return 0;
  return Math.min(DELAY_MS_MIN * 2 ** (series - 1), last.served ? DELAY_AFTER_SERVICE_MS_MAX : DELAY_MS_MAX);
}

function seriesLength(ends: readonly Ended[]): number {
  let length = 1;
  for (let i = ends.length - 1; i > 0 && ends[i]!.atMs - ends[i - 1]!.atMs <= SERIES_MS; i -= 1) length += 1;
  return length;
}
