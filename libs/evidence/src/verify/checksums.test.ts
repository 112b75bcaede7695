// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildStore, memoryStore, type BuiltStore } from '@strongroom/testing';
import { parseChecksums } from './checksums.ts';
import type { Verdict } from './verdict.ts';
import { verifyStore } from './verify.ts';

function verify(store: BuiltStore, lines: string, asOf = false): Verdict {
  return verifyStore(memoryStore(store.files), { key: store.key, checksums: parseChecksums(lines), asOf });
}

function codes(verdict: Verdict): string[] {
  return verdict.failures.map((failure) => failure.code);
}

test('segments have the checksums that were kept of them, torn ones with parts too', () => {
  const store = buildStore(20);
  assert.equal(parseChecksums(store.checksums).size, 2);
  assert.deepEqual(codes(verify(store, store.checksums)), []);
});

test('another checksum is a failure', () => {
  const store = buildStore(20);
  const changed = store.checksums.replace(/^./, (digit) => (digit === '0' ? '1' : '0'));
  assert.deepEqual(codes(verify(store, changed)), ['segment.checksum']);
  assert.deepEqual(codes(verify(store, store.checksums.replace(/\d\n/, '0000\n'))), ['segment.checksum']);
});

test('a checksum of a segment that the checkpoint does not close yet is judged by its octets', () => {
  const whole = buildStore(20);
  const open = { ...whole, files: new Map(whole.files) };
  open.files.delete('log/checkpoint');
  open.files.set('log/checkpoint', Buffer.from(whole.signCheckpoint(0, Buffer.from('47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=', 'base64'))));
  assert.deepEqual(codes(verify(open, whole.checksums)), []);
  assert.deepEqual(codes(verify(open, whole.checksums.replace(/^./, 'x').replace('x', whole.checksums[0] === '0' ? '1' : '0'))), ['segment.checksum']);
});

test('a segment that only the checksums know is missing, except from an older copy', () => {
  const store = buildStore(1);
  const line = `${'0'.repeat(64)}  0000000000000009  10\n`;
  assert.deepEqual(codes(verify(store, line)), ['segment.missing']);
  assert.deepEqual(codes(verify(store, line, true)), []);
});

test('a segment that an older copy holds only in part is not judged by what became of it', () => {
  const older = buildStore(6); // the second segment is still open
  const newer = { ...older, checksums: `${older.checksums}${'0'.repeat(64)}  0000000000000002  1000000\n` };
  assert.deepEqual(codes(verify(newer, newer.checksums)), ['segment.checksum']);
  assert.deepEqual(codes(verify(newer, newer.checksums, true)), []);
});

test('the last of several lines of a segment counts', () => {
  const lines = ['1', '2'].map((digit) => `${digit.repeat(64)}  0000000000000009  10\n`);
  assert.equal(parseChecksums(lines.join('')).get('0000000000000009')!.digest[0], 0x22);
});

for (const line of ['x', `${'0'.repeat(63)}  0000000000000009  10`, `${'0'.repeat(64)} 0000000000000009 10`, `${'0'.repeat(64)}  0000000000000009  010`]) {
  test(`refuses the line "${line}"`, () => {
    assert.throws(() => parseChecksums(line), { name: 'Refused', code: 'checksums.malformed' });
  });
}
