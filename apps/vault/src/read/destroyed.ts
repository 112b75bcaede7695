// SPDX-License-Identifier: Apache-2.0
// What can still be shown of what was destroyed: that it was here, and by whose order it is gone.
import { existsSync } from 'node:fs';
import { Failed } from '@strongroom/bytes';
import { DESTRUCTION_PROOF_FORMAT, type DestroyOrder, type DestructionProof, type Entry, type LoggedEntry } from '@strongroom/evidence';
import { destroyedBy, orderBytes } from '../custody/order-files.ts';
import { SYSTEM_DISK } from '../disk.ts';
import type { PublishedLog } from '../upkeep/published-log.ts';
import type { History } from './history.ts';
import type { SegmentParts } from './parts.ts';

/** Tells of segments whether they were destroyed, and by which order; each is looked for once. */
export class Destroyed {
  readonly #parts: SegmentParts;
  readonly #orders: string;
  readonly #known = new Map<string, DestroyOrder | null>();

  constructor(parts: SegmentParts, orders: string) {
    [this.#parts, this.#orders] = [parts, orders];
  }

  /** Null too for a segment that is there. */
  readonly by = (segment: string): DestroyOrder | null => {
    let order = this.#known.get(segment);
    if (order === undefined) {
      order = existsSync(this.#parts.at(segment, 0).path) ? null : destroyedBy(SYSTEM_DISK, this.#orders, segment);
      this.#known.set(segment, order);
    }
    return order;
  };

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

function logged(history: History, index: number): LoggedEntry {
  return { index, bytes: history.entryBytes(index)!.toString('base64'), path: history.entryPath(index).map((hash) => hash.toString('base64')) };
}
