// SPDX-License-Identifier: Apache-2.0
// Keys are destroyed by order of two custodians alone, whatever the vault says. Order, and what a crash leaves:
//   1. begin: the order and its approvals are judged, and noted durably   noted, and may be carried out however late: so from
//      here on nothing more comes under its keys, which its custodians never saw
//   2. destroy: each key goes from the token, the token's files are synced   some are gone; asked again, the rest goes
//   3. that is noted                                                       gone and not noted: asked again, it is noted
import { X509Certificate } from 'node:crypto';
import { Refused } from '@strongroom/bytes';
import { checkApproved, decodeOrderFile, orderHash, type Order, type OrderFile } from '@strongroom/evidence';
import { mayApprove, type Registry } from '@strongroom/service';
import type { Keyring } from './keyring.ts';
import { checkOrigin } from './log-keys.ts';
import { OrderLog } from './order-log.ts';
import { destroyKey, wrappingKeyIds } from './wrapping.ts';

export interface DestructionFacts {
  /** secrets/keys. */
  readonly directory: string;
  readonly registry: () => Registry;
  readonly now: () => bigint;
}

/**
 * Judges an order's file and notes that it is carried out. Throws `Refused`: `keys.order-kind`, `keys.order-keys` (it names
 * keys that are not of its bucket), `keys.order-changed`, `order.*`, `approval.*`.
 */
export function beginOrder(ring: Keyring, facts: DestructionFacts, bytes: Buffer): { readonly keys: readonly string[] } {
  const file = decodeOrderFile(bytes);
  const keys = keysOf(ring, file.order);
  const log = new OrderLog(facts.directory);
  const digest = orderHash(file.text).toString('hex');
  const before = log.find(file.order.id);
  if (before !== undefined && before.digest !== digest) throw new Refused('keys.order-changed', `another order was begun under the id ${file.order.id}`);
  if (before === undefined) {
    judge(ring, facts, file);
    log.begun(file.order.id, digest, keys);
  }
  return { keys };
}

function judge({ founded }: Keyring, { registry, now }: DestructionFacts, file: OrderFile): void {
  checkApproved(file, {
    origin: checkOrigin(file.order.origin, founded.deployment), authority: new X509Certificate(founded.caPem).raw, now: now(),
    mayApprove: (custodian, { created }) => mayApprove(registry(), custodian, Number(created / 1_000_000n)),
  });
}

/** Destroys the keys of an order that was begun; those that are gone already count. Throws `Refused('keys.order-not-begun')`. */
export function destroyByOrder(ring: Keyring, facts: DestructionFacts, bytes: Buffer): { readonly keys: readonly string[] } {
  const { order, text } = decodeOrderFile(bytes);
  const log = new OrderLog(facts.directory);
  const begun = log.find(order.id);
  if (begun?.digest !== orderHash(text).toString('hex')) throw new Refused('keys.order-not-begun', `the order ${order.id} was not begun here`, { fix: 'begin it first: then its approvals are judged' });
  const keys = [...new Set([...keysOf(ring, order), ...begun.destroyed])];
  const left = keys.filter((keyId) => !begun.destroyed.has(keyId));
  for (const keyId of left) destroyKey(ring, keyId);
  ring.sync();
  for (const keyId of left) log.destroyed(order.id, keyId);
  return { keys };
}

/** The keys that an order is about: those it names, which must be of its bucket, or all of its hold. */
function keysOf(ring: Keyring, order: Order): readonly string[] {
  if (order.kind === 'release') return wrappingKeyIds(ring, 'hold', order.hold);
  if (order.kind !== 'destroy') throw new Refused('keys.order-kind', `an order to ${order.kind} destroys no keys`);
  const start = `${order.class}/${order.bucket}/`;
  if (order.class !== 'hold' && order.keys.every((keyId) => keyId.startsWith(start) && /^[0-9a-f]{16}$/.test(keyId.slice(start.length)))) return order.keys;
  throw new Refused('keys.order-keys', 'the order names keys that are not of its bucket', { why: `its bucket is ${order.class}/${order.bucket}` });
}
