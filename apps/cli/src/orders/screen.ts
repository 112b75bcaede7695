// SPDX-License-Identifier: Apache-2.0
// What an order says, for who is to sign it or to check it.
import { CUSTODIANS_NEEDED, formatTime, rangesCount, type JudgedApproval, type Order } from '@strongroom/evidence';
import { printable } from '../printable.ts';
import { bytes, some } from '../quantity.ts';
import { factLines } from '../table.ts';
import { shortTime } from '../time.ts';

const time = (ns: bigint): string => shortTime(formatTime(ns));

/** The screen. */
export function orderLines(order: Order, judged: readonly JudgedApproval[]): string[] {
  return [
    `Order ${order.id}: ${TITLES[order.kind]}.`, '',
    ...factLines([
      ...subject(order),
      ['reason', printable(order.reason)],
      ['log', `${printable(order.origin)} at ${some(order.size, 'entry', 'entries')}, root ${order.root.toString('base64')}`],
      ['drawn up', time(order.created)],
      ['expires', time(order.expires)],
    ]), '',
    ...approvalLines(judged),
  ];
}

const TITLES: Readonly<Record<Order['kind'], string>> = {
  destroy: 'destroy a bucket\'s keys, and with them what its segments hold',
  release: 'end a legal hold',
  'accept-rollback': 'go on from a store that is older than what was seen',
};

function subject(order: Order): (readonly [string, string])[] {
  if (order.kind === 'release') return [['hold', order.hold]];
  if (order.kind === 'accept-rollback') {
    return [['given up', `${some(order.seen - order.size, 'entry', 'entries')}: ${order.seen} were seen, the store has ${order.size}`], ['seen root', order.seenRoot.toString('base64')]];
  }
  return [
    ['bucket', `${order.class}/${order.bucket}`],
    ['keys', order.keys.join('\n')],
    ['segments', `${rangesCount(order.segments)}, of which ${rangesCount(order.held)} are held and stay`],
    ['records', `${some(order.records, 'record')}, ${bytes(order.bytes)}`],
    ['received', order.records === 0 ? 'none' : `${time(order.from)} to ${time(order.to)}`],
  ];
}

function approvalLines(judged: readonly JudgedApproval[]): string[] {
  const counted = new Set(judged.flatMap(({ custodian }) => (custodian === null ? [] : [custodian.id])));
  const missing = CUSTODIANS_NEEDED - counted.size;
  return [
    ...judged.map(({ approval, refusal }) => `  ${refusal === null ? 'approved by' : 'does NOT count:'} ${approval.custodian}, ${time(approval.time)}${refusal === null ? '' : ` (${printable(refusal.message)})`}`),
    missing > 0 ? `  ${missing === 1 ? 'One more custodian' : 'Two different custodians'} must approve it: strongroom approve FILE --identity DIR` : '  It is approved.',
  ];
}

/** For programs. */
export function orderJson(order: Order, judged: readonly JudgedApproval[], approved: boolean): Record<string, unknown> {
  const fields = Object.entries(order).map(([name, value]) => [name, plain(value)] as const);
  const approvals = judged.map(({ approval, custodian, refusal }) => ({
    custodian: approval.custodian, time: formatTime(approval.time), counts: custodian !== null, code: refusal?.code ?? null, why: refusal?.message ?? null,
  }));
  return { ...Object.fromEntries(fields), created: formatTime(order.created), expires: formatTime(order.expires), approvals, approved };
}

function plain(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return value.toString('base64');
  return typeof value === 'bigint' ? formatTime(value) : value;
}
