// SPDX-License-Identifier: Apache-2.0
// What became of what the kernel's audit produced, in one life of capture. At every moment
//   produced = events + own + sum of lost      events + beside = received      beside = late + daemon + unstamped
// An event counts once; what came of it after it was given out counts as late. The rest of the sums is that of all origins.
import type { FieldValue } from '@strongroom/service';
import { sumsOf, type Tally } from '../sums.ts';
import type { Hello, Status } from './frames.ts';

/**
 * Why an event is missing. `overrun`: the reader's buffer was full, in the kernel. `not-read`: no reader was there, or it was
 * started anew. `kernel`: the kernel counted records that it gave to nobody. `auditd`: we read by auditd, and it had not handed
 * them on: its queue was full. `unseen`: nothing tells why.
 */
export const LOST_REASONS = ['overrun', 'not-read', 'kernel', 'auditd', 'unseen'] as const;
export type LostReason = (typeof LOST_REASONS)[number];

export class Ledger {
  /** Events of the kernel that are sealed, each serial once. */
  events = 0;
  /** Events that are our own work, and not sealed: own.ts. */
  own = 0;
  late = 0;
  /** auditd's own, which it counts by itself. */
  daemon = 0;
  /** Records that bear no stamp. */
  unstamped = 0;
  /** Events that came without all of their records. */
  incomplete = 0;
  /** Records that came again after a restart, and are sealed already. */
  repeatedRecords = 0;
  /** Records for which a reader's buffer had no room. */
  droppedRecords = 0;
  /** Records that the kernel counted as lost while we watched. */
  kernelLostRecords = 0;
  readonly lost: Record<LostReason, number> = { overrun: 0, 'not-read': 0, kernel: 0, auditd: 0, unseen: 0 };

  get lostEvents(): number {
    return Object.values(this.lost).reduce((sum, count) => sum + count, 0);
  }

  /** Puts what it knows into the sums of all origins. */
  settle(tally: Tally): void {
    tally.own = this.own;
    tally.beside = this.late + this.daemon + this.unstamped;
    tally.lost = this.lost;
  }

  /** The ledger as it is sealed. `hello`: of the reader that is there; null: none. */
  fields(tally: Tally, hello: Hello | null, status: Status | null): Record<string, FieldValue> {
    const { events, late, daemon, unstamped, incomplete, repeatedRecords, droppedRecords, kernelLostRecords } = this;
    return {
      path: hello?.path ?? null, ...sumsOf(tally), events, late, daemon, unstamped,
      incomplete, repeatedRecords, droppedRecords, kernelLostRecords, kernelLost: status?.lost ?? null, backlog: status?.backlog ?? null,
      backlogLimit: status?.backlogLimit ?? null, rateLimit: status?.rateLimit ?? null, enabled: status?.enabled ?? null, owner: status?.pid ?? null,
    };
  }
}
