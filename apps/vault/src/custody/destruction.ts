// SPDX-License-Identifier: Apache-2.0
// Carrying out an order to destroy. Order, and what a crash leaves at each step:
//   1. all holds are judged up to now; what they keep is wrapped, and opens    nothing has happened; the order still waits
//   2. the key service judges the order and notes it                     the same; it may then be carried out however late
//   3. the order's file into the store, durable                          an order in the store that no entry names
//   4. the `destroy` entry, committed and published                      THE POINT OF NO RETURN: every start goes on from here
//   5. the keys, in the token                                            asked again, the rest of them goes
//   6. what is held of them in memory and open files; data keys, filters, segments    the rest of them goes
//   7. the `destroyed` entry; the order waits no more                    an order that is not found again among those that wait
import { join } from 'node:path';
import { Failed, invariant, Refused } from '@strongroom/bytes';
import { checkApproved, checkDestroyRanges, encodeOrderFile, inRanges, rangesOf, rangesWithin, segmentsIn, type ApprovalRules, type DestroyEntry, type DestroyOrder, type Order, type OrderFile } from '@strongroom/evidence';
import { mayApprove } from '@strongroom/service';
import { partsBySegment } from '../commit/segment-parts.ts';
import { listDirectory, removeDurably } from '../disk.ts';
import type { SegmentFacts } from '../read/census.ts';
import { buckets, sums, type Bucket } from './buckets.ts';
import type { Holds } from './holds.ts';
import type { CustodyTools } from './tools.ts';

/** Copies that no destruction here reaches, whatever the configuration says. */
const COPIES = ['snapshots', 'backups-of-store', 'backups-of-secrets/vault', 'backups-of-the-HSM'];

/** What approvals are held against here. */
export function approvalRules({ origin, authority, registry }: CustodyTools, now?: bigint): ApprovalRules {
  return {
    origin, authority: authority(), mayApprove: (custodian, { created }) => mayApprove(registry(), custodian, Number(created / 1_000_000n)),
    ...(now === undefined ? {} : { now }),
  };
}

/**
 * Steps 1 to 7. Throws `Refused`: `order.stale` (its bucket has more under these keys than it names, or less is held), `order.all-held`,
 * `order.too-long` (the log has no entry for what is left beside newer holds), what
 * `checkApproved` and the key service refuse; `Failed`: `hold.lost`, `keys.*`, `vault.*`.
 */
export async function carryOutDestroy(tools: CustodyTools, holds: Holds, file: OrderFile & { readonly order: DestroyOrder }, isBegun: boolean): Promise<void> {
  const { order } = file;
  const { keys, orders, log } = tools;
  checkApproved(file, approvalRules(tools, timeOf(tools, order, isBegun)));
  await holds.judge();
  await holds.judge([...segmentsIn(order.segments)]);
  const entry = await planned(tools, holds, order);
  await holds.secure(segmentsIn(entry.held));
  // The entry's time is the one that it is judged by: verifiers refuse an order that had expired then.
  const time = timeOf(tools, order, isBegun);
  checkApproved(file, approvalRules(tools, time));
  await keys.beginOrder(encodeOrderFile(file));
  const approvals = await orders.keep(file);
  const whole: DestroyEntry = { kind: 'destroy', time, ...entry, order: order.id, approvals };
  await log.enter(whole);
  await finishDestroy(tools, whole);
}

/** What an entry by an order says of when: one that was begun in time and held up beyond it says the last of its time. */
export function timeOf({ world: { clock } }: CustodyTools, { expires }: Order, isBegun: boolean): bigint {
  const now = clock.nowNs();
  return isBegun && now > expires ? expires : now;
}

type Planned = Omit<DestroyEntry, 'kind' | 'time' | 'order' | 'approvals'>;

async function planned(tools: CustodyTools, holds: Holds, order: DestroyOrder): Promise<Planned> {
  const now = (await buckets(tools, holds)).find(({ name }) => name === `${order.class}/${order.bucket}`);
  const under = underKeys(now ?? { segments: [], held: [], keyOf: new Map() }, order.keys);
  const { segments } = under;
  if (!rangesWithin(rangesOf(segments.map(({ segment }) => segment)), order.segments)) {
    throw new Refused('order.stale', `${order.class}/${order.bucket} has more than the order ${order.id} names`, { fix: 'draw the order up again' });
  }
  const held = new Set(under.held);
  // What custodians saw as staying may not go by their order, though a hold has ended since.
  const released = segments.filter(({ segment }) => inRanges(order.held, segment) && !held.has(segment));
  if (released.length > 0) throw new Refused('order.stale', `${released.length} segments of ${order.class}/${order.bucket} are held no more`, { why: `the order ${order.id} says that they stay`, fix: 'draw the order up again when it has expired' });
  const going = segments.filter(({ segment }) => !held.has(segment));
  if (going.length === 0) throw new Refused('order.all-held', `nothing of ${order.class}/${order.bucket} may be destroyed`, { why: `${held.size} segments are there, all held`, fix: 'see "strongroom hold list"' });
  const [goingRanges, heldRanges] = [rangesOf(going.map(({ segment }) => segment)), rangesOf(held)];
  checkDestroyRanges(goingRanges, heldRanges);
  const { batches, records, bytes } = sums(going);
  return { class: order.class, bucket: order.bucket, keys: order.keys, segments: goingRanges, held: heldRanges, batches, records, bytes };
}

