// SPDX-License-Identifier: Apache-2.0
// Custody over the running vault: what it asks of the log, of the keys and of the disk.
import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { Failed, invariant } from '@strongroom/bytes';
import { retentionClasses, type Fields, type Level, type ServiceContext } from '@strongroom/service';
import { FILTERS_DIRECTORY } from '../read/filter-keeper.ts';
import type { Sealing } from '../sealing.ts';
import type { World } from '../world.ts';
import { Custody } from './custody.ts';
import { OrderFiles } from '../commit/order-files.ts';
import { SegmentKeys } from '../commit/segment-keys.ts';
import type { CustodyTools, LogAccess } from './tools.ts';

type CustodyContext = Pick<ServiceContext, 'paths' | 'config' | 'identity' | 'registry' | 'protect' | 'event'>;

export function openCustody(world: World, context: CustodyContext, sealing: Sealing, reading: CustodyTools['reading']): Custody {
  const { paths, config: { retention } } = context;
  const { origin, keys, vault, record } = sealing;
  invariant(keys.custody !== undefined, 'custody.keys', 'holds and destructions need the key service');
  const tools: CustodyTools = {
    world, origin, state: vault.custody, keys: keys.custody, reading, log: logAccess(sealing),
    paths: { segments: paths.segments, filters: join(paths.vaultState, FILTERS_DIRECTORY), holds: paths.holds },
    authority: () => new X509Certificate(context.identity.caPem).raw, registry: () => context.registry,
    classes: retentionClasses(retention), copies: retention.copies, orderHours: retention.orderHours,
    wraps: new SegmentKeys(world.disk, paths.dataKeys, origin), orders: new OrderFiles(world.disk, paths.pendingOrders, paths.orders),
    protect: (path, flag) => context.protect(path, flag),
    say: (event: string, level: Level, fields: Fields) => {
      context.event(event, level, fields);
      record(event, fields, level);
    },
  };
  const custody = new Custody(tools, retention.checkMinutes);
  vault.retire(custody.condemned);
  return custody;
}

function logAccess({ vault, loop, publisher, record }: Sealing): LogAccess {
  return {
    settle: async () => {
      await loop.settle();
      // While sealing stands still too.
      await publisher.flush();
    },
    enter: async (entry) => {
      const entered = vault.entered(entry);
      loop.wake();
      const index = await entered;
      await publisher.flush();
      return index;
    },
    retire: async (keyIds) => {
      vault.retire(keyIds);
      const isWritten = (): boolean => [...vault.openSegments].some(({ keyId }) => keyIds.has(keyId));
      if (isWritten()) record('vault.keys-retired', { keys: [...keyIds].join(' ') });
      await loop.settle();
      if (isWritten()) throw new Failed('vault.stalled', 'segments under these keys could not be closed', { why: 'sealing stands still', fix: 'see "strongroom status", and try again' });
    },
    get size() { return vault.size; },
    get root() { return vault.root; },
  };
}
