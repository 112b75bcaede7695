// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import { bulkHasher, useBulkHasher } from '@strongroom/evidence';
import { nativeHasherPath } from '@strongroom/service';
import { independentBatches } from './hashing.ts';

const isBuilt = existsSync(nativeHasherPath(join(import.meta.dirname, '../../../..')));
const BATCHES = Array.from({ length: 64 }, (_, index) => index);
afterEach(() => useBulkHasher(undefined));

test('all batches are hashed without the add-on when that is asked for', () => {
  assert.ok(BATCHES.every(independentBatches(true)));
  assert.equal(bulkHasher(), undefined);
});

test('with the add-on one batch in sixteen is hashed without it, without it all are', () => {
  const independent = BATCHES.filter(independentBatches(false));
  assert.deepEqual(independent, bulkHasher() === undefined ? BATCHES : [0, 1, 2, 3].map((i) => independent[0]! + i * 16));
  assert.ok(isBuilt || bulkHasher() === undefined);
});
