// SPDX-License-Identifier: Apache-2.0
// Files of the log against each other, a bundle at a time: entries against the hashes of their tile, each full tile against
// the one above it, and at the end of a pass all of it against the signed checkpoint.
import { TILE_WIDTH, bundlePath, decodeBundle, leafHash, openCheckpoint, rootOf, tilePath, HASH_BYTES, type LogKey } from '@strongroom/evidence';
import type { LogDirectory } from '../commit/log-directory.ts';

export interface LogFault {
  /** A path in the store. */
  readonly where: string;
  readonly detail: string;
}

/** Reads what belongs to the bundle `index` of a log of `size` entries. Null: it holds. */
export function bundleFault(log: LogDirectory, index: number, size: number): LogFault | null {
  const width = widthOf(0, index, size);
  const path = bundlePath(index, width);
  try {
    const leaves = Buffer.concat(decodeBundle(log.read(path), width).map(leafHash));
    if (!leaves.equals(log.read(tilePath(0, index, width)))) return { where: `store/log/${path}`, detail: 'its entries and the hashes in its tile differ' };
    return width < TILE_WIDTH ? null : tileFault(log, 0, index, leaves, size);
  } catch (error) {
    return { where: `store/log/${path}`, detail: (error as Error).message };
  }
}

/** A full tile against the hash that the tile above has of it, and so on up where it is the last of that one. */
function tileFault(log: LogDirectory, level: number, index: number, hashes: Buffer, size: number): LogFault | null {
  const [above, slot] = [Math.floor(index / TILE_WIDTH), index % TILE_WIDTH];
  const path = tilePath(level + 1, above, widthOf(level + 1, above, size));
  const tile = log.read(path);
  if (!tile.subarray(slot * HASH_BYTES, (slot + 1) * HASH_BYTES).equals(rootOf(hashes))) return { where: `store/log/${path}`, detail: `its hash ${slot} is not the root of the tile below it` };
  return slot < TILE_WIDTH - 1 ? null : tileFault(log, level + 1, above, tile, size);
}

function widthOf(level: number, index: number, size: number): number {
  return Math.min(TILE_WIDTH, Math.floor(size / TILE_WIDTH ** level) - index * TILE_WIDTH);
}

/** The published checkpoint: its signature, and its root against the right edge of the tiles. */
export function checkpointFault(log: LogDirectory, key: LogKey): LogFault | null {
  const where = 'store/log/checkpoint';
  try {
    const { size, root } = openCheckpoint(log.checkpoint() ?? '', key);
    return log.tree(size).root().equals(root) ? null : { where, detail: 'the tiles have another root than the signed checkpoint' };
  } catch (error) {
    return { where, detail: (error as Error).message };
  }
}
