// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { hash, randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { leavesOf, recordLeaf, recordsOf, saltsOf, type BatchRun } from './batch.ts';
import { nodeHash, rootOf } from './merkle.ts';
import { LANE_RECORD_MAX, foldPairs } from './sha256-lanes.ts';

function runOf(lengths: readonly number[], firstSequence: number): BatchRun {
  const bytes = Buffer.alloc(lengths.length * 4);
  lengths.forEach((length, i) => bytes.writeUInt32BE(length, i * 4));
  return { context: randomBytes(180), firstSequence, count: lengths.length, lengths: bytes, data: randomBytes(lengths.reduce((sum, length) => sum + length, 0)) };
}

function around(longest: number): number[] {
  return Array.from({ length: 20 }, (_, i) => (i === 11 ? longest : 30 + i));
}

/** Each leaf by the native hash, from its definition. */
function expected(seed: Buffer, runs: readonly BatchRun[]): Buffer {
  const count = runs.reduce((sum, run) => sum + run.count, 0);
  const salts = saltsOf(seed, count);
  return Buffer.concat([...recordsOf(runs)].map(({ index, context, sequence, raw }) => recordLeaf(salts.subarray(index * 16, index * 16 + 16), context, sequence, raw)));
}

describe('hashing in lanes', () => {
  it('gives the leaves that the native hash gives, for every length around block ends', () => {
    const seed = randomBytes(32);
    const lengths = Array.from({ length: 400 }, (_, i) => i);
    const runs = [runOf(lengths, 0), runOf(lengths.toReversed(), 7), runOf([...lengths, 5, 6, 7], 0xffff_0000)];
    assert.ok(leavesOf(seed, runs).equals(expected(seed, runs)));
  });

  it('does so at the longest record of a lane, one beyond, and where the low half of a sequence wraps', () => {
    const seed = randomBytes(32);
    const runs = [runOf(around(LANE_RECORD_MAX), 3), runOf(around(LANE_RECORD_MAX + 1), 3), runOf(around(0), 0xffff_fffa), runOf(around(0), 2 ** 40 + 5)];
    assert.ok(leavesOf(seed, runs).equals(expected(seed, runs)));
  });

  it('gives random runs the same leaves in any mixture of sizes', () => {
    const seed = randomBytes(32);
    for (let trial = 0; trial < 50; trial += 1) {
      const runs = [...randomBytes(5)].map((count) => runOf([...randomBytes(count + 1)].map((byte) => byte * 3), count));
      assert.ok(leavesOf(seed, runs).equals(expected(seed, runs)), `trial ${trial}`);
    }
  });

  it('gives the inner nodes that the native hash gives, and the same root at every size', () => {
    const level = randomBytes(64 * 40);
    const nodes = Buffer.concat(Array.from({ length: 40 }, (_, i) => nodeHash(level.subarray(i * 64, i * 64 + 32), level.subarray(i * 64 + 32, i * 64 + 64))));
    const folded = Buffer.from(level);
    foldPairs(folded, 40);
    assert.ok(folded.subarray(0, 40 * 32).equals(nodes));
    for (const size of [1, 2, 3, 31, 32, 33, 100, 1000, 4097]) {
      const leaves = randomBytes(size * 32);
      assert.ok(rootOf(leaves).equals(recursive(leaves)), `size ${size}`);
    }
  });
});

/** RFC 6962 section 2.1, as it stands there. */
function recursive(leaves: Buffer): Buffer {
  const count = leaves.length / 32;
  if (count === 1) return leaves;
  const split = 2 ** Math.ceil(Math.log2(count) - 1) * 32;
  return hash('sha256', Buffer.concat([Buffer.of(1), recursive(leaves.subarray(0, split)), recursive(leaves.subarray(split))]), 'buffer');
}
