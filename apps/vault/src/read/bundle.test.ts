// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { BuiltStream, StoreBuilder, writeFiles } from '@strongroom/testing';
import { LogDirectory } from '../commit/log-directory.ts';
import { SYSTEM_DISK } from '../disk.ts';
import { History } from './history.ts';
import { SegmentParts } from './parts.ts';
import { TimeIndex } from './time-index.ts';
import { Unread } from './unread.ts';

const [BATCHES, BUNDLE] = [600, 256];
const root = mkdtempSync(join(tmpdir(), 'strongroom-bundles-'));
after(() => rmSync(root, { recursive: true }));
const builder = new StoreBuilder();
const stream = new BuiltStream(builder);
for (let i = 0; i < BATCHES; i += 1) builder.batch([stream.run([`line ${i}`])]);
const { files, size } = builder.build();
const bundle = (index: number): string => join(root, `log/tile/entries/00${index}`);
const log = new LogDirectory(SYSTEM_DISK, join(root, 'log'));
beforeEach(() => writeFiles(root, files));

/** Indices of the batches of any time, and what was unread. */
function read(reverse = false, spans: (bundle: number) => ReturnType<TimeIndex['span']> = () => undefined): { found: number[]; unread: Unread } {
  const unread = new Unread();
  using history = new History({ log, parts: new SegmentParts(join(root, 'segments')) }, async () => assert.fail('no key is needed'));
  return { found: [...history.batches(() => true, spans, reverse, (...args) => unread.noteEntries(...args))].map(({ index }) => index), unread };
}

const whole = Array.from({ length: size }, (_, i) => i);
const without = (from: number, to: number): number[] => whole.filter((index) => index < from || index >= to);

/** One digit of the time in an entry, which no format forbids. */
function alter(path: string, entry: number): void {
  const bytes = readFileSync(path);
  let at = 0;
  for (let i = 0; i < entry; i += 1) at += 2 + bytes.readUInt16BE(at);
  const digit = bytes.indexOf('\nfrom ', at) + 8;
  bytes[digit] = bytes[digit] === 0x31 ? 0x32 : 0x31;
  writeFileSync(path, bytes);
}

test('a whole log is read whole, both ways', () => {
  assert.deepEqual(read().found, whole);
  assert.deepEqual(read(true).found, whole.toReversed());
});

test('an altered entry is told of, and all others are found', () => {
  alter(bundle(1), 7);
  for (const reverse of [false, true]) {
    const { found, unread } = read(reverse);
    assert.deepEqual(found.toSorted((a, b) => a - b), without(BUNDLE + 7, BUNDLE + 8));
    assert.deepEqual([unread.facts.entries, unread.facts.log.map(({ first, count, code }) => [first, count, code])], [1, [[BUNDLE + 7, 1, 'vault.log-damaged']]]);
  }
});

test('a bundle that is missing, cut or not to be read is passed over', () => {
  for (const [damage, code] of [[() => rmSync(bundle(1)), 'vault.log-damaged'], [() => writeFileSync(bundle(1), readFileSync(bundle(1)).subarray(0, 900)), 'bytes.truncated'], [() => writeFileSync(bundle(1), ''), 'tiles.bundle']] as const) {
    damage();
    const { found, unread } = read();
    assert.deepEqual(found, without(BUNDLE, 2 * BUNDLE));
    assert.deepEqual([unread.facts.entries, unread.facts.log.map(({ first, count }) => [first, count])], [BUNDLE, [[BUNDLE, BUNDLE]]]);
    assert.equal(unread.facts.log[0]?.code, code);
    writeFiles(root, files);
  }
});

test('who takes nothing that is unread is refused the whole', () => {
  alter(bundle(0), 3);
  using history = new History({ log, parts: new SegmentParts(join(root, 'segments')) }, async () => assert.fail('no key is needed'));
  assert.throws(() => [...history.batches(() => true, () => undefined)], { name: 'Failed', code: 'vault.log-damaged' });
});

test('an index of times hides nothing that it could not read', async () => {
  alter(bundle(0), 3);
  rmSync(bundle(1));
  const index = new TimeIndex(join(root, 'times'), log, size);
  await index.extend(size, async () => undefined);
  const { found, unread } = read(false, (at) => index.span(at));
  assert.deepEqual(found, without(3, 4).filter((at) => at < BUNDLE || at >= 2 * BUNDLE));
  assert.equal(unread.facts.entries, 1 + BUNDLE);
});
