// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { FRAME_PLAIN_MAX, encodeBatch } from '@strongroom/evidence';
import type { AdmittedRun } from '../intake/admission.ts';
import { batchesOf } from './seal.ts';

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
