// SPDX-License-Identifier: Apache-2.0
// What one person alone may not do is an order: a text that two custodians sign, docs/FORMAT.md section 9.
import { Refused } from '@strongroom/bytes';
import { decodeLines, encodeLines, type Fields } from '../lines.ts';
import type { SegmentRange } from '../segment-ranges.ts';

interface OrderFacts {
  /** 16 random octets in hexadecimal: each order is carried out once. */
  readonly id: string;
  /** The log that it is about. */
  readonly origin: string;
  /** The log's state that it was drawn up against. */
  readonly size: number;
  readonly root: Buffer;
  readonly created: bigint;
  /** Neither approved nor carried out after this. */
  readonly expires: bigint;
  /** Certificate (DER) of the deployment's CA, which the custodians' certificates are of. */
  readonly authority: Buffer;
  readonly reason: string;
}

/** Destroys wrapping keys of a bucket, and with them the segments that no hold keeps. */
export interface DestroyOrder extends OrderFacts {
  readonly kind: 'destroy';
  readonly class: string;
  readonly bucket: string;
  readonly keys: readonly string[];
  /** Every segment under these keys, held ones included. */
  readonly segments: readonly SegmentRange[];
  /** Those that a hold kept when it was drawn up. */
  readonly held: readonly SegmentRange[];
  readonly records: number;
  readonly bytes: number;
  /** Receipt of the first and last record. */
  readonly from: bigint;
  readonly to: bigint;
}

/** Ends a legal hold: its key is destroyed. */
export interface ReleaseOrder extends OrderFacts {
  readonly kind: 'release';
  readonly hold: string;
}

/** Goes on from a store that is older than what was seen. `size` and `root` are that store's. */
export interface AcceptRollbackOrder extends OrderFacts {
  readonly kind: 'accept-rollback';
  /** The checkpoint that was seen and is given up. */
  readonly seen: number;
  readonly seenRoot: Buffer;
}

export type Order = DestroyOrder | ReleaseOrder | AcceptRollbackOrder;
export type OrderKind = Order['kind'];

const OWN_FIELDS = {
  destroy: {
    class: 'word', bucket: 'word', keys: 'words', segments: 'ranges', held: 'ranges', records: 'size', bytes: 'size', from: 'time', to: 'time',
  },
  release: { hold: 'id' },
  'accept-rollback': { seen: 'size', 'seen-root': 'hash' },
} as const satisfies Record<OrderKind, Fields>;

const TITLE = 'strongroom order v1';

export const ORDER_KINDS = Object.keys(OWN_FIELDS) as readonly OrderKind[];

function fieldsOf(kind: OrderKind): Fields {
  return {
    kind: 'word', id: 'id', origin: 'text', size: 'size', root: 'hash', created: 'time', expires: 'time', ...OWN_FIELDS[kind], reason: 'text', authority: 'base64',
  };
}

export function encodeOrder(order: Order): string {
  return encodeLines(TITLE, fieldsOf(order.kind), order as unknown as Record<string, unknown>, 'order.malformed');
}

/** Throws `Refused('order.malformed')`. Only the exact form that {@link encodeOrder} writes is an order. */
export function decodeOrder(text: string): Order {
  const kind = ORDER_KINDS.find((one) => text.startsWith(`${TITLE}\nkind ${one}\n`));
  if (kind === undefined) throw malformed(`it does not begin as an order to ${ORDER_KINDS.join(', ')}`);
  return decodeLines(text, TITLE, fieldsOf(kind), malformed) as unknown as Order;
}

function malformed(why: string): Refused {
  return new Refused('order.malformed', 'this is no order', { why, fix: 'take the file as it was drawn up, unaltered' });
}
