// SPDX-License-Identifier: Apache-2.0
// What became of what the kernel's audit produced, in one life of capture. At every moment
//   produced = events + own + sum of lost      events + late + daemon + unstamped = received = sealed + denied + waiting
// An event counts once; what came of it after it was given out counts as late.
import type { FieldValue } from '@strongroom/service';
import type { Tally } from '../feed.ts';
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

  /** The ledger as it is sealed. `hello`: of the reader that is there; null: none. */
  fields({ received, sealed, denied }: Tally, hello: Hello | null, status: Status | null): Record<string, FieldValue> {
    const { events, own, late, daemon, unstamped, incomplete, repeatedRecords, droppedRecords, kernelLostRecords, lost } = this;
    return {
      path: hello?.path ?? null, produced: events + own + this.lostEvents, events, own, late, daemon, unstamped, received, sealed, denied, waiting: received - sealed - denied,
      lostOverrun: lost.overrun, lostNotRead: lost['not-read'], lostKernel: lost.kernel, lostAuditd: lost.auditd, lostUnseen: lost.unseen,
      incomplete, repeatedRecords, droppedRecords, kernelLostRecords, kernelLost: status?.lost ?? null, backlog: status?.backlog ?? null,
      backlogLimit: status?.backlogLimit ?? null, rateLimit: status?.rateLimit ?? null, enabled: status?.enabled ?? null, owner: status?.pid ?? null,
    };
  }
}
