// SPDX-License-Identifier: Apache-2.0
// The files that make up a segment: one, or more where recovery rewrote a tail (docs/FORMAT.md section 3).
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { parsePartName, partName, segmentName, type CloseEntry, type OpenSegment } from '@strongroom/evidence';
import { listDirectory, readRange, type Disk } from '../disk.ts';

export interface Part {
  readonly path: string;
  readonly offset: number;
  readonly isRecovered: boolean;
}

export function partsOf(disk: Disk, directory: string, segment: string): Part[] {
  return listDirectory(disk, directory)
    .map((name) => ({ name, parsed: parsePartName(name) }))
    .filter(({ parsed }) => parsed?.segment === segment)
    .map(({ name, parsed }) => ({ path: join(directory, name), offset: parsed!.offset, isRecovered: name !== partName(segment, 0) }))
    .sort((a, b) => a.offset - b.offset || Number(a.isRecovered) - Number(b.isRecovered));
}

/** The closing entry of a segment that ends without a final frame. Reads it whole: at most one segment's size. */
export function tornEntry(disk: Disk, directory: string, { id, length, frames }: OpenSegment): CloseEntry {
  const segment = segmentName(id);
  return { kind: 'close', segment, frames, length, digest: digestOf(disk, partsOf(disk, directory, segment), length), state: 'torn' };
}

/** SHA-256 over the logical bytes of a segment, [0, length). */
function digestOf(disk: Disk, parts: readonly Part[], length: number): Buffer {
  const digest = createHash('sha256');
  parts.forEach((part, i) => {
    const end = Math.min(parts[i + 1]?.offset ?? length, length);
    for (const bytes of readRange(disk, part.path, 0, Math.max(0, end - part.offset))) digest.update(bytes);
  });
  return digest.digest();
}

