// SPDX-License-Identifier: Apache-2.0
// The files that make up a segment: one, or more where recovery rewrote a tail (docs/FORMAT.md section 3).
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { parsePartName, partName, segmentName, type CloseEntry, type OpenSegment } from '@strongroom/evidence';
import { listDirectory, readRange, type Disk } from '../disk.ts';
import type { Pace } from './slices.ts';

export interface Part {
  readonly path: string;
  readonly offset: number;
  readonly isRecovered: boolean;
}

export function partsOf(disk: Disk, directory: string, segment: string): Part[] {
  return partsBySegment(disk, directory).get(segment) ?? [];
}

/** Of all segments, for who asks of many: the directory is listed once. */
export function partsBySegment(disk: Disk, directory: string): Map<string, Part[]> {
  const parts = new Map<string, Part[]>();
  for (const name of listDirectory(disk, directory)) {
    const parsed = parsePartName(name);
    if (parsed === null) continue;
    const of = parts.get(parsed.segment) ?? [];
    parts.set(parsed.segment, of);
    of.push({ path: join(directory, name), offset: parsed.offset, isRecovered: name !== partName(parsed.segment, 0) });
  }
  for (const of of parts.values()) of.sort((a, b) => a.offset - b.offset || Number(a.isRecovered) - Number(b.isRecovered));
  return parts;
}

/** The closing entry of a segment that ends without a final frame. Reads it whole: at most one segment's size. */
export async function tornEntry(disk: Disk, directory: string, { id, length, frames }: OpenSegment, pace: Pace): Promise<CloseEntry> {
  const segment = segmentName(id);
  return { kind: 'close', segment, frames, length, digest: await digestOf(disk, partsOf(disk, directory, segment), length, pace), state: 'torn' };
}

/** SHA-256 over the logical bytes of a segment, [0, length). */
async function digestOf(disk: Disk, parts: readonly Part[], length: number, pace: Pace): Promise<Buffer> {
  const digest = createHash('sha256');
  for (const [i, part] of parts.entries()) {
    const end = Math.min(parts[i + 1]?.offset ?? length, length);
    for (const bytes of readRange(disk, part.path, 0, Math.max(0, end - part.offset))) {
      digest.update(bytes);
      await pace(bytes.length);
    }
  }
  return digest.digest();
}

