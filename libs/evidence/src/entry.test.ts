// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import vectors from '../vectors/entry.json' with { type: 'json' };
import { decodeEntry, encodeEntry, type Entry } from './entry.ts';
import { leafHash } from './merkle.ts';

const TIMES = new Set(['from', 'to', 'time']);
const HASHES = new Set(['root', 'header', 'digest', 'document', 'approvals', 'seenRoot']);

function entryOf(fields: Readonly<Record<string, unknown>>): Entry {
  const values = Object.entries(fields).map(([name, value]) => [name, TIMES.has(name) && /^[0-9]+$/.test(value as string) ? BigInt(value as string) : HASHES.has(name) ? Buffer.from(value as string, 'hex') : value]);
  return Object.fromEntries(values) as Entry;
}

for (const { name, entry, text, leaf } of vectors.vectors) {
  test(`an entry is written and read: ${name}`, () => {
    assert.equal(encodeEntry(entryOf(entry)).toString('latin1'), text);
    assert.deepEqual(decodeEntry(Buffer.from(text)), entryOf(entry));
    assert.equal(leafHash(Buffer.from(text)).toString('hex'), leaf);
  });
}

for (const { name, code, text } of vectors.refused) {
  test(`an entry is refused: ${name}`, () => {
    assert.throws(() => decodeEntry(Buffer.from(text)), { name: 'Refused', code });
  });
}

test('an entry that could not be read again is not written', () => {
  const batch = entryOf(vectors.vectors[0]!.entry) as Extract<Entry, { kind: 'batch' }>;
  for (const wrong of [{ key: 'a b' }, { key: '' }, { records: -1 }, { records: 1.5 }, { segment: 'A' }, { root: Buffer.alloc(31) }, { to: 2n ** 64n }]) {
    assert.throws(() => encodeEntry({ ...batch, ...wrong }), { name: 'Bug', code: 'entry.malformed' });
  }
});
