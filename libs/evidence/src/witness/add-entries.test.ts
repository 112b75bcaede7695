// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { subtreePath, verifySubtree } from '../log-proof.ts';
import { leafHash, rootOf } from '../merkle.ts';
import { encodeAddEntriesHeader, encodeMirrorInfo, encodePackage, packagesOf, parseMirrorInfo, readAddEntriesHeader, readPackage, type TakeOctets } from './add-entries.ts';

const leaves = Buffer.concat(Array.from({ length: 1100 }, (_, i) => leafHash(Buffer.from(`entry ${i}`))));
const slice = (from: number, to: number): Buffer => leaves.subarray(from * 32, to * 32);
/** Tiles of level 0 and 1 out of the leaves. */
const read = ({ level, index, width }: { level: number; index: number; width: number }): Buffer => (level === 0
  ? slice(index * 256, index * 256 + width)
  : Buffer.concat(Array.from({ length: width }, (_, i) => rootOf(slice((index * 256 + i) * 256, (index * 256 + i + 1) * 256)))));
const takeFrom = (bytes: Buffer): TakeOctets => {
  let at = 0;
  return async (count) => (at + count > bytes.length ? null : bytes.subarray(at, (at += count)));
};

const refuses = (...args: Parameters<typeof verifySubtree>): void => assert.throws(() => verifySubtree(...args), { name: 'Refused', code: 'merkle.subtree' });

test('every package of every log proves its subtree, and no other', () => {
  for (const size of [1, 2, 255, 256, 257, 300, 511, 512, 513, 767, 768, 1000, 1024, 1100]) {
    const root = rootOf(slice(0, size));
    for (const { base, end } of packagesOf(0, size)) {
      const [hash, path] = [rootOf(slice(base, end)), subtreePath(base, end, size, read)];
      verifySubtree(hash, base, end, size, path, root);
      refuses(randomBytes(32), base, end, size, path, root);
      refuses(hash, base, end, size, [...path, hash], root);
      if (path.length > 0) refuses(hash, base, end, size, path.slice(1), root);
      if (end < size) refuses(hash, base, end + 1, size, path, root);
      refuses(hash, base, end, size, path, randomBytes(32));
    }
  }
});

test('packages are cut at multiples of 256, wherever an upload begins', () => {
  assert.deepEqual([...packagesOf(200, 600)], [{ base: 0, start: 200, end: 256 }, { base: 256, start: 256, end: 512 }, { base: 512, start: 512, end: 600 }]);
  assert.deepEqual([...packagesOf(7, 7)], []);
});

test('what is sent is what is read', async () => {
  const header = { origin: 'peer.example/log', start: 254, end: 257, ticket: Buffer.from('t') };
  const packages = [{ entries: [Buffer.from('a'), Buffer.alloc(0)], proof: [randomBytes(32)] }, { entries: [randomBytes(65_535)], proof: [] }];
  const take = takeFrom(Buffer.concat([encodeAddEntriesHeader(header), ...packages.map(encodePackage)]));
  assert.deepEqual(await readAddEntriesHeader(take), header);
  const read = [];
  for (const span of packagesOf(254, 257)) read.push(await readPackage(span, take));
  assert.deepEqual(read, packages);
  const info = { pendingSize: 257, nextEntry: 254, ticket: Buffer.alloc(0) };
  assert.deepEqual(parseMirrorInfo(encodeMirrorInfo(info)), info);
});

test('a body that is cut short gives no half package, and a header that makes no sense is refused', async () => {
  const [span] = [...packagesOf(0, 2)];
  const whole = encodePackage({ entries: [Buffer.from('one'), Buffer.from('two')], proof: [randomBytes(32)] });
  for (let length = 0; length < whole.length; length += 1) assert.equal(await readPackage(span!, takeFrom(whole.subarray(0, length))), null);
  const header = encodeAddEntriesHeader({ origin: 'x', start: 1, end: 2, ticket: Buffer.alloc(0) });
  for (const bad of [header.subarray(0, 5), Buffer.alloc(0), encodeAddEntriesHeader({ origin: 'x'.repeat(2000), start: 1, end: 2, ticket: Buffer.alloc(0) }), encodeAddEntriesHeader({ origin: 'x', start: 3, end: 2, ticket: Buffer.alloc(0) })]) {
    await assert.rejects(readAddEntriesHeader(takeFrom(bad)), { name: 'Refused', code: 'mirror.request' });
  }
  for (const bad of ['', '1\n2\n', '01\n2\n\n', '1\n2\n\nx']) assert.equal(parseMirrorInfo(bad), null);
});
