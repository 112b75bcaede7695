// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { createPrivateKey, generateKeyPairSync, sign } from 'node:crypto';
import { test } from 'node:test';
import vectors from '../vectors/note.json' with { type: 'json' };
import { checkpointText, openCheckpoint, openNote, parseVkey, readCheckpoint, signedNote, vkeyLine } from './note.ts';

const key = parseVkey(vectors.vkey);
const privateKey = createPrivateKey({ key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.from(vectors.privateSeed, 'hex')]), format: 'der', type: 'pkcs8' });
const { origin, size, text, note } = vectors.checkpoint;
const root = Buffer.from(vectors.checkpoint.root, 'hex');

test('a verifier key line is written and read', () => {
  assert.equal(vkeyLine(origin, Buffer.from(vectors.spki, 'hex')), vectors.vkey);
  assert.equal(key.name, origin);
  assert.equal(key.key.export({ type: 'spki', format: 'der' }).toString('hex'), vectors.spki);
});

test('a checkpoint is written, signed and read', () => {
  assert.equal(checkpointText({ origin, size, root }), text);
  assert.equal(signedNote(text, key, sign(null, Buffer.from(text), privateKey)), note);
  assert.deepEqual(openCheckpoint(note, key), { origin, size, root });
  assert.deepEqual(readCheckpoint(text), { origin, size, root });
});

for (const { name, note: accepted } of vectors.accepted) {
  test(`a note is accepted: ${name}`, () => {
    assert.equal(openNote(accepted, key), text);
  });
}

for (const { name, code, note: refused } of vectors.refused) {
  test(`a note is refused: ${name}`, () => {
    assert.throws(() => openCheckpoint(refused, key), { name: 'Refused', code });
  });
}

test('a note above 64 KiB is refused unread', () => {
  const long = `${'x'.repeat(65_536)}\n`;
  assert.throws(() => openNote(signedNote(long, key, sign(null, Buffer.from(long), privateKey)), key), { name: 'Refused', code: 'note.malformed' });
});

for (const { name, code, vkey } of vectors.refusedKeys) {
  test(`a verifier key line is refused: ${name}`, () => {
    assert.throws(() => parseVkey(vkey), { name: 'Refused', code });
  });
}

test('a key of another algorithm has no line', () => {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  assert.throws(() => vkeyLine(origin, publicKey.export({ type: 'spki', format: 'der' })), { name: 'Refused', code: 'note.key' });
});
