// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { buildStore, writeFiles } from '@strongroom/testing';
import { LogDirectory } from '../commit/log-directory.ts';
import { SYSTEM_DISK } from '../disk.ts';
import { Medium, PIECE_BYTES } from './medium.ts';
import { bytesPerSecond, dueAt, Pace } from './pace.ts';
import { PublishedLog } from './published-log.ts';
import { Scrub } from './scrub.ts';
import { freshState } from './state.ts';

const home = mkdtempSync(join(tmpdir(), 'strongroom-scrub-'));
after(() => rmSync(home, { recursive: true }));
const store = buildStore(300);
writeFiles(home, store.files);

/** What a bad cable does: the first `lies` readings of a file show a bit that is not there. */
class LyingMedium extends Medium {
  lies: number;

  constructor(lies: number) {
    super();
    this.lies = lies;
  }

  override *pieces(path: string, start: number, end: number): Generator<Buffer> {
    for (const piece of super.pieces(path, start, end)) {
      if (this.lies > 0) piece[piece.length >> 1]! ^= 1;
      yield piece;
    }
    this.lies = Math.max(0, this.lies - 1);
  }
}

async function passWith(medium: Medium): Promise<{ readonly events: string[]; readonly transient: number; readonly damaged: number }> {
  const pace = new Pace(new AbortController().signal);
  pace.hurry();
  const { scrub: state } = freshState();
  const events: string[] = [];
  const directory = new LogDirectory(SYSTEM_DISK, join(home, 'log'));
  const segments = join(home, 'segments');
  await new Scrub(state, {
    directory, segments, log: () => new PublishedLog(directory), key: () => store.key, pace, periodMs: 1000, medium,
    segmentBytes: () => 1000, save: () => Promise.resolve(), spent: (bytes) => pace.spent(bytes), checksum: () => null, isDestroyed: async () => false,
    event: (event) => { events.push(event); },
  }).pass();
  return { events, transient: state.transient, damaged: state.damage.length };
}

test('a reading that a second one does not confirm is no damage, and is counted', async () => {
  assert.deepEqual(await passWith(new LyingMedium(1)), { events: ['vault.scrub-transient', 'vault.scrubbed'], transient: 1, damaged: 0 });
  const { events, damaged } = await passWith(new LyingMedium(1000));
  assert.deepEqual([events.includes('vault.scrub-failed'), damaged > 0], [true, true]);
});

test('a medium gives exactly the octets that were asked for, at every edge of its pieces', () => {
  const path = join(home, 'file');
  const bytes = Buffer.alloc(2 * PIECE_BYTES + 777, 'abcdefg');
  writeFileSync(path, bytes);
  const medium = new Medium();
  for (const [start, end] of [[0, bytes.length], [0, 1], [5, 5], [PIECE_BYTES - 1, PIECE_BYTES + 1], [PIECE_BYTES, 2 * PIECE_BYTES], [2 * PIECE_BYTES + 1, 9 * PIECE_BYTES]] as const) {
    const read = Buffer.concat(Array.from(medium.pieces(path, start, end), (piece) => Buffer.from(piece)));
    assert.ok(read.equals(bytes.subarray(start, end)), `${start} to ${end}`);
  }
  assert.throws(() => [...medium.pieces(join(home, 'absent'), 0, 1)], { code: 'ENOENT' });
});

test('a pass is spread over nine tenths of its period, and hastens when it is late', () => {
  const plan = { startedAt: 1000, periodMs: 100_000, bytesDone: 0, bytesTotal: 90_000_000_000 };
  assert.equal(dueAt({ ...plan, bytesDone: 45_000_000_000 }), 46_000);
  assert.equal(bytesPerSecond(plan, 1000), 1_000_000_000);
  assert.equal(bytesPerSecond({ ...plan, bytesDone: 45_000_000_000 }, 82_000), 5_000_000_000);
  assert.equal(bytesPerSecond({ ...plan, bytesTotal: 10 }, 1000), 4 * 1024 * 1024, 'a segment is never read so slowly that a restart loses a day');
  assert.equal(bytesPerSecond(plan, 99_000), Infinity);
});
