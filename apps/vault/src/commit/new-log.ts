// SPDX-License-Identifier: Apache-2.0
// A log that begins where another was given up, docs/FORMAT.md section 8: what two custodians accepted lies in
// state/vault/acceptance, and stands in the new log before anything else.
import { hash } from 'node:crypto';
import { join } from 'node:path';
import { Refused } from '@strongroom/bytes';
import { decodeOrderFile, type RollbackEntry } from '@strongroom/evidence';
import type { Layout } from '@strongroom/service';
import { listDirectory, putFile, readWhole, type Disk } from '../disk.ts';

/** The entry that a new log begins with; null where none was given up. The order's file is durable in the store first. */
export async function acceptance(disk: Disk, paths: Pick<Layout, 'vaultState' | 'store'>, now: bigint): Promise<RollbackEntry | null> {
  const bytes = readWhole(disk, join(paths.vaultState, 'acceptance'));
  if (bytes === null) return null;
  const { order } = decodeOrderFile(bytes);
  if (order.kind !== 'accept-rollback') throw new Refused('vault.acceptance', 'state/vault/acceptance is no acceptance of a rollback', { why: `it is an order to ${order.kind}`, fix: 'see "strongroom recover"' });
  await putFile(disk, join(paths.store, 'orders', `${order.id}.order`), bytes);
  const { origin, size, root, seen, seenRoot } = order;
  return { kind: 'rollback', time: now, origin, size, root, seen, seenRoot, order: order.id, approvals: hash('sha256', bytes, 'buffer') };
}

/** The first segment number that no data key of this home has: an earlier log's are still there. */
export function segmentsFrom(disk: Disk, dataKeys: string): number {
  return listDirectory(disk, dataKeys).reduce((next, name) => (/^[0-9a-f]{16}\.(hold-[0-9a-f]{32}\.)?key$/.test(name) ? Math.max(next, Number.parseInt(name.slice(0, 16), 16) + 1) : next), 1);
}
