// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, it } from 'node:test';
import type { Cycle, Snapshot } from '@strongroom/evidence';
import { CommitLog } from './commit-log.ts';
import { SYSTEM_DISK } from '../disk.ts';

const root = mkdtempSync(join(tmpdir(), 'strongroom-commit-'));
after(() => rmSync(root, { recursive: true }));

const SNAPSHOT: Snapshot = { kind: 'snapshot', size: 0, totals: { records: 0, batches: 0, bytes: 0 }, nextSegment: 1, open: [], holds: [], destroying: [], producers: [], checkpoint: '' };
const cycle = (sizeBefore: number): Cycle => ({ kind: 'cycle', sizeBefore, entries: [Buffer.from(`entry ${sizeBefore}`)], producers: [], checkpoint: 'note' });
let directories = 0;

function newDirectory(): string {
  const path = join(root, String((directories += 1)));
  mkdirSync(path);
  return path;
}

it('keeps every cycle, wherever a crash or a full disk interrupts the making of the next file', async () => {
  const whole = newDirectory();
  const log = new CommitLog(SYSTEM_DISK, whole);
  await log.turn(SNAPSHOT);
  for (const size of [0, 1, 2]) await log.commit(cycle(size));
  const [first] = readdirSync(whole);
  const before = readFileSync(join(whole, first!));
  const { snapshot, cycles } = log.read()!;
  await log.turn(snapshot, cycles);
  await log.close();
  const [second] = readdirSync(whole);
  const written = readFileSync(join(whole, second!));
  for (let length = 0; length <= written.length; length += 1) {
    const torn = newDirectory();
    writeFileSync(join(torn, first!), before);
    writeFileSync(join(torn, `${second}.new`), written.subarray(0, length));
    const found = new CommitLog(SYSTEM_DISK, torn);
    assert.equal(found.read()?.cycles.length, 3, `${length} octets of ${written.length}`);
    rmSync(torn, { recursive: true });
  }
});

it('has no file of its name before it is whole, and makes one again where one was left half', async () => {
  const directory = newDirectory();
  mkdirSync(join(directory, '0000000000000000-0001.commit.new'));
  const log = new CommitLog(SYSTEM_DISK, directory);
  await assert.rejects(log.turn(SNAPSHOT));
  assert.deepEqual(readdirSync(directory).filter((name) => name.endsWith('.commit')), []);
  rmSync(join(directory, '0000000000000000-0001.commit.new'), { recursive: true });
  writeFileSync(join(directory, '0000000000000000-0001.commit.new'), 'half');
  await log.turn(SNAPSHOT);
  await log.commit(cycle(0));
  await log.close();
  assert.deepEqual(readdirSync(directory), ['0000000000000000-0001.commit']);
  assert.equal(new CommitLog(SYSTEM_DISK, directory).read()?.cycles.length, 1);
});
