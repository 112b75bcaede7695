// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, it } from 'node:test';
import { parseChecksums, type CloseEntry } from '@strongroom/evidence';
import { Worm } from './worm.ts';
import { SYSTEM_DISK } from '../disk.ts';

const home = mkdtempSync(join(tmpdir(), 'strongroom-worm-'));
after(() => rmSync(home, { recursive: true }));

const closing = (id: number): CloseEntry => ({ kind: 'close', segment: String(id).padStart(16, '0'), frames: 1, length: id * 100, digest: Buffer.alloc(32, id), state: 'whole' });

it('notes each closed segment once and flags its parts, also behind a line that a crash tore', async () => {
  const [segments, state] = [join(home, 'segments'), join(home, 'state')];
  for (const path of [segments, state]) mkdirSync(path);
  writeFileSync(join(segments, `${closing(2).segment}.seg`), '');
  const flagged: string[] = [];
  const worm = new Worm(SYSTEM_DISK, segments, state, async (path, flag) => { flagged.push(`${path.slice(segments.length + 1)} ${flag}`); return true; });
  await Promise.all([worm.closed(closing(1)), worm.closed(closing(2))]);
  const path = join(state, 'checksums');
  const text = readFileSync(path, 'utf8');
  writeFileSync(path, text.slice(0, -20));
  await Promise.all([1, 2, 3].map(async (id) => worm.closed(closing(id))));
  const checksums = parseChecksums(readFileSync(path, 'utf8'));
  assert.deepEqual([...checksums].map(([segment, { length }]) => [Number(segment), length]), [[1, 100], [2, 200], [3, 300]]);
  assert.deepEqual(flagged, ['0000000000000002.seg immutable', '0000000000000002.seg immutable']);
});
