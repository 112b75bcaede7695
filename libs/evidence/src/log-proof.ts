// SPDX-License-Identifier: Apache-2.0
// RFC 6962 audit paths out of tiles.
import { Refused, invariant } from '@strongroom/bytes';
import { HASH_BYTES, nodeHash, rootOf } from './merkle.ts';
import { TILE_WIDTH, type Tile } from './tiles.ts';

const TILE_HEIGHT = 8;

/** Gives a tile's hashes laid end to end. */
export type ReadTile = (tile: Tile) => Buffer;

/** The audit path of entry `index` in the log of `size` entries, nearest sibling first (RFC 6962 section 2.1.1). */
export function entryPath(index: number, size: number, read: ReadTile): Buffer[] {
  invariant(index >= 0 && index < size, 'log.index', `entry ${index} of ${size}`);
  const path: Buffer[] = [];
  for (let [start, end] = [0, size]; end - start > 1; ) {
    const split = start + largestPowerBelow(end - start);
    path.push(index < split ? rangeHash(split, end, size, read) : rangeHash(start, split, size, read));
    [start, end] = index < split ? [start, split] : [split, end];
  }
  return path.reverse();
}

/** The proof that a log of `size` entries extends that of its first `older` (RFC 6962 section 2.1.2); empty when `older` is 0 or `size`. */
export function consistencyPath(older: number, size: number, read: ReadTile): Buffer[] {
  invariant(older >= 0 && older <= size, 'log.sizes', `${older} of ${size} entries`);
  return older === 0 ? [] : subproof(older, 0, size, true, size, read);
}

/**
 * The proof that the entries [start, end) are a subtree of the log of `size` entries, nearest sibling first: the subtree
 * consistency proof of draft-ietf-plants-merkle-tree-certs for subtrees that begin at a multiple of {@link TILE_WIDTH} and
 * are that wide, or end the log.
 */
export function subtreePath(start: number, end: number, size: number, read: ReadTile): Buffer[] {
  invariant(start >= 0 && start < end && end <= size, 'log.subtree', `entries ${start} to ${end} of ${size}`);
  const path: Buffer[] = [];
  for (let [from, to] = [0, size]; from !== start || to !== end; ) {
    const split = from + largestPowerBelow(to - from);
    invariant(end <= split || split <= start, 'log.subtree', `entries ${start} to ${end} of ${size}`);
    path.push(end <= split ? rangeHash(split, to, size, read) : rangeHash(from, split, size, read));
    [from, to] = end <= split ? [from, split] : [split, to];
  }
  return path.reverse();
}

/** Whether `hash` is the head over entries [start, end) of the log of `size` entries with this root. Throws `Refused('merkle.subtree')`. */
export function verifySubtree(hash: Buffer, start: number, end: number, size: number, path: readonly Buffer[], root: Buffer): void {
  const steps: boolean[] = [];
  const refused = (): Refused => new Refused('merkle.subtree', `entries ${start} to ${end} are not those of the log of ${size}`);
  if (start < 0 || start >= end || end > size || path.some((node) => node.length !== HASH_BYTES)) throw refused();
  for (let [from, to] = [0, size]; from !== start || to !== end; ) {
    const split = from + largestPowerBelow(to - from);
    if (split > start && end > split) throw refused();
    steps.push(end <= split);
    [from, to] = end <= split ? [from, split] : [split, to];
  }
  if (steps.length !== path.length) throw refused();
  const top = path.reduce((node, sibling, i) => (steps[steps.length - 1 - i] === true ? nodeHash(node, sibling) : nodeHash(sibling, node)), hash);
  if (!top.equals(root)) throw refused();
}

/** `whole`: the older tree is all that lies left in this subtree, so its head is known to who checks. */
function subproof(older: number, start: number, end: number, whole: boolean, size: number, read: ReadTile): Buffer[] {
  if (older === end) return whole ? [] : [rangeHash(start, end, size, read)];
  const split = start + largestPowerBelow(end - start);
  return older <= split
    ? [...subproof(older, start, split, whole, size, read), rangeHash(split, end, size, read)]
    : [...subproof(older, split, end, false, size, read), rangeHash(start, split, size, read)];
}

/** The tree head of the first `size` entries of a log that has at least as many. */
export function rootAt(size: number, logSize: number, read: ReadTile): Buffer {
  return size === 0 ? rootOf(Buffer.alloc(0)) : rangeHash(0, size, logSize, read);
}

/** The tree head over entries [start, end), where start is a multiple of the power of two that covers the range. */
function rangeHash(start: number, end: number, size: number, read: ReadTile): Buffer {
  const width = end - start;
  if (!Number.isInteger(Math.log2(width))) {
    const split = start + largestPowerBelow(width);
    return nodeHash(rangeHash(start, split, size, read), rangeHash(split, end, size, read));
  }
  const height = Math.log2(width);
  // A perfect subtree of height 8 or more stands as one hash in a tile further up, once it is whole.
  const level = Math.floor(height / TILE_HEIGHT);
  const first = start / 2 ** (level * TILE_HEIGHT);
  const index = Math.floor(first / TILE_WIDTH);
  const nodes = Math.floor(size / 2 ** (level * TILE_HEIGHT));
  const tile = read({ level, index, width: Math.min(TILE_WIDTH, nodes - index * TILE_WIDTH) });
  const at = (first % TILE_WIDTH) * HASH_BYTES;
  return rootOf(tile.subarray(at, at + 2 ** (height % TILE_HEIGHT) * HASH_BYTES));
}

function largestPowerBelow(n: number): number {
  return 2 ** Math.ceil(Math.log2(n) - 1);
}
