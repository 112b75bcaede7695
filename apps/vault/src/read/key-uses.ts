// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { decodeWrappedKey } from '@strongroom/evidence';
import type { KeyUse } from '@strongroom/service';
import { listDirectory, readWhole, type Disk } from '../disk.ts';

/** By wrapping key: how many segments have their data key under it. Reads a small file for each segment. */
export function keyUses(disk: Disk, dataKeys: string): Record<string, KeyUse> {
  const uses: Record<string, KeyUse> = {};
  for (const name of listDirectory(disk, dataKeys)) {
    const bytes = /^[0-9a-f]{16}\.key$/.test(name) ? readWhole(disk, join(dataKeys, name)) : null;
    if (bytes === null) continue;
    const { keyId } = decodeWrappedKey(bytes);
    uses[keyId] = { count: (uses[keyId]?.count ?? 0) + 1 };
  }
  return uses;
}
