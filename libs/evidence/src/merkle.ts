// SPDX-License-Identifier: Apache-2.0
// RFC 6962 section 2.1 (RFC 9162 section 2.1): SHA-256 trees, inclusion and consistency.
import { hash } from 'node:crypto';
import { Refused, invariant } from '@strongroom/bytes';
import { bulkHasher } from './hasher.ts';
import { foldPairs } from './sha256-lanes.ts';

export const HASH_BYTES = 32;
/** Fewer pairs are not worth the way into WebAssembly's memory. */
const LANES_FROM = 16;
export const EMPTY_ROOT: Buffer = hash('sha256', '', 'buffer');

/** SHA-256(0x00 ‖ data). */
export function leafHash(data: Buffer): Buffer {
  const input = Buffer.allocUnsafe(data.length + 1);
  input[0] = 0;
  data.copy(input, 1);
  return hash('sha256', input, 'buffer');
}

const pair = Buffer.allocUnsafe(1 + 2 * HASH_BYTES);
pair[0] = 1;

/** SHA-256(0x01 ‖ left ‖ right). */
export function nodeHash(left: Buffer, right: Buffer): Buffer {
  left.copy(pair, 1);
  right.copy(pair, 33);
  return hash('sha256', pair, 'buffer');
}

/** The tree head over leaf hashes laid end to end. The input is left as it was. */
export function rootOf(leaves: Buffer): Buffer {
  if (leaves.length === 0) return EMPTY_ROOT;
  const level = Buffer.from(leaves);
  let count = leafCount(leaves);
  while (count > 1) count = foldLevel(level, count);
  return Buffer.from(level.subarray(0, HASH_BYTES));
}

/** Replaces a level by the one above, in place; an odd last node moves up unhashed. Returns how many nodes it has. */
function foldLevel(level: Buffer, count: number): number {
  const pairs = count >>> 1;
  const inBulk = foldInBulk(level, pairs);
  for (let i = inBulk; i < pairs; i += 1) {
    level.copy(pair, 1, i * 64, i * 64 + 64);
    // As a latin1 string the digest costs about half of what a Buffer does.
    level.write(hash('sha256', pair, 'latin1'), i * HASH_BYTES, 'latin1');
  }
  if (count % 2 === 1) level.copy(level, pairs * HASH_BYTES, (count - 1) * HASH_BYTES, count * HASH_BYTES);
  return pairs + (count % 2);
}

/** As many of the pairs as are worth it. Returns how many. */
function foldInBulk(level: Buffer, pairs: number): number {
  const hasher = bulkHasher();
  const count = hasher !== undefined ? pairs : pairs < LANES_FROM ? 0 : pairs - (pairs % 4);
  if (count === 0) return 0;
  if (hasher === undefined) foldPairs(level, count);
  else hasher.nodes(level, count);
  return count;
}

/** The audit path of leaf `index`, nearest sibling first. */
export function inclusionPath(leaves: Buffer, index: number): Buffer[] {
  let count = leafCount(leaves);
  invariant(index >= 0 && index < count, 'merkle.index', `leaf ${index} of ${count}`);
  const level = Buffer.from(leaves);
  const path: Buffer[] = [];
  for (let at = index; count > 1; at >>>= 1) {
    const sibling = at ^ 1;
    if (sibling < count) path.push(Buffer.from(level.subarray(sibling * HASH_BYTES, (sibling + 1) * HASH_BYTES)));
    count = foldLevel(level, count);
  }
  return path;
}

function leafCount(leaves: Buffer): number {
  invariant(leaves.length % HASH_BYTES === 0, 'merkle.leaves', 'leaf hashes are 32 octets each');
  return leaves.length / HASH_BYTES;
}

/** RFC 9162 section 2.1.3.2. Throws `Refused('merkle.inclusion')`. */
export function verifyInclusion(leaf: Buffer, index: number, size: number, path: readonly Buffer[], root: Buffer): void {
  if (index < 0 || index >= size || path.some((node) => node.length !== HASH_BYTES)) throw notIncluded(index, size);
  let [at, last, node] = [index, size - 1, leaf];
  for (const sibling of path) {
    if (last === 0) throw notIncluded(index, size);
    if (at % 2 === 1 || at === last) {
      node = nodeHash(sibling, node);
      while (at % 2 === 0 && at !== 0) [at, last] = [half(at), half(last)];
    } else {
      node = nodeHash(node, sibling);
    }
    [at, last] = [half(at), half(last)];
  }
  if (last !== 0 || !node.equals(root)) throw notIncluded(index, size);
}

function notIncluded(index: number, size: number): Refused {
  return new Refused('merkle.inclusion', `the path does not lead from leaf ${index} to the root of ${size}`);
}

/** RFC 9162 section 2.1.4.2: the tree of `newSize` extends the tree of `oldSize`. Throws `Refused('merkle.consistency')`. */
export function verifyConsistency(oldSize: number, oldRoot: Buffer, newSize: number, newRoot: Buffer, path: readonly Buffer[]): void {
  const refused = (): Refused => new Refused('merkle.consistency', `the tree of ${newSize} does not extend the tree of ${oldSize}`);
  if (oldSize > newSize || path.some((node) => node.length !== HASH_BYTES)) throw refused();
  if (oldSize === newSize || oldSize === 0) {
    if (path.length !== 0 || (oldSize === newSize && !oldRoot.equals(newRoot))) throw refused();
    return;
  }
  const nodes = isPowerOfTwo(oldSize) ? [oldRoot, ...path] : [...path];
  let [at, last] = [oldSize - 1, newSize - 1];
  while (at % 2 === 1) [at, last] = [half(at), half(last)];
  const first = nodes.shift();
  if (first === undefined) throw refused();
  let [older, newer] = [first, first];
  for (const node of nodes) {
    if (last === 0) throw refused();
    if (at % 2 === 1 || at === last) {
      [older, newer] = [nodeHash(node, older), nodeHash(node, newer)];
      while (at % 2 === 0 && at !== 0) [at, last] = [half(at), half(last)];
    } else {
      newer = nodeHash(newer, node);
    }
    [at, last] = [half(at), half(last)];
  }
  if (last !== 0 || !older.equals(oldRoot) || !newer.equals(newRoot)) throw refused();
}

function half(n: number): number {
  return Math.floor(n / 2);
}

/** Exact up to 2^53, where Math.log2 rounds. */
function isPowerOfTwo(n: number): boolean {
  let odd = n;
  while (odd > 1 && odd % 2 === 0) odd /= 2;
  return odd === 1;
}
