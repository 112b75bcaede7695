// SPDX-License-Identifier: Apache-2.0
// Drawing up orders: what custodians will see of a bucket or a hold, and sign.
import { Refused } from '@strongroom/bytes';
import { newOrderFile, rangesOf, type DestroyOrder, type Order, type OrderFile } from '@strongroom/evidence';
import { buckets, sums, type Bucket } from './buckets.ts';
import { condemnedKeys } from './condemned.ts';
import { underKeys } from './destruction.ts';
import type { Holds } from './holds.ts';
import type { CustodyTools } from './tools.ts';

const HOUR_NS = 3_600_000_000_000n;

/**
 * The order to destroy a bucket: the one that waits, or a new one. Throws `Refused`: `order.no-bucket`, `order.reason` (it
 * is not over its time), `order.all-held`, `order.under-way`, `order.too-many`.
 */
export async function drawDestroy(tools: CustodyTools, holds: Holds, name: string, reason: string | undefined): Promise<OrderFile> {
  const waiting = tools.orders.pending().find(({ order }) => order.kind === 'destroy' && `${order.class}/${order.bucket}` === name && isInTime(tools, order));
  if (waiting !== undefined) return waiting;
  if ([...tools.state.destroying.values()].some((entry) => `${entry.class}/${entry.bucket}` === name)) throw new Refused('order.under-way', `${name} is being destroyed`, { fix: 'see "strongroom destruction list"' });
  const seen = await bucketNamed(tools, holds, name);
  if (!seen.isExpired && reason === undefined) throw new Refused('order.reason', `${name} is not over its time`, { why: 'what is destroyed early needs its reason', fix: `add --reason 'erasure request 2026-17'` });
  return put(tools, await destroyOrder(tools, holds, seen, reason));
}

/** The order to end a hold: the one that waits, or a new one. Throws `Refused`: `order.no-hold`, `order.too-many`. */
export async function drawRelease(tools: CustodyTools, hold: string, reason: string): Promise<OrderFile> {
  const waiting = tools.orders.pending().find(({ order }) => order.kind === 'release' && order.hold === hold && isInTime(tools, order));
  if (waiting !== undefined) return waiting;
  if (!tools.state.holds.has(hold)) throw new Refused('order.no-hold', `no hold "${hold.slice(0, 40)}" is in force`, { fix: 'see "strongroom hold list"' });
  await tools.log.settle();
  return put(tools, { kind: 'release', ...common(tools, reason), hold });
}

function isInTime({ world: { clock } }: CustodyTools, { expires }: Order): boolean {
  return expires > clock.nowNs();
}

async function bucketNamed(tools: CustodyTools, holds: Holds, name: string): Promise<Bucket> {
  const all = await buckets(tools, holds);
  const found = all.find((one) => one.name === name);
  if (found === undefined || found.segments.length === 0) throw new Refused('order.no-bucket', `there is no bucket "${name.slice(0, 80)}" that could be destroyed`, { why: `there are ${all.filter(({ segments }) => segments.length > 0).map((one) => one.name).join(', ') || 'none'}`.slice(0, 500), fix: 'see "strongroom destruction list"' });
  if (found.held.length === found.segments.length) throw new Refused('order.all-held', `all of ${name} is held`, { why: `${found.held.length} segments`, fix: 'see "strongroom hold list"' });
  return found;
}

/** What is sealed from now on lies under other keys: then the set of segments stands still. */
async function destroyOrder(tools: CustodyTools, holds: Holds, seen: Bucket, reason: string | undefined): Promise<DestroyOrder> {
  await tools.log.retire(new Set([...condemnedKeys(tools), ...seen.keys]));
  const now = await bucketNamed(tools, holds, seen.name);
  const { retentionClass, bucket } = now;
  const keys = now.keys.filter((key) => seen.keys.includes(key));
  const { segments, held } = underKeys(now, keys);
  const { records, bytes, from, to } = sums(segments);
  return {
    kind: 'destroy', ...common(tools, reason ?? expiryReason(tools, retentionClass)), class: retentionClass, bucket, keys,
    segments: rangesOf(segments.map(({ segment }) => segment)), held: rangesOf(held), records, bytes, from, to,
  };
}

function expiryReason({ classes }: CustodyTools, retentionClass: string): string {
  const known = classes.find(({ name }) => name === retentionClass);
  const basis = known === undefined ? 'a class of an earlier configuration' : `kept ${known.keepDays} days: ${known.basis}`;
  return `expired: class ${retentionClass}, ${basis}`.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, ' ').slice(0, 500).trim();
}

function common({ world: { clock, random }, origin, authority, log: { size, root }, orderHours }: CustodyTools, reason: string): Pick<Order, 'id' | 'origin' | 'size' | 'root' | 'created' | 'expires' | 'authority' | 'reason'> {
  const created = clock.nowNs();
  return { id: random(16).toString('hex'), origin, size, root, created, expires: created + BigInt(orderHours) * HOUR_NS, authority: authority(), reason };
}

async function put({ orders, say }: CustodyTools, order: Order): Promise<OrderFile> {
  const file = newOrderFile(order);
  await orders.put(file);
  const { id, kind, reason } = order;
  say('vault.order-drawn', 'warn', { order: id, kind, reason });
  return file;
}
