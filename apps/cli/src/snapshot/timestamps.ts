// SPDX-License-Identifier: Apache-2.0
import { TIMESTAMP_FILE, type StoreReader } from '@strongroom/evidence';
import { damaged } from './covered.ts';
import type { SnapshotSink } from './target.ts';

/** Either file of a timestamp has at most so much. */
const FILE_BYTES_MAX = 64 * 1024;

/** Copies the timestamps of checkpoints that the snapshot covers. Returns how many. */
export function copyTimestamps(store: StoreReader, logSize: number, target: SnapshotSink): number {
  const sizes = store.list('timestamps').map((name) => TIMESTAMP_FILE.exec(name)).filter((match) => match?.[2] === 'tsr').map((match) => Number(match![1]));
  const covered = sizes.filter((size) => size <= logSize);
  for (const size of covered) {
    for (const path of [`timestamps/${size}.checkpoint`, `timestamps/${size}.tsr`]) {
      const octets = store.sizeOf(path);
      if (octets === null || octets > FILE_BYTES_MAX) throw damaged(path, octets === null ? 'it is missing' : `it has ${octets} octets, the limit is ${FILE_BYTES_MAX}`);
      target.write(path, store.readFile(path)!);
    }
  }
  return covered.length;
}
