// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { bulkHasher, leavesOf, rootOf, useBulkHasher, type BatchRun } from '@strongroom/evidence';
import { nativeHasherPath, useNativeHasher } from './native-hasher.ts';

const ROOT = join(import.meta.dirname, '../../..');
const unsupported = existsSync(nativeHasherPath(ROOT)) && !useNativeHasher() ? 'machine: the processor has no SHA instructions' : false;

/** What WebAssembly and the native hash of Node give: the oracle. */
function without<T>(work: () => T): T {
  const hasher = bulkHasher();
  useBulkHasher(undefined);
  try {
    return work();
  } finally {
    useBulkHasher(hasher);
  }
}

function runOf(lengths: readonly number[], firstSequence: number): BatchRun {
  const bytes = Buffer.alloc(lengths.length * 4);
  lengths.forEach((length, i) => bytes.writeUInt32BE(length, i * 4));
  return { context: randomBytes(180), firstSequence, count: lengths.length, lengths: bytes, data: randomBytes(lengths.reduce((sum, length) => sum + length, 0)) };
}

function agree(runs: readonly BatchRun[], what: string): void {
  const seed = randomBytes(32);
  assert.ok(leavesOf(seed, runs).equals(without(() => leavesOf(seed, runs))), what);
}

describe('the SHA-256 addon', { skip: unsupported }, () => {
  after(() => useBulkHasher(undefined));

  it('was built by set-up, and is in use', () => {
    assert.ok(useNativeHasher());
    assert.ok(bulkHasher() !== undefined);
  });

  it('is done without in a process that loads no addons', () => {
    const script = `import { useNativeHasher } from ${JSON.stringify(join(import.meta.dirname, 'native-hasher.ts'))}; console.log(useNativeHasher());`;
    assert.equal(execFileSync(process.execPath, ['--no-addons', '--input-type=module', '-e', script], { encoding: 'utf8' }).trim(), 'false');
  });

  it('gives the leaves of its twin for every length around block ends, in every pairing', () => {
    const lengths = Array.from({ length: 400 }, (_, i) => i);
    agree([runOf(lengths, 0), runOf(lengths.toReversed(), 7), runOf([...lengths, 5], 2 ** 32 - 9)], 'around block ends');
    agree(lengths.map((length) => runOf([length], length)), 'alone');
    agree(lengths.slice(0, 140).map((length) => runOf([length, 139 - length], length)), 'a short one beside a long one');
  });

  it('does so for empty, long and very long records, and sequences up to 2^53', () => {
    agree([runOf([0, 0, 0], 2 ** 53 - 4), runOf([1_000_001, 0, 70_000], 2 ** 52), runOf([0], 0)], 'edges');
  });

  it('gives random runs the same leaves, and random trees the same root', () => {
    for (let trial = 0; trial < 40; trial += 1) agree([...randomBytes(5)].map((count) => runOf([...randomBytes(count + 1)].map((byte) => byte * 3), count)), `trial ${trial}`);
    for (const size of [1, 2, 3, 4, 5, 31, 32, 33, 100, 1000, 4097]) {
      const leaves = randomBytes(size * 32);
      assert.ok(rootOf(leaves).equals(without(() => rootOf(leaves))), `${size} leaves`);
    }
  });

  it('refuses what does not lie in the buffers that it is given, and writes nothing beyond them', () => {
    const { leaves, nodes } = bulkHasher()!;
    const { context: _, count, lengths, data } = runOf([3, 4], 0);
    const run = { context: Buffer.alloc(32), sequence: 0, count, lengths, salts: Buffer.alloc(32), saltAt: 0, data };
    const to = Buffer.alloc(96, 7);
    leaves(run, to, 32);
    assert.ok(to.subarray(0, 32).every((octet) => octet === 7));
    const wrong = [{ count: 3 }, { saltAt: 1 }, { saltAt: 2 ** 53 }, { count: 2 ** 60 }, { data: data.subarray(1) }, { context: Buffer.alloc(31) }, { sequence: -1 }, { lengths: lengths.subarray(1) }];
    for (const change of wrong) assert.throws(() => leaves({ ...run, ...change }, to, 0), RangeError, Object.keys(change)[0]);
    assert.throws(() => leaves(run, to, 33), RangeError);
    assert.throws(() => leaves({ ...run, data: 'text' as unknown as Buffer }, to, 0), RangeError);
    assert.throws(() => nodes(Buffer.alloc(127), 2), RangeError);
  });
});

describe('a bulk hasher', () => {
  it('that hashes anything else is never used', () => {
    const before = bulkHasher();
    assert.throws(() => useBulkHasher({ leaves: () => undefined, nodes: () => undefined }), { code: 'hasher.differs' });
    assert.equal(bulkHasher(), before);
  });
});
