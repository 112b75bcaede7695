// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { it } from 'node:test';
import { FRAME_PLAIN_MAX, batchRoot, encodeBatch, openFrame, sealFrame, xaesKey } from '@strongroom/evidence';
import type { AdmittedRun } from '../intake/admission.ts';
import { batchesOf, prepareBatches } from './seal.ts';
import { SYSTEM_WORLD } from '../world.ts';

function run(count: number, contextBytes: number, dataBytes: number): AdmittedRun {
  return { context: Buffer.alloc(contextBytes), receivedAt: 1n, firstSequence: 0, count, lengths: Buffer.alloc(4 * count), data: Buffer.alloc(dataBytes), retentionClass: 'default' };
}

it('cuts batches that fit a frame, whatever their runs consist of', () => {
  // Runs share what they are made of here, as a batch's bytes do not.
  const many = [run(1, 200_000, 1), run(1_000_000, 100, 0), run(1, 100, 8_000_000)].flatMap((one) => Array.from({ length: 30 }, () => one));
  let runs = 0;
  for (const batch of batchesOf(many)) {
    runs += batch.length;
    assert.ok(encodeBatch(Buffer.alloc(32), batch).length <= FRAME_PLAIN_MAX / 4);
  }
  assert.equal(runs, many.length);
});

/** Records of so many octets together, which compress well or not at all. */
function filled(bytes: number, compressible: boolean): AdmittedRun {
  const data = compressible ? Buffer.alloc(bytes, `login of ${bytes} `) : randomBytes(bytes);
  const lengths = Buffer.alloc(8);
  lengths.writeUInt32BE(bytes - 1, 0);
  lengths.writeUInt32BE(1, 4);
  return { context: randomBytes(120), receivedAt: 1n, retentionClass: 'standard', firstSequence: bytes, count: 2, lengths, data };
}

it('prepares batches aside or at once, each with its own bytes and root', async () => {
  const sizes = [10, 300_000, 5_000_000, 4_300_000, 4_200_000, 90_000, 4_400_000, 20, 4_500_000, 1];
  const runs = sizes.flatMap((size) => [filled(size, true), filled(size, false)]);
  const seeds: Buffer[] = [];
  const random = (size: number): Buffer => {
    const seed = randomBytes(size);
    seeds.push(seed);
    return seed;
  };
  const prepared = await prepareBatches({ ...SYSTEM_WORLD, random }, runs);
  assert.deepEqual(prepared.flatMap((batch) => batch.runs), runs);
  const key = xaesKey(randomBytes(32));
  const headerDigest = randomBytes(32);
  for (const [i, { runs: batch, root, packed }] of prepared.entries()) {
    const frame = Buffer.concat(sealFrame(key, headerDigest, i, packed));
    assert.ok(openFrame(key, headerDigest, frame).equals(encodeBatch(seeds[i]!, batch)), `bytes of batch ${i}`);
    assert.ok(root.equals(batchRoot(seeds[i]!, batch)), `root of batch ${i}`);
  }
});
