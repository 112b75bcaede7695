// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { entryPath, rootAt } from './log-proof.ts';
import { LogTree } from './log-tree.ts';
import { leafHash, rootOf, verifyInclusion } from './merkle.ts';
import { tilePath, tilesOf } from './tiles.ts';

const SIZES = [0, 1, 2, 3, 255, 256, 257, 511, 512, 513, 1000, 65_535, 65_536, 65_537, 66_000];
const entry = (index: number): Buffer => Buffer.from(`entry ${index}`);
const leaves = Buffer.concat(Array.from({ length: SIZES.at(-1)! }, (_, i) => leafHash(entry(i))));

/** Grows a log through all sizes; calls at each of them with the files that a directory would have then. */
function grow(at: (size: number, tree: LogTree, files: Map<string, Buffer>) => void): void {
  const tree = new LogTree();
  const files = new Map<string, Buffer>();
  for (const size of SIZES) {
    while (tree.size < size) tree.append(entry(tree.size));
    for (const path of files.keys()) if (path.includes('.p/')) files.delete(path);
    for (const file of tree.takeFiles()) files.set(file.path, file.bytes);
    at(size, tree, files);
  }
}

test('the root is the tree head over all entries, at every edge of tiles', () => {
  grow((size, tree) => assert.ok(tree.root().equals(rootOf(leaves.subarray(0, 32 * size))), `size ${size}`));
});

test('the files are exactly the tiles of that size, and a tree that is loaded from them goes on alike', () => {
  grow((size, tree, files) => {
    const tiles = [...tilesOf(size)].map((tile) => tilePath(tile.level, tile.index, tile.width));
    assert.deepEqual([...files.keys()].filter((path) => !path.includes('entries')).toSorted(), tiles.toSorted());
    const loaded = LogTree.load(size, (path) => files.get(path)!);
    assert.ok(loaded.root().equals(tree.root()));
    for (let i = 0; i < 300; i += 1) loaded.append(entry(size + i));
    const expected = rootOf(Buffer.concat([leaves.subarray(0, 32 * size), ...Array.from({ length: 300 }, (_, i) => leafHash(entry(size + i)))]));
    assert.ok(loaded.root().equals(expected), `size ${size}`);
  });
});

test('audit paths and older roots come out of the tiles', () => {
  grow((size, tree, files) => {
    const read = ({ level, index, width }: { level: number; index: number; width: number }): Buffer => files.get(tilePath(level, index, width))!;
    for (const index of new Set([0, 1, 254, 255, 256, 65_535, size - 1])) {
      if (index < 0 || index >= size) continue;
      verifyInclusion(leafHash(entry(index)), index, size, entryPath(index, size, read), tree.root());
    }
    for (const older of SIZES) if (older <= size) assert.ok(rootAt(older, size, read).equals(rootOf(leaves.subarray(0, 32 * older))), `${older} of ${size}`);
  });
});

test('tiles and bundles of another width are refused', () => {
  grow((size, _, files) => {
    if (size !== 257) return;
    const cut = (path: string) => (asked: string) => (asked === path ? files.get(asked)!.subarray(0, -1) : files.get(asked)!);
    assert.throws(() => LogTree.load(size, cut('tile/0/001.p/1')), { name: 'Refused', code: 'tiles.tile' });
    assert.throws(() => LogTree.load(size, cut('tile/entries/001.p/1')), { name: 'Refused', code: 'bytes.truncated' });
  });
});

test('an entry that no bundle can hold is a mistake of ours', () => {
  assert.throws(() => new LogTree().append(Buffer.alloc(65_536)), { name: 'Bug', code: 'log.entry-too-long' });
});
