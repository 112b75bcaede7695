// SPDX-License-Identifier: Apache-2.0
// Legal holds as the log tells of them: each that ended did so by an order that two custodians approved.
import { hash } from 'node:crypto';
import { Refused } from '@strongroom/bytes';
import type { ReleaseEntry } from '../entry.ts';
import { ORDER_FILE_BYTES_MAX, checkApproved, decodeOrderFile, type ReleaseOrder } from '../order/index.ts';
import type { GuardedReader } from './store-reader.ts';
import { reason, type Findings } from './verdict.ts';

export interface ReleaseTools {
  readonly reader: GuardedReader;
  readonly origin: string;
  /** The deployment's CA (DER) if it is known; null: what orders say of it is taken. */
  readonly authority: Buffer | null;
  readonly findings: Findings;
}

export class Releases {
  readonly #tools: ReleaseTools;
  /** Orders that were carried out, to be held against the log's root at their size. */
  readonly #orders: ReleaseOrder[] = [];

  constructor(tools: ReleaseTools) {
    this.#tools = tools;
  }

  release(entry: ReleaseEntry, index: number): void {
    const { reader, origin, authority, findings } = this.#tools;
    const fail = (detail: string): void => findings.fail('release.order', `log entry ${index}`, detail);
    const bytes = reader.readFile(`orders/${entry.order}.order`, ORDER_FILE_BYTES_MAX);
    if (bytes === null) return fail(`orders/${entry.order}.order, by which the hold ${entry.hold} ended, is missing`);
    try {
      this.#orders.push(checkReleaseOrder(entry, bytes, origin, authority));
    } catch (error) {
      fail(reason(error));
    }
  }

  /** Holds orders against the roots of the log that are known. */
  end(rootAt: (size: number) => Buffer | undefined): void {
    for (const { id, size, root } of this.#orders) {
      const here = rootAt(size);
      if (here !== undefined && !here.equals(root)) this.#tools.findings.fail('release.order', `orders/${id}.order`, `it was drawn up against another log of ${size} entries`);
    }
  }
}

/** Throws `Refused`: `release.order`, and what `checkApproved` and `decodeOrderFile` throw. */
function checkReleaseOrder(entry: ReleaseEntry, bytes: Buffer, origin: string, authority: Buffer | null): ReleaseOrder {
  if (!hash('sha256', bytes, 'buffer').equals(entry.approvals)) throw unfit('the order\'s file is not the one that the log names');
  const file = decodeOrderFile(bytes);
  const { order } = file;
  if (order.kind !== 'release' || order.id !== entry.order) throw unfit('the order is another than the log names');
  if (order.hold !== entry.hold) throw unfit(`the order is about the hold ${order.hold}, the log says ${entry.hold}`);
  checkApproved(file, { origin, authority, now: entry.time });
  return order;
}

function unfit(what: string): Refused {
  return new Refused('release.order', what);
}
