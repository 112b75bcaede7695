// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { createDecipheriv } from 'node:crypto';
import { test } from 'node:test';
import vectors from '../vectors/wrapped-key.json' with { type: 'json' };
import { decodeWrappedKey, encodeWrappedKey, wrappingContext } from './wrapped-key.ts';

const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex');
const { keyId, origin, segment } = vectors;
const wrapped = { keyId, iv: bytes(vectors.iv), ciphertext: bytes(vectors.ciphertext), tag: bytes(vectors.tag) };

test('a wrapped key is written and read', () => {
  assert.equal(encodeWrappedKey(wrapped).toString('hex'), vectors.hex);
  assert.deepEqual(decodeWrappedKey(bytes(vectors.hex)), wrapped);
});

test('it opens under the wrapping key for its log, segment and key id', () => {
  const context = wrappingContext(origin, segment, keyId);
  assert.equal(context.toString('hex'), vectors.additionalData);
  const decipher = createDecipheriv('aes-256-gcm', bytes(vectors.wrappingKey), wrapped.iv, { authTagLength: 16 }).setAAD(context).setAuthTag(wrapped.tag);
  assert.equal(Buffer.concat([decipher.update(wrapped.ciphertext), decipher.final()]).toString('hex'), vectors.dataKey);
});

for (const { name, code, hex } of vectors.refused) {
  test(`a wrapped key is refused: ${name}`, () => {
    assert.throws(() => decodeWrappedKey(bytes(hex)), { name: 'Refused', code });
  });
}
