// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, it } from 'node:test';
import { decodeSegmentHeader, segmentHeaderDigest, xaesKey } from '@strongroom/evidence';
import { buildStore, writeFiles } from '@strongroom/testing';
import { SegmentFilter, factsOf } from './filter.ts';
import { missingFilter } from './missing-filter.ts';
import { SegmentParts } from './parts.ts';

const home = mkdtempSync(join(tmpdir(), 'strongroom-missing-'));
after(() => rmSync(home, { recursive: true }));
const store = buildStore(9); // a segment that was closed in order with two frames, a torn one of two with a part, an open one
writeFiles(home, store.files);
const parts = new SegmentParts(join(home, 'segments'));
const always = async (): Promise<boolean> => true;

it('is made of whole, torn and open segments, as far as they go', async () => {
  for (const [segment, frames] of [['0000000000000001', 2], ['0000000000000002', 2], ['0000000000000003', 1]] as const) {
    const dataKey = store.dataKeys.get(segment)!;
    const file = store.files.get(`segments/${segment}.seg`)!;
    const digest = segmentHeaderDigest(file.subarray(0, decodeSegmentHeader(file).length));
    const bytes = await missingFilter(segment, parts, dataKey, always);
    const held = (source: string): boolean[] => {
      const filter = SegmentFilter.open(bytes!, xaesKey(dataKey), segment, digest, factsOf({ source }));
      return Array.from({ length: frames + 1 }, (_, frame) => filter.mayHold(frame));
    };
    assert.deepEqual(held('web-01'), Array.from({ length: frames + 1 }, () => true), segment);
    assert.deepEqual(held('web-02'), [...Array.from({ length: frames }, () => false), true], segment);
  }
});

it('is none without the key, without the segment, or when it is told to stop', async () => {
  const dataKey = store.dataKeys.get('0000000000000001')!;
  assert.equal(await missingFilter('0000000000000001', parts, randomBytes(32), always), null);
  assert.equal(await missingFilter('0000000000000009', parts, dataKey, always), null);
  let left = 1;
  assert.equal(await missingFilter('0000000000000001', parts, dataKey, async () => (left -= 1) >= 0), null);
});
