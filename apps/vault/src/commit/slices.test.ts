// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { partName, segmentName } from '@strongroom/evidence';
import { SYSTEM_DISK } from '../disk.ts';
import { tornEntry } from './segment-parts.ts';
import { sliced } from './slices.ts';

const MIB = 1024 * 1024;
const directory = mkdtempSync(join(tmpdir(), 'strongroom-slices-'));
after(() => rmSync(directory, { recursive: true }));

test('others have a turn after each slice, across segments, and none for little', async () => {
  let turns = 0;
  const pace = sliced(async () => { turns += 1; });
  for (let i = 0; i < 7; i += 1) await pace(MIB);
  assert.equal(turns, 0);
  for (let i = 0; i < 33; i += 1) await pace(MIB);
  assert.equal(turns, 5);
});

test('a segment that a crash left open is hashed in slices, over all its parts', async () => {
  mkdirSync(directory, { recursive: true });
  const [first, second] = [randomBytes(20 * MIB), randomBytes(5 * MIB)];
  const name = segmentName(7);
  // The first part reaches beyond where the second begins: that end was written anew.
  writeFileSync(join(directory, partName(name, 0)), Buffer.concat([first, randomBytes(100)]));
  writeFileSync(join(directory, `${name}.${first.length}.seg`), second);
  let turns = 0;
  const entry = await tornEntry(SYSTEM_DISK, directory, { id: 7, length: first.length + second.length, frames: 3 }, sliced(async () => { turns += 1; }));
  assert.ok(entry.digest.equals(createHash('sha256').update(first).update(second).digest()));
  assert.deepEqual([entry.state, turns], ['torn', 3]);
});
