// SPDX-License-Identifier: Apache-2.0
// What can still be shown of what was destroyed: that it was here, and by whose order it is gone.
import { existsSync } from 'node:fs';
import { Failed } from '@strongroom/bytes';
import { DESTRUCTION_PROOF_FORMAT, inRanges, type DestroyEntry, type DestroyOrder, type DestructionProof, type Entry, type LoggedEntry } from '@strongroom/evidence';
import { orderBytes, ordersToDestroy } from '../commit/order-files.ts';
import { SYSTEM_DISK } from '../disk.ts';
import type { PublishedLog } from '../upkeep/published-log.ts';
import type { History } from './history.ts';
import type { SegmentParts } from './parts.ts';

/** Tells of segments whether they were destroyed, and by which order; each is looked for once. */
export class Destroyed {
  readonly #parts: SegmentParts;
  readonly #orders: string;
  readonly #log: () => PublishedLog;
  readonly #known = new Map<string, DestroyOrder | null>();
  /** What the log says of orders, by the HASH of their files. */
  readonly #entries = new Map<string, DestroyEntry | null>();

  /** `log` gives it as it is published now. */
  constructor(parts: SegmentParts, orders: string, log: () => PublishedLog) {
    [this.#parts, this.#orders, this.#log] = [parts, orders, log];
  }

  /** Null too for a segment that is there. */
  readonly by = (segment: string): DestroyOrder | null => {
    let order = this.#known.get(segment);
    if (order === undefined) {
      order = existsSync(this.#parts.at(segment, 0).path) ? null : this.#carriedOut(segment);
      this.#known.set(segment, order);
    }
    return order;
  };

  /** A file among the orders is nobody's word: the log must say that it was carried out, and on this segment. */
  #carriedOut(segment: string): DestroyOrder | null {
    for (const { order, approvals } of ordersToDestroy(SYSTEM_DISK, this.#orders, segment)) {
      const key = approvals.toString('hex');
      if (!this.#entries.has(key)) this.#entries.set(key, entryOf(this.#log(), order, approvals));
      if (inRanges(this.#entries.get(key)?.segments ?? [], segment)) return order;
    }
    return null;
  }

  /** Of a record whose batch is the entry at `index`. Throws `Failed('read.damaged')` when the log does not say that it was destroyed. */
  prove(id: string, index: number, order: DestroyOrder, history: History, log: PublishedLog): DestructionProof {
    const found = new Map<Entry['kind'], number>();
    for (const { index: at, entry } of log.entries(order.size)) {
      if ((entry.kind === 'destroy' || entry.kind === 'destroyed') && entry.order === order.id && at < history.size) found.set(entry.kind, at);
      if (found.has('destroyed')) break;
    }
    const [destroy, destroyed] = [found.get('destroy'), found.get('destroyed')];
    if (destroy === undefined) throw new Failed('read.damaged', 'a segment is missing, and the log does not say that it was destroyed', { fix: 'run "strongroom verify"' });
    return {
      format: DESTRUCTION_PROOF_FORMAT, id, checkpoint: history.checkpoint, entry: logged(history, index), destroy: logged(history, destroy),
      destroyed: destroyed === undefined ? null : logged(history, destroyed), order: orderBytes(SYSTEM_DISK, this.#orders, order.id).toString('base64'),
    };
  }
}

function entryOf(log: PublishedLog, { id, size }: DestroyOrder, approvals: Buffer): DestroyEntry | null {
  for (const { entry } of log.entries(size)) if (entry.kind === 'destroy' && entry.order === id && entry.approvals.equals(approvals)) return entry;
  return null;
}

function logged(history: History, index: number): LoggedEntry {
  return { index, bytes: history.entryBytes(index)!.toString('base64'), path: history.entryPath(index).map((hash) => hash.toString('base64')) };
}
