// SPDX-License-Identifier: Apache-2.0
// A bundle of the log, held against the hashes in the log's tile: what was changed on the disk is found, and what lies around
// it can still be read.
import { Failed } from '@strongroom/bytes';
import { TILE_WIDTH, bundlePath, decodeBundle, leafHash, tilePath } from '@strongroom/evidence';
import type { LogDirectory } from '../commit/log-directory.ts';

const HASH_BYTES = 32;

/** How many entries of a log of `size` a bundle has. */
export function bundleWidth(bundle: number, size: number): number {
  return Math.min(TILE_WIDTH, size - bundle * TILE_WIDTH);
}

/** Its entries; null for one that is not what was logged. Throws `Failed('vault.log-damaged')`, `Refused`: `tiles.bundle`, `bytes.*`. */
export function checkedBundle(log: LogDirectory, bundle: number, size: number): (Buffer | null)[] {
  const width = bundleWidth(bundle, size);
  const hashes = log.read(tilePath(0, bundle, width));
  const entries = decodeBundle(log.read(bundlePath(bundle, width)), width);
  return entries.map((entry, i) => (leafHash(entry).equals(hashes.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES)) ? entry : null));
}

export function entryDamaged(index: number): Failed {
  return new Failed('vault.log-damaged', `entry ${index} is not what was logged`, { fix: 'run "strongroom verify" to see all damage, and restore the store from a snapshot' });
}
