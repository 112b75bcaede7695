// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import vectors from '../vectors/tiles.json' with { type: 'json' };
import { bundlePath, decodeBundle, edgeOf, encodeBundle, tilePath, tilesOf } from './tiles.ts';

for (const { level, index, width, tile, bundle } of vectors.paths) {
  test(`the place of ${tile}`, () => {
    assert.equal(tilePath(level, index, width), tile);
    assert.equal(bundlePath(index, width), bundle);
  });
}

for (const { size, count, edge } of vectors.tilesOf) {
  test(`the tiles of ${size} entries`, () => {
    const all = [...tilesOf(size)];
    const partial = [...edgeOf(size)];
    assert.equal(all.length, count);
    assert.deepEqual(partial.map((tile) => tilePath(tile.level, tile.index, tile.width)), edge);
    assert.deepEqual(all.filter((tile) => tile.width < 256), partial);
  });
}

test('a bundle is written and read', () => {
  const entries = vectors.bundle.entries.map((entry) => Buffer.from(entry, 'hex'));
  assert.equal(encodeBundle(entries).toString('hex'), vectors.bundle.hex);
  assert.deepEqual(decodeBundle(Buffer.from(vectors.bundle.hex, 'hex'), 3), entries);
});

for (const { name, code, width, hex } of vectors.refused) {
  test(`a bundle is refused: ${name}`, () => {
    assert.throws(() => decodeBundle(Buffer.from(hex, 'hex'), width), { name: 'Refused', code });
  });
}