/** Of a bucket what these keys wrap: what was sealed since an order was drawn up lies under others. */
export function underKeys({ segments, held, keyOf }: Pick<Bucket, 'segments' | 'held' | 'keyOf'>, keys: readonly string[]): Pick<Bucket, 'segments' | 'held'> {
  const isUnder = (segment: string): boolean => keys.includes(keyOf.get(segment) ?? '');
  return { segments: segments.filter(({ segment }) => isUnder(segment)), held: held.filter(isUnder) };
}

/** Steps 5 to 7, however often. Throws `Failed`: `order.lost`, `keys.*`, `vault.*`; `Bug('custody.more-than-named')`. */
export async function finishDestroy(tools: CustodyTools, entry: DestroyEntry): Promise<void> {
  const { world: { clock }, keys, orders, log, copies, say, reading } = tools;
  const kept = orders.kept(entry.order);
  if (kept === null) throw new Failed('order.lost', `the order ${entry.order}, by which ${entry.class}/${entry.bucket} is being destroyed, is missing`, { why: `store/orders/${entry.order}.order is not there`, fix: 'restore it from a copy of the store' });
  const going = await segmentsGoing(tools, entry);
  await keys.destroyByOrder(kept.bytes);
  await reading.interrupt('evidence that it may have open is being destroyed');
  const files = await removeFiles(tools, entry, going);
  await log.enter({ kind: 'destroyed', time: clock.nowNs(), order: entry.order, keys: entry.keys, files, copies: [...COPIES, ...copies] });
  await orders.forget(entry.order);
  say('vault.destroyed', 'warn', { bucket: `${entry.class}/${entry.bucket}`, order: entry.order, records: entry.records, files });
}

/**
 * What goes: what the entry names, and what was made under its keys and never came to hold anything, because a crash came
 * before its first commit. Anything else under these keys is evidence that no custodian has seen, and nothing goes then.
 */
async function segmentsGoing({ wraps, reading, world: { clock } }: CustodyTools, entry: DestroyEntry): Promise<Set<string>> {
  const [going, held] = [new Set(segmentsIn(entry.segments)), new Set(segmentsIn(entry.held))];
  const others = [...await wraps.keyIds(() => clock.turn())].filter(([segment, keyId]) => entry.keys.includes(keyId) && !going.has(segment) && !held.has(segment)).map(([segment]) => segment);
  if (others.length === 0) return going;
  const named = new Set(((await reading.ask('census', {})) as SegmentFacts[]).map(({ segment }) => segment));
  const evidence = others.find((segment) => named.has(segment));
  invariant(evidence === undefined, 'custody.more-than-named', `segment ${evidence} lies under a key that the order ${entry.order} destroys, and the order does not name it`);
  for (const segment of others) going.add(segment);
  return going;
}

/** Data keys first: without them the rest is noise. Returns how many files went. */
async function removeFiles(tools: CustodyTools, entry: DestroyEntry, going: ReadonlySet<string>): Promise<number> {
  const { wraps, paths, world: { disk } } = tools;
  let files = 0;
  for (const segment of segmentsIn(entry.held)) await wraps.remove(segment);
  const listed = wraps.list();
  for (const segment of going) {
    for (const hold of listed.get(segment)?.holds ?? []) await wraps.remove(segment, hold);
    await wraps.remove(segment);
  }
  const filters = new Set(listDirectory(disk, paths.filters));
  const parts = partsBySegment(disk, paths.segments);
  for (const segment of going) {
    for (const name of [segment, `${segment}.new`]) if (filters.has(name)) await removeDurably(disk, join(paths.filters, name));
    // The first part goes first: without it no other is read.
    for (const { path } of parts.get(segment) ?? []) {
      await tools.protect(path, 'none');
      await removeDurably(disk, path);
      files += 1;
    }
  }
  return files;
}
