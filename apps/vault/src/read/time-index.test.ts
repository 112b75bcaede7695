// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { LogTree, TILE_WIDTH, encodeEntry } from '@strongroom/evidence';
import { writeFiles } from '@strongroom/testing';
import { LogDirectory } from '../commit/log-directory.ts';
import { SYSTEM_DISK } from '../disk.ts';
import { TimeIndex, spanOf } from './time-index.ts';

const home = mkdtempSync(join(tmpdir(), 'strongroom-times-'));
after(() => rmSync(home, { recursive: true }));
const turn = async (): Promise<void> => undefined;
const HASH = Buffer.alloc(32, 1);

function batch(from: bigint, to: bigint): Buffer {
  return encodeEntry({ kind: 'batch', records: 1, bytes: 1, from, to, root: HASH, segment: '0000000000000001', header: HASH, frame: 0, offset: 100, length: 200, digest: HASH, key: 'k' });
}

const heartbeat = (time: bigint): Buffer => encodeEntry({ kind: 'heartbeat', time });

/** A log whose bundle b has batches from 1000·b to 1000·b + 9, every third one none. */
function logOf(name: string, bundles: number, rest: number, first = 0n): { log: LogDirectory; size: number } {
  const tree = new LogTree();
  for (let index = 0; index < bundles * TILE_WIDTH + rest; index += 1) {
    const [bundle, slot] = [Math.floor(index / TILE_WIDTH), index % TILE_WIDTH];
    const time = first + BigInt(bundle) * 1000n;
    tree.append(slot > 9 || bundle % 3 === 2 ? heartbeat(time) : batch(time + BigInt(9 - slot), time + BigInt(9 - slot)));
  }
  const directory = join(home, name);
  writeFiles(directory, new Map(tree.takeFiles().map(({ path, bytes }) => [path, bytes])));
  return { log: new LogDirectory(SYSTEM_DISK, directory), size: tree.size };
}

/** An index that could not read the log, so that it can only know what its file holds. */
function fromFile(file: string, log: LogDirectory, size: number): TimeIndex {
  return new TimeIndex(file, log, size);
}

describe('the index of times', () => {
  it('tells of each full bundle from when to when its batches are, and nothing of the last one', async () => {
    const { log, size } = logOf('few', 4, 7);
    const index = new TimeIndex(join(home, 'few.times'), log, size);
    assert.equal(index.span(0), undefined);
    await index.extend(size, turn);
    assert.deepEqual([0, 1, 2, 3, 4].map((bundle) => index.span(bundle)), [{ from: 0n, to: 9n }, { from: 1000n, to: 1009n }, null, { from: 3000n, to: 3009n }, undefined]);
  });

  it('is found again after a start, and goes on where it ended', async () => {
    const { log, size } = logOf('many', 70, 0);
    const file = join(home, 'many.times');
    await new TimeIndex(file, log, size).extend(size, turn);
    assert.deepEqual(fromFile(file, log, size).span(69), { from: 69_000n, to: 69_009n });
    const longer = logOf('many', 71, 0);
    const index = new TimeIndex(file, longer.log, longer.size);
    assert.equal(index.span(70), undefined);
    await index.extend(longer.size, turn);
    assert.deepEqual(index.span(70), { from: 70_000n, to: 70_009n });
  });

  it('is not taken from a file that is damaged, of another log, or of a longer one', async () => {
    const { log, size } = logOf('one', 70, 0);
    const file = join(home, 'one.times');
    await new TimeIndex(file, log, size).extend(size, turn);
    const other = logOf('other', 70, 0, 1n);
    assert.equal(fromFile(file, other.log, other.size).span(0), undefined);
    const shorter = logOf('shorter', 69, 255);
    assert.equal(fromFile(file, shorter.log, shorter.size).span(0), undefined);
    const whole = readFileSync(file);
    for (const damaged of [whole.subarray(0, -1), Buffer.concat([whole, Buffer.from('x')]), Buffer.from(whole.map((octet, i) => (i === 60 ? octet ^ 1 : octet))), Buffer.alloc(0)]) {
      writeFileSync(file, damaged);
      assert.equal(fromFile(file, log, size).span(0), undefined);
    }
  });

  it('reads times of batches alone', () => {
    assert.deepEqual(spanOf(batch(5n, 18_446_744_073_709_551_615n)), { from: 5n, to: 18_446_744_073_709_551_615n });
    assert.equal(spanOf(heartbeat(5n)), null);
    assert.equal(spanOf(Buffer.from('strongroom batch v1\nrecords 1\nbytes 1\nfrom x\nto 5\n')), null);
  });
});
