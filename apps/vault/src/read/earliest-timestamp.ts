// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { TIMESTAMP_FILE, readCheckpoint, type ProofTimestamp } from '@strongroom/evidence';
import { listDirectory, readWhole, type Disk } from '../disk.ts';

/**
 * The earliest timestamp whose checkpoint covers an entry, or null. `pathIn`: the entry's audit path in the tree of a size.
 * A checkpoint is kept before its answer, so where there is an answer there are both.
 */
export function earliestTimestamp(disk: Disk, directory: string, entry: number, pathIn: (size: number) => readonly Buffer[]): ProofTimestamp | null {
  const sizes = listDirectory(disk, directory).map((name) => TIMESTAMP_FILE.exec(name)).filter((match) => match?.[2] === 'tsr').map((match) => Number(match![1]));
  const size = Math.min(...sizes.filter((one) => one > entry));
  if (size === Infinity) return null;
  const [note, response] = [readWhole(disk, join(directory, `${size}.checkpoint`)), readWhole(disk, join(directory, `${size}.tsr`))];
  if (note === null || response === null) return null;
  const checkpoint = note.toString('utf8');
  const covers = readCheckpoint(checkpoint.slice(0, checkpoint.lastIndexOf('\n\n') + 1)).size;
  return { checkpoint, path: pathIn(covers).map((hash) => hash.toString('base64')), response: response.toString('base64') };
}
