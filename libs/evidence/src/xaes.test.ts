// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import vectors from '../vectors/xaes.json' with { type: 'json' };
import { xaesKey, xaesOpen, xaesSeal } from './xaes.ts';

const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex');

for (const [i, { key, nonce, plain, additionalData, sealed }] of vectors.vectors.entries()) {
  test(`vector ${i + 1} of C2SP XAES-256-GCM`, () => {
    assert.equal(xaesSeal(xaesKey(bytes(key)), bytes(nonce), bytes(plain), bytes(additionalData)).toString('hex'), sealed);
    assert.equal(xaesOpen(xaesKey(bytes(key)), bytes(nonce), bytes(sealed), bytes(additionalData)).toString('hex'), plain);
  });
}

test('the accumulated vectors of C2SP XAES-256-GCM', () => {
  // At most this much of SHAKE128's output is taken for each: key, nonce, and two lengths with so many octets.
  const stream = createHash('shake128', { outputLength: vectors.accumulated.iterations * (32 + 24 + 2 * 256) }).digest();
  let at = 0;
  const take = (length: number): Buffer => stream.subarray(at, (at += length));
  const digest = createHash('shake128', { outputLength: 32 });
  for (let i = 0; i < vectors.accumulated.iterations; i += 1) {
    const [key, nonce] = [xaesKey(take(32)), take(24)];
    const [plain, additionalData] = [take(take(1)[0]!), take(take(1)[0]!)];
    const sealed = xaesSeal(key, nonce, plain, additionalData);
    assert.ok(xaesOpen(key, nonce, sealed, additionalData).equals(plain));
    digest.update(sealed);
  }
  assert.equal(digest.digest('hex'), vectors.accumulated.digest);
});

test('whatever is changed is refused', () => {
  const [key, nonce, additional] = [xaesKey(randomBytes(32)), randomBytes(24), randomBytes(10)];
  const sealed = xaesSeal(key, nonce, randomBytes(20), additional);
  const refused = { name: 'Refused', code: 'xaes.tag' };
  for (let i = 0; i < sealed.length; i += 1) {
    const changed = Buffer.from(sealed);
    changed[i]! ^= 128;
    assert.throws(() => xaesOpen(key, nonce, changed, additional), refused);
  }
  assert.throws(() => xaesOpen(key, nonce, sealed.subarray(0, 15), additional), refused);
  assert.throws(() => xaesOpen(key, nonce, sealed.subarray(1), additional), refused);
  assert.throws(() => xaesOpen(key, randomBytes(24), sealed, additional), refused);
  assert.throws(() => xaesOpen(key, nonce, sealed, Buffer.alloc(0)), refused);
  assert.throws(() => xaesOpen(xaesKey(randomBytes(32)), nonce, sealed, additional), refused);
});

test('keys and nonces of other lengths are mistakes of ours', () => {
  assert.throws(() => xaesKey(Buffer.alloc(16)), { name: 'Bug', code: 'xaes.key' });
  assert.throws(() => xaesSeal(xaesKey(Buffer.alloc(32)), Buffer.alloc(12), Buffer.alloc(0), Buffer.alloc(0)), { name: 'Bug', code: 'xaes.nonce' });
});
