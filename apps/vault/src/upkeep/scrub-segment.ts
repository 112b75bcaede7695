// SPDX-License-Identifier: Apache-2.0
// One closed segment against what the log and the checksum database say of it.
import { createHash } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { TILE_WIDTH, type BatchEntry, type Checksum, type CloseEntry } from '@strongroom/evidence';
import { partsOf, type Part } from '../commit/segment-parts.ts';
import { SYSTEM_DISK } from '../disk.ts';
import type { PublishedLog } from './published-log.ts';
import type { Medium } from './medium.ts';
import type { Pace } from './pace.ts';

/** What is wrong, and from which octet of the segment's logical bytes on. */
export interface Fault {
  readonly offset: number;
  readonly detail: string;
}

export interface SegmentTools {
  readonly segments: string;
  readonly medium: Medium;
  /** The line outside the store; null where there is none, or it cannot be read now. */
  readonly checksum: (segment: string) => Checksum | null;
  readonly spent: Pace['spent'];
}

/** Reads it once. Null: it is what was closed. */
export async function segmentFault(entry: CloseEntry, tools: SegmentTools): Promise<Fault | null> {
  const read = await readSegment(partsOf(SYSTEM_DISK, tools.segments, entry.segment), entry.length, tools);
  if (typeof read !== 'string') return read;
  if (read !== entry.digest.toString('hex')) return { offset: 0, detail: 'its octets do not have the SHA-256 of its closing entry' };
  const kept = tools.checksum(entry.segment);
  if (kept === null || (kept.length === entry.length && kept.digest.equals(entry.digest))) return null;
  return { offset: 0, detail: 'the checksum database holds another SHA-256 or length of it than the log' };
}

/** SHA-256 of the logical octets in hexadecimal, or why they cannot all be read. */
async function readSegment(parts: readonly Part[], length: number, { medium, spent }: SegmentTools): Promise<string | Fault> {
  if (parts[0]?.offset !== 0) return { offset: 0, detail: 'its file is missing' };
  const digest = createHash('sha256');
  let at = 0;
  for (const [i, part] of parts.entries()) {
    const end = Math.min(parts[i + 1]?.offset ?? length, length);
    if (end <= at) continue;
    try {
      for (const piece of medium.pieces(part.path, 0, end - part.offset)) {
        digest.update(piece);
        at += piece.length;
        await spent(piece.length);
      }
    } catch (error) {
      if (!isSystemError(error)) throw error;
      return { offset: at, detail: `it cannot be read: ${error.message}` };
    }
    if (at < end) return { offset: at, detail: `it ends there, and ${length} octets were closed` };
  }
  return digest.digest('hex');
}

/** Where a segment whose whole is wrong begins to be: the first frame that is not the one in the log, else `fault`'s own place. */
export async function locate(entry: CloseEntry, fault: Fault, log: PublishedLog, tools: SegmentTools): Promise<Fault> {
  const parts = partsOf(SYSTEM_DISK, tools.segments, entry.segment);
  let end = 0;
  for (const { index, entry: batch } of log.entries(0)) {
    if (index % TILE_WIDTH === 0) await turn();
    if (batch.kind === 'close' && batch.segment === entry.segment) break;
    if (batch.kind !== 'batch' || batch.segment !== entry.segment) continue;
    if (!(await isWhole(batch, parts, tools))) return { offset: batch.offset, detail: `frame ${batch.frame} is not the one that was sealed` };
    end = batch.offset + batch.length;
  }
  if (fault.offset > 0 || end === 0) return fault;
  // Every frame is good: the header before them or the final frame behind them is not.
  return { offset: end < entry.length ? end : 0, detail: `${fault.detail}; each of its batches is whole, its header or its end is not` };
}

async function isWhole(batch: BatchEntry, parts: readonly Part[], { medium, spent }: SegmentTools): Promise<boolean> {
  const part = parts.findLast(({ offset }) => offset <= batch.offset);
  if (part === undefined) return false;
  const digest = createHash('sha256');
  try {
    for (const piece of medium.pieces(part.path, batch.offset - part.offset, batch.offset - part.offset + batch.length)) {
      digest.update(piece);
      await spent(piece.length);
    }
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return false;
  }
  return digest.digest().equals(batch.digest);
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error;
}
