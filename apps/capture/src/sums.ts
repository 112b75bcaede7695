// SPDX-License-Identifier: Apache-2.0
// What became of what one origin produced, in one life of capture: the same sums for all of them, and at every moment
//   produced + beside = received + own + sum of lost      received = sealed + denied + waiting
// They are sealed every minute, and stand in metrics and in `strongroom top`.
import { setTimeout as delay } from 'node:timers/promises';

const MINUTE_MS = 60_000;

/** What is counted of one protocol. */
export interface Tally {
  /** Records that the feed took. */
  received: number;
  receivedBytes: number;
  sealed: number;
  sealedBytes: number;
  /** Not sealed, because the vault refused them. */
  denied: number;
  /** Our own work: known, and not recorded. */
  own: number;
  /** Of those received, records that the origin's own count does not have. */
  beside: number;
  /** Of those received, records of what another origin tells of as well. */
  repeats: number;
  /** Known to have existed, and never received, by reason. */
  lost: Record<string, number>;
  /** Times that something was lost and nobody could count it. */
  uncounted: number;
}

export function newTally(): Tally {
  return { received: 0, receivedBytes: 0, sealed: 0, sealedBytes: 0, denied: 0, own: 0, beside: 0, repeats: 0, lost: {}, uncounted: 0 };
}

/** Something is lost for `reason`; null: nobody knows how much. */
export function addLost(tally: Tally, reason: string, count: number | null): void {
  if (count === null) tally.uncounted += 1;
  else tally.lost[reason] = (tally.lost[reason] ?? 0) + count;
}

/** Of all reasons together. */
export function lostOf({ lost }: Tally): number {
  return Object.values(lost).reduce((sum, count) => sum + count, 0);
}

/** Received and not settled yet. */
export function waitingOf({ received, sealed, denied }: Tally): number {
  return received - sealed - denied;
}

/** As they are sealed and shown: `lostNotRead` is what was lost because it was not read. */
export function sumsOf(tally: Tally): Record<string, number> {
  const { received, sealed, denied, own, beside, repeats, uncounted } = tally;
  const byReason = Object.entries(tally.lost).map(([reason, count]) => [`lost${reason.replace(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase())}`, count]);
  const lost = lostOf(tally);
  return { produced: received - beside + own + lost, beside, own, received, sealed, denied, waiting: waitingOf(tally), repeats, lost, uncounted, ...Object.fromEntries(byReason) };
}

/** Calls `seal` every minute until `stop` is aborted. */
export async function everyMinute(stop: AbortSignal, seal: () => void): Promise<void> {
  while (!stop.aborted) {
    await delay(MINUTE_MS, undefined, { signal: stop }).catch(() => undefined);
    if (!stop.aborted) seal();
  }
}
