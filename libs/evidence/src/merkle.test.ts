// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import vectors from '../vectors/merkle.json' with { type: 'json' };
import { EMPTY_ROOT, inclusionPath, leafHash, nodeHash, rootOf, verifyConsistency, verifyInclusion } from './merkle.ts';

const leaves = vectors.leaves.map((data) => leafHash(Buffer.from(data, 'hex')));
const first = (size: number): Buffer => Buffer.concat(leaves.slice(0, size));

test('the roots are those that RFC 6962 logs are tested with', () => {
  vectors.roots.forEach((root, size) => assert.equal(rootOf(first(size)).toString('hex'), root));
  assert.equal(EMPTY_ROOT.toString('hex'), vectors.roots[0]);
});

test('computing a root leaves its input as it was', () => {
  const input = first(7);
  const before = Buffer.from(input);
  rootOf(input);
  inclusionPath(input, 3);
  assert.ok(input.equals(before));
});

for (const { index, size, path } of vectors.inclusion) {
  test(`the path from leaf ${index} of ${size}`, () => {
    assert.deepEqual(inclusionPath(first(size), index).map((node) => node.toString('hex')), path);
    verifyInclusion(leaves[index]!, index, size, path.map((node) => Buffer.from(node, 'hex')), rootOf(first(size)));
  });
}

test('every leaf of every size is included, and at no other place', () => {
  const many = randomBytes(32 * 40);
  for (let size = 1; size <= 40; size += 1) {
    const tree = many.subarray(0, 32 * size);
    const root = rootOf(tree);
    for (let index = 0; index < size; index += 1) {
      const leaf = tree.subarray(32 * index, 32 * index + 32);
      const path = inclusionPath(tree, index);
      verifyInclusion(leaf, index, size, path, root);
      for (const other of [index - 1, index + 1, size]) if (other !== index) refusesInclusion(leaf, other, size, path, root);
      refusesInclusion(leaf, index, size, [...path, leaf], root);
      if (path.length > 0) refusesInclusion(leaf, index, size, path.slice(1), root);
      if (path.length > 0) refusesInclusion(leaf, index, size, [path[0]!.subarray(1), ...path.slice(1)], root);
      refusesInclusion(randomBytes(32), index, size, path, root);
    }
  }
});

function refusesInclusion(leaf: Buffer, index: number, size: number, path: Buffer[], root: Buffer): void {
  assert.throws(() => verifyInclusion(leaf, index, size, path, root), { name: 'Refused', code: 'merkle.inclusion' });
}

/** RFC 9162 section 2.1.4.1, straight from its recursive words. */
function consistencyPath(tree: Buffer, old: number, whole = true): Buffer[] {
  const size = tree.length / 32;
  if (old === size) return whole ? [] : [rootOf(tree)];
  const split = 2 ** Math.ceil(Math.log2(size) - 1);
  const [left, right] = [tree.subarray(0, split * 32), tree.subarray(split * 32)];
  return old <= split ? [...consistencyPath(left, old, whole), rootOf(right)] : [...consistencyPath(right, old - split, false), rootOf(left)];
}

test('every tree extends every older one, and no other', () => {
  const many = randomBytes(32 * 40);
  for (let size = 0; size <= 40; size += 1) {
    const tree = many.subarray(0, 32 * size);
    for (let old = 0; old <= size; old += 1) {
      const oldRoot = rootOf(many.subarray(0, 32 * old));
      const path = old === 0 ? [] : consistencyPath(tree, old);
      verifyConsistency(old, oldRoot, size, rootOf(tree), path);
      refusesConsistency(old, oldRoot, size, rootOf(tree), [...path, oldRoot]);
      if (old > 0) refusesConsistency(old, randomBytes(32), size, rootOf(tree), path);
      if (old > 0) refusesConsistency(old, oldRoot, size, randomBytes(32), path);
      if (path.length > 0) refusesConsistency(old, oldRoot, size, rootOf(tree), path.slice(1));
      if (path.length > 0) refusesConsistency(old, oldRoot, size, rootOf(tree), [path[0]!.subarray(1), ...path.slice(1)]);
    }
  }
  refusesConsistency(2, rootOf(first(2)), 1, rootOf(first(1)), []);
});

function refusesConsistency(old: number, oldRoot: Buffer, size: number, root: Buffer, path: Buffer[]): void {
  assert.throws(() => verifyConsistency(old, oldRoot, size, root, path), { name: 'Refused', code: 'merkle.consistency' });
}

test('a size just above a large power of two is none itself', () => {
  const [a, b] = [randomBytes(32), randomBytes(32)];
  // If 2^50 + 1 passed for a power of two, the old root would stand in for the missing first node of the path.
  refusesConsistency(2 ** 50 + 1, a, 2 ** 50 + 2, nodeHash(a, b), [b]);
});

test('leaves that are not 32 octets each, and an index beyond them, are mistakes of ours', () => {
  assert.throws(() => rootOf(Buffer.alloc(33)), { name: 'Bug', code: 'merkle.leaves' });
  assert.throws(() => inclusionPath(first(2), 2), { name: 'Bug', code: 'merkle.index' });
});
