// SPDX-License-Identifier: Apache-2.0
import { Failed } from '@strongroom/bytes';
import { wrappingContext, type WrappedKey } from '@strongroom/evidence';
import { SegmentKeys } from '../commit/segment-keys.ts';
import { SYSTEM_DISK, type Disk } from '../disk.ts';
import type { SegmentWriter } from '../commit/segment-writer.ts';

/** Gives data keys for reading: those of open segments from memory, others by the HSM, by a hold's key where the bucket's is gone. Throws `Failed('read.no-key')`. */
export function dataKeyReader(
  directory: string, origin: string, unwrap: (keyId: string, wrapped: WrappedKey, aad: Buffer) => Promise<Buffer>, open: () => Iterable<SegmentWriter>, disk: Disk = SYSTEM_DISK,
): (segment: string) => Promise<Buffer> {
  const wraps = new SegmentKeys(disk, directory, origin);
  return async (segment) => {
    for (const { name, dataKey } of open()) if (name === segment) return dataKey;
    const wrapped = wraps.any(segment);
    if (wrapped === null) throw new Failed('read.no-key', `the data key of segment ${segment} is missing`, { why: `${segment}.key is not in secrets/vault`, fix: 'restore it from a backup of secrets/vault' });
    return unwrap(wrapped.keyId, wrapped, wrappingContext(origin, segment, wrapped.keyId));
  };
}
