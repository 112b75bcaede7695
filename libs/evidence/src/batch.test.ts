// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import leaf from '../vectors/leaf.json' with { type: 'json' };
import vectors from '../vectors/batch.json' with { type: 'json' };
import { batchRoot, decodeBatch, encodeBatch, leavesOf, recordLeaf, recordsOf, saltsOf, type BatchRun } from './batch.ts';
import { EMPTY_ROOT, rootOf } from './merkle.ts';

const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex');

function runOf(context: Buffer, firstSequence: number, raws: readonly Buffer[]): BatchRun {
  const lengths = Buffer.alloc(raws.length * 4);
  raws.forEach((raw, i) => lengths.writeUInt32BE(raw.length, i * 4));
  return { context, firstSequence, count: raws.length, lengths, data: Buffer.concat(raws) };
}

test('salts are the keystream under the seed', () => {
  const salts = saltsOf(bytes(leaf.seed), 1001);
  for (const { index, salt } of leaf.leaves) assert.equal(salts.subarray(index * 16, index * 16 + 16).toString('hex'), salt);
  assert.equal(salts.subarray(16_000).toString('hex'), leaf.salt1000);
});

test('a leaf covers salt, context, sequence and bytes', () => {
  for (const { salt, sequence, raw, leaf: expected } of [...leaf.leaves, leaf.sequenceAbove32Bits]) {
    assert.equal(recordLeaf(bytes(salt), bytes(leaf.context), sequence, bytes(raw)).toString('hex'), expected);
  }
});

test('the leaves of a batch are those of its records, one by one', () => {
  const seed = randomBytes(32);
  const runs = [0, 2 ** 32 - 3, 2 ** 52].map((first) => runOf(randomBytes(60), first, Array.from({ length: 7 }, (_, i) => randomBytes([0, 1, 300, 70_000, 5, 64, 200_000][i]!))));
  const salts = saltsOf(seed, 21);
  const expected = [...recordsOf(runs)].map(({ index, context, sequence, raw }) => recordLeaf(salts.subarray(index * 16, index * 16 + 16), context, sequence, raw));
  assert.ok(leavesOf(seed, runs).equals(Buffer.concat(expected)));
  assert.ok(batchRoot(seed, runs).equals(rootOf(Buffer.concat(expected))));
});

for (const { name, seed, runs, hex, root } of vectors.vectors) {
  test(`a batch is written and read: ${name}`, () => {
    const built = runs.map((run) => runOf(bytes(run.context), run.firstSequence, run.records.map(bytes)));
    assert.equal(encodeBatch(bytes(seed), built).toString('hex'), hex);
    assert.deepEqual(decodeBatch(bytes(hex)), { seed: bytes(seed), runs: built });
    assert.equal(batchRoot(bytes(seed), built).toString('hex'), root);
    assert.deepEqual([...recordsOf(decodeBatch(bytes(hex)).runs)].map((record) => record.raw.toString('hex')), runs.flatMap((run) => run.records));
  });
}

test('a batch of nothing has the root of nothing', () => {
  assert.ok(batchRoot(Buffer.alloc(32), []).equals(EMPTY_ROOT));
});

for (const { name, code, hex } of vectors.refused) {
  test(`a batch is refused: ${name}`, () => {
    assert.throws(() => decodeBatch(bytes(hex)), { name: 'Refused', code });
  });
}

test('a seed of another length is a mistake of ours', () => {
  assert.throws(() => encodeBatch(Buffer.alloc(16), []), { name: 'Bug', code: 'batch.seed' });
});
