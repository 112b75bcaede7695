// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import vectors from '../vectors/rotation.json' with { type: 'json' };
import { openCheckpoint, parseVkey } from './note.ts';
import { linkRotations, readRotation } from './rotation.ts';
import { decodeTlogProof, encodeTlogProof } from './tlog-proof.ts';

const rotations = vectors.rotations.map(readRotation);

test('a rotation is read, and written the same', () => {
  assert.deepEqual(rotations.map(({ checkpoint, entry }) => [checkpoint.size, entry.from, entry.to]), [[6, vectors.vkeys[0], vectors.vkeys[1]], [10, vectors.vkeys[1], vectors.vkeys[2]]]);
  for (const text of vectors.rotations) assert.equal(encodeTlogProof(decodeTlogProof(text)), text);
});

for (const [i, vkey] of vectors.vkeys.entries()) {
  test(`who trusts key ${i + 1} of three is led to the others, whatever the order`, () => {
    for (const given of [rotations, rotations.toReversed(), [...rotations, ...rotations]]) {
      const { epochs } = linkRotations(parseVkey(vkey), given);
      assert.deepEqual(epochs.map(({ from, to }) => [from, to === Infinity ? null : to]), vectors.epochs);
    }
  });
}

const chain = linkRotations(parseVkey(vectors.vkeys[0]!), rotations);
for (const { by, size, note, code } of vectors.checkpoints) {
  test(`a checkpoint of ${size} entries by ${by} ${code === undefined ? 'counts' : 'does not count'}`, () => {
    if (code === undefined) assert.equal(openCheckpoint(note, chain).size, size);
    else assert.throws(() => openCheckpoint(note, chain), { name: 'Refused', code });
  });
}

for (const { name, code, text } of vectors.refused) {
  test(`a rotation is refused: ${name}`, () => {
    assert.throws(() => readRotation(text), { name: 'Refused', code });
  });
}

test('a key that leads nowhere, or whose way is broken, stands alone', () => {
  assert.equal(linkRotations(parseVkey(vectors.vkeys[2]!), rotations.slice(0, 1)).epochs.length, 1);
  assert.deepEqual(linkRotations(parseVkey(vectors.vkeys[0]!), rotations.slice(1)).rotations, []);
});
