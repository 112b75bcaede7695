// SPDX-License-Identifier: Apache-2.0
// The file of an order: its text, then the approvals, a blank line before each. docs/FORMAT.md section 9.
import { X509Certificate } from 'node:crypto';
import { Refused } from '@strongroom/bytes';
import { checkDestroyRanges } from '../entry.ts';
import { rangesWithout } from '../segment-ranges.ts';
import { checkApproval, decodeApproval, encodeApproval, type Approval, type Custodian } from './approval.ts';
import { logNumber } from '../log-name.ts';
import { decodeOrder, encodeOrder, type Order } from './order.ts';

/** How many different custodians must approve. */
export const CUSTODIANS_NEEDED = 2;
/** An order of the longest kind, and every approval that it may carry. */
export const ORDER_FILE_BYTES_MAX: number = 256 * 1024;
const APPROVALS_MAX = 16;

export interface OrderFile {
  readonly order: Order;
  /** The order's text, which the approvals are of. */
  readonly text: string;
  readonly approvals: readonly Approval[];
}

/** Throws `Refused('order.too-long')` where the log could not say what is destroyed by it. */
export function newOrderFile(order: Order): OrderFile {
  if (order.kind === 'destroy') checkDestroyRanges(rangesWithout(order.segments, order.held), order.held);
  return { order, text: encodeOrder(order), approvals: [] };
}

export function encodeOrderFile({ text, approvals }: OrderFile): Buffer {
  return Buffer.from([text, ...approvals.map(encodeApproval)].join('\n'));
}

/** Throws `Refused`: `order.malformed`, `approval.malformed`. Whether the approvals hold is for {@link checkApproved}. */
export function decodeOrderFile(bytes: Buffer): OrderFile {
  if (bytes.length > ORDER_FILE_BYTES_MAX) throw new Refused('order.malformed', 'this is no order', { why: `it has ${bytes.length} octets, the limit is ${ORDER_FILE_BYTES_MAX}` });
  const [first = '', ...rest] = bytes.toString('utf8').split('\n\n');
  const ended = (part: string, i: number): string => (i < rest.length ? `${part}\n` : part);
  const text = ended(first, 0);
  const file = { order: decodeOrder(text), text, approvals: rest.map((part, i) => decodeApproval(ended(part, i + 1))) };
  if (file.approvals.length > APPROVALS_MAX) throw new Refused('order.malformed', 'an order has too many approvals', { why: `the limit is ${APPROVALS_MAX}` });
  if (!encodeOrderFile(file).equals(bytes)) throw new Refused('order.malformed', 'this is no order', { why: 'it is not UTF-8' });
  return file;
}

/** What an order is held against, beside its own text. */
export interface ApprovalRules {
  readonly origin: string;
  /** Certificate (DER) of the deployment's CA as it is known here; null: the order's own word for it is taken. */
  readonly authority: Buffer | null;
  /** Whether who signed is enrolled and not revoked, and was so before the order was drawn up; offline nobody can tell. */
  readonly mayApprove?: (custodian: Custodian, order: Order) => boolean;
  /** Now, for an order that is to be carried out. */
  readonly now?: bigint;
}

export interface JudgedApproval {
  readonly approval: Approval;
  /** Null when the approval does not count. */
  readonly custodian: Custodian | null;
  readonly refusal: Refused | null;
}

/** Every approval with who gave it or why it does not count. Throws `Refused`: `order.origin`, `order.authority`. */
export function judgeApprovals({ order, text, approvals }: OrderFile, rules: ApprovalRules): JudgedApproval[] {
  if (order.origin !== rules.origin) throw new Refused('order.origin', `the order is about the log ${order.origin}`, { why: `this is ${rules.origin}` });
  if (rules.authority !== null && !order.authority.equals(rules.authority)) {
    throw new Refused('order.authority', 'the order names another authority than this deployment\'s CA', { fix: 'draw it up again here' });
  }
  const authority = authorityOf(order);
  return approvals.map((approval) => {
    try {
      return { approval, custodian: judge(approval, order, text, authority, rules), refusal: null };
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return { approval, custodian: null, refusal: error };
    }
  });
}

function judge(approval: Approval, order: Order, text: string, authority: X509Certificate, { origin, mayApprove }: ApprovalRules): Custodian {
  const custodian = checkApproval(approval, text, authority);
  if (logNumber(origin, custodian.deployment) === null) throw new Refused('approval.custodian', `${custodian.id} belongs to another deployment`);
  if (approval.time > order.expires) throw new Refused('approval.expired', `${custodian.id} approved after the order had expired`);
  if (mayApprove?.(custodian, order) === false) {
    throw new Refused('approval.standing', `${custodian.id} is no custodian who may approve this`, { why: 'enrolled with this key before the order was drawn up, and not revoked, is what counts' });
  }
  return custodian;
}

function authorityOf(order: Order): X509Certificate {
  try {
    const certificate = new X509Certificate(order.authority);
    if (certificate.ca && certificate.verify(certificate.publicKey)) return certificate;
  } catch {
    // Told below.
  }
  throw new Refused('order.authority', 'the order names no authority', { why: 'its certificate is no CA\'s' });
}

/**
 * The custodians who approved: at least two, of different names and different keys. Throws `Refused`: `order.expired`,
 * `order.approvals` (too few count), and what {@link judgeApprovals} throws.
 */
export function checkApproved(file: OrderFile, rules: ApprovalRules): Custodian[] {
  const { order } = file;
  if (rules.now !== undefined && rules.now > order.expires) throw new Refused('order.expired', `the order ${order.id} has expired`, { fix: 'draw it up again' });
  const judged = judgeApprovals(file, rules);
  const counted: Custodian[] = [];
  for (const { custodian } of judged) {
    if (custodian !== null && !counted.some(({ id, keyHash }) => id === custodian.id || keyHash === custodian.keyHash)) counted.push(custodian);
  }
  if (counted.length >= CUSTODIANS_NEEDED) return counted;
  const refusals = judged.flatMap(({ refusal }) => (refusal === null ? [] : [refusal.message]));
  throw new Refused('order.approvals', `the order ${order.id} is not approved by ${CUSTODIANS_NEEDED} different custodians`, {
    why: [`${counted.length} of them approved`, ...refusals].join('; ').slice(0, 500), fix: 'have another custodian approve it: strongroom approve FILE --identity DIR',
  });
}
