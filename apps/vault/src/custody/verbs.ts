// SPDX-License-Identifier: Apache-2.0
// Holds, orders and destructions as readers and custodians ask for them over the read socket.
import { Refused } from '@strongroom/bytes';
import { CUSTODIANS_NEEDED, encodeOrderFile, formatTime, rangesCount } from '@strongroom/evidence';
import type { RpcVerbs } from '@strongroom/service';
import type { Query } from '../read/query.ts';
import { sums, type Bucket } from './buckets.ts';
import type { Custody, Ordered } from './custody.ts';
import type { HoldFacts } from './holds.ts';

interface Caller {
  readonly id: string;
}

/** Who may what: all of these a custodian may, and the operator; the first three every reader. */
export const CUSTODY_SEEN = ['holds', 'buckets', 'orders'] as const;
export const CUSTODY_DONE = ['placeHold', 'drawDestroy', 'drawRelease', 'approveOrder', 'submitOrder'] as const;

/** Throws `Refused('custody.malformed')`, and what {@link Custody} throws. */
export function custodyVerbs(custody: Custody): RpcVerbs<Caller> {
  return {
    holds: async () => custody.holds.list().map(holdFacts),
    buckets: async () => {
      const ordered = custody.orders();
      return (await custody.buckets()).map((one) => bucketFacts(one, ordered));
    },
    orders: async () => custody.orders().map(orderFacts),
    placeHold: async (args, { caller }) => holdFacts(await custody.place({
      by: caller.id, reference: text(args, 'reference'), reason: text(args, 'reason'), query: field(args, 'query') as Query,
    })),
    drawDestroy: async (args) => ({ file: encodeOrderFile(await custody.drawDestroy(text(args, 'bucket'), optionalText(args, 'reason'))).toString() }),
    drawRelease: async (args) => ({ file: encodeOrderFile(await custody.drawRelease(text(args, 'hold'), text(args, 'reason'))).toString() }),
    approveOrder: async (args) => orderFacts(await custody.approve(text(args, 'order'), [text(args, 'approval')])),
    submitOrder: async (args) => orderFacts(await custody.submit(Buffer.from(text(args, 'file')))),
  };
}

function holdFacts({ hold, text: said, segments, judged }: HoldFacts) {
  const known = said === null ? null : { since: formatTime(said.created), by: said.by, reference: said.reference, reason: said.reason, query: JSON.parse(said.query.toString()) as unknown };
  return { hold, segments: segments.length, judged, ...(known ?? { since: null, by: null, reference: null, reason: 'its text is missing: nothing is destroyed', query: null }) };
}

function bucketFacts(one: Bucket, ordered: readonly Ordered[]) {
  const { records, bytes, from, to } = sums(one.segments);
  const order = ordered.find(({ file }) => file.order.kind === 'destroy' && `${file.order.class}/${file.order.bucket}` === one.name);
  return {
    bucket: one.name, expired: one.isExpired, segments: one.segments.length, held: one.held.length, byHoldAlone: one.byHoldAlone, underWay: one.isUnderWay, records, bytes,
    from: records === 0 ? null : formatTime(from), to: records === 0 ? null : formatTime(to), keys: one.keys, order: order === undefined ? null : orderFacts(order),
  };
}

function orderFacts({ file: { order, approvals }, judged, isApproved, failure }: Ordered) {
  return {
    order: order.id, kind: order.kind, subject: order.kind === 'destroy' ? `${order.class}/${order.bucket}` : order.kind === 'release' ? order.hold : '',
    reason: order.reason, created: formatTime(order.created), expires: formatTime(order.expires),
    segments: order.kind === 'destroy' ? rangesCount(order.segments) : null, approvals: approvals.length, needed: CUSTODIANS_NEEDED,
    custodians: judged.flatMap(({ custodian }) => (custodian === null ? [] : [custodian.id])), approved: isApproved, failure,
  };
}

function field(args: unknown, name: string): unknown {
  return (args as Readonly<Record<string, unknown>> | null)?.[name];
}

function text(args: unknown, name: string): string {
  const value = field(args, name);
  if (typeof value === 'string') return value;
  throw new Refused('custody.malformed', `"${name}" is missing or no text`);
}

function optionalText(args: unknown, name: string): string | undefined {
  return field(args, name) === undefined ? undefined : text(args, name);
}
