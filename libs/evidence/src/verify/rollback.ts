// SPDX-License-Identifier: Apache-2.0
// A log that goes on where another was given up begins with who accepted that, by an order that two custodians approved.
import { Refused } from '@strongroom/bytes';
import type { RollbackEntry } from '../entry.ts';
import { hash } from 'node:crypto';
import { ORDER_FILE_BYTES_MAX, checkApproved, decodeOrderFile } from '../order/index.ts';
import type { GuardedReader } from './store-reader.ts';
import { reason, type Findings } from './verdict.ts';

export interface RollbackTools {
  readonly reader: GuardedReader;
  /** The deployment's CA (DER) if it is known; null: what the order says of it is taken. */
  readonly authority: Buffer | null;
  readonly findings: Findings;
}

/** Judges a `rollback` entry: it stands first, and its order says the same and is approved. */
export function judgeRollback(entry: RollbackEntry, index: number, { reader, authority, findings }: RollbackTools): void {
  const where = `log entry ${index}`;
  findings.note('log.rollback', where, `it goes on from ${entry.origin} as of ${entry.size} entries; ${entry.seen === entry.size ? 'how many after that are lost is not known' : `${entry.seen - entry.size} after that are lost`}`);
  if (index !== 0) findings.fail('log.rollback', where, 'only the first entry of a log can say what it goes on from');
  const bytes = reader.readFile(`orders/${entry.order}.order`, ORDER_FILE_BYTES_MAX);
  if (bytes === null) return findings.fail('log.rollback', where, `orders/${entry.order}.order, by which it was accepted, is missing`);
  try {
    checkRollback(entry, bytes, authority);
  } catch (error) {
    findings.fail('log.rollback', where, reason(error));
  }
}

/** Throws `Refused`: `rollback.order`, `order.*`, `approval.*`. */
export function checkRollback(entry: RollbackEntry, bytes: Buffer, authority: Buffer | null): void {
  if (!hash('sha256', bytes, 'buffer').equals(entry.approvals)) throw new Refused('rollback.order', 'the order\'s file is not the one that the log names');
  const file = decodeOrderFile(bytes);
  const { order } = file;
  if (order.kind !== 'accept-rollback') throw new Refused('rollback.order', `an order to ${order.kind} accepts no rollback`);
  const same = order.id === entry.order && order.origin === entry.origin && order.size === entry.size && order.root.equals(entry.root)
    && order.seen === entry.seen && order.seenRoot.equals(entry.seenRoot);
  if (!same) throw new Refused('rollback.order', 'the order is about another rollback than the log says');
  checkApproved(file, { origin: entry.origin, authority });
}
