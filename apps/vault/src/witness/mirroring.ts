// SPDX-License-Identifier: Apache-2.0
// What a mirror is sent of the store: entries with the proof of their place, and octets of segments, which stay encrypted.
import { open } from 'node:fs/promises';
import { Refused } from '@strongroom/bytes';
import { bundlePath, decodeBundle, subtreePath, tilePath, TILE_WIDTH, type EntryPackage } from '@strongroom/evidence';
import type { LogDirectory } from '../commit/log-directory.ts';
import { partsOf } from '../commit/segment-parts.ts';
import type { Disk } from '../disk.ts';

/** Octets of a segment in one answer: in base64 and JSON they fit a line of a remote call. */
export const SEGMENT_BYTES_MAX: number = 4 * 1024 * 1024;

/** Entries [start, end) of one bundle, and the proof that the bundle up to `end` is a subtree of the log of `size` entries. */
export function packageOf(log: LogDirectory, start: number, end: number, size: number): EntryPackage {
  const bundle = Math.floor(start / TILE_WIDTH);
  const base = bundle * TILE_WIDTH;
  if (!(start < end && end <= size && end - base <= TILE_WIDTH)) throw new Refused('witness.sizes', `there is no package of entries ${start} to ${end} of ${size}`);
  const width = Math.min(TILE_WIDTH, size - base);
  const entries = decodeBundle(log.read(bundlePath(bundle, width)), width).slice(start - base, end - base);
  return { entries, proof: subtreePath(base, end, size, (tile) => log.read(tilePath(tile.level, tile.index, tile.width))) };
}

/** Up to `length` logical octets of a segment from `offset`; fewer where it ends. Read beside sealing. */
export async function segmentOctets(disk: Disk, directory: string, segment: string, offset: number, length: number): Promise<Buffer> {
  if (!/^[0-9a-f]{16}$/.test(segment)) throw new Refused('witness.segment', 'that is no segment');
  const parts = partsOf(disk, directory, segment);
  const at = parts.findLastIndex((part) => part.offset <= offset);
  const part = parts[at];
  if (part === undefined) throw new Refused('witness.segment', `segment ${segment} is not here`);
  const end = Math.min(offset + Math.min(length, SEGMENT_BYTES_MAX), parts[at + 1]?.offset ?? Infinity);
  const bytes = Buffer.allocUnsafe(end - offset);
  const file = await open(part.path, 'r');
  try {
    const { bytesRead } = await file.read(bytes, 0, bytes.length, offset - part.offset);
    return bytes.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
