// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { Failed } from '@strongroom/bytes';
import { decodeWrappedKey, wrappingContext, type WrappedKey } from '@strongroom/evidence';
import { SYSTEM_DISK, readWhole } from '../disk.ts';
import type { SegmentWriter } from '../commit/segment-writer.ts';

/** Gives data keys for reading: those of open segments from memory, others by the HSM. Throws `Failed('read.no-key')`. */
export function dataKeyReader(
  directory: string, origin: string, unwrap: (keyId: string, wrapped: WrappedKey, aad: Buffer) => Promise<Buffer>, open: () => Iterable<SegmentWriter>,
): (segment: string) => Promise<Buffer> {
  return async (segment) => {
    for (const { name, dataKey } of open()) if (name === segment) return dataKey;
    const bytes = readWhole(SYSTEM_DISK, join(directory, `${segment}.key`));
    if (bytes === null) throw new Failed('read.no-key', `the data key of segment ${segment} is missing`, { why: `${segment}.key is not in secrets/vault`, fix: 'restore it from a backup of secrets/vault' });
    const wrapped = decodeWrappedKey(bytes);
    return unwrap(wrapped.keyId, wrapped, wrappingContext(origin, segment, wrapped.keyId));
  };
}
