// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openKeyring, type Keyring } from './keyring.ts';
import type { KeyringPlace } from './place.ts';
import { ensureWrappingKey, unwrap, wrap } from './wrapping.ts';

const MODULE = '/usr/lib/softhsm/libsofthsm2.so';
const skip = existsSync(MODULE) ? false : 'machine: softhsm2 is not installed';
const directory = mkdtempSync(join(tmpdir(), 'strongroom-wrapping-'));
const place: KeyringPlace = { directory, module: MODULE, tokenLabel: 'strongroom', pinFile: undefined, deployment: 'test-berlin' };
let ring: Keyring;
before(async () => {
  if (skip === false) ring = await openKeyring(place);
});
after(() => {
  if (skip === false) ring.close();
  rmSync(directory, { recursive: true, force: true });
});

const plain = randomBytes(32);
const aad = Buffer.from('strongroom data key v1');

test('a wrapping key is made once, and found by its id after the token was opened anew', { skip }, async () => {
  const { keyId, made } = ensureWrappingKey(ring, 'default', '2027-01');
  assert.match(keyId, /^default\/2027-01\/[0-9a-f]{16}$/);
  assert.ok(made);
  assert.deepEqual(ensureWrappingKey(ring, 'default', '2027-01'), { keyId, made: false });
  assert.notEqual(ensureWrappingKey(ring, 'default', '2027-02').keyId, keyId);
  const wrapped = wrap(ring, keyId, plain, aad);
  ring.close();
  ring = await openKeyring(place);
  assert.deepEqual(ensureWrappingKey(ring, 'default', '2027-01'), { keyId, made: false });
  assert.deepEqual(unwrap(ring, keyId, wrapped, aad), plain);
});

test('wrapping the same key twice shows nothing in common', { skip }, () => {
  const { keyId } = ensureWrappingKey(ring, 'default', '2027-01');
  const [one, two] = [wrap(ring, keyId, plain, aad), wrap(ring, keyId, plain, aad)];
  assert.notDeepEqual(one.iv, two.iv);
  assert.notDeepEqual(one.ciphertext, two.ciphertext);
});

/** The same octets but for the last bit. */
const flipped = (bytes: Buffer): Buffer => Buffer.from(bytes.map((octet, index) => (index === bytes.length - 1 ? octet ^ 1 : octet)));

test('nothing but what was wrapped is unwrapped', { skip }, () => {
  const { keyId } = ensureWrappingKey(ring, 'default', '2027-01');
  const other = ensureWrappingKey(ring, 'default', '2027-02').keyId;
  const wrapped = wrap(ring, keyId, plain, aad);
  for (const field of ['iv', 'ciphertext', 'tag'] as const) {
    assert.throws(() => unwrap(ring, keyId, { ...wrapped, [field]: flipped(wrapped[field]) }, aad), { name: 'Refused', code: 'keys.not-authentic' }, field);
  }
  assert.throws(() => unwrap(ring, keyId, wrapped, flipped(aad)), { name: 'Refused', code: 'keys.not-authentic' });
  assert.throws(() => unwrap(ring, other, wrapped, aad), { name: 'Refused', code: 'keys.not-authentic' });
  assert.deepEqual(unwrap(ring, keyId, wrapped, aad), plain);
});

test('an empty aad is one like any other', { skip }, () => {
  const { keyId } = ensureWrappingKey(ring, 'default', '2027-01');
  assert.deepEqual(unwrap(ring, keyId, wrap(ring, keyId, plain, Buffer.alloc(0)), Buffer.alloc(0)), plain);
});

for (const [name, work, code] of [
  ['a class with a slash', () => ensureWrappingKey(ring, 'a/b', 'x'), 'keys.wrapping-name'],
  ['an empty bucket', () => ensureWrappingKey(ring, 'a', ''), 'keys.wrapping-name'],
  ['a class too long', () => ensureWrappingKey(ring, 'a'.repeat(41), 'x'), 'keys.wrapping-name'],
  ['a key that was never made', () => wrap(ring, 'default/2027-01/0000000000000000', plain, aad), 'keys.wrapping-key'],
  ['an id without its parts', () => wrap(ring, 'default', plain, aad), 'keys.wrapping-name'],
  ['a data key of 16 octets', () => wrap(ring, ensureWrappingKey(ring, 'default', '2027-01').keyId, plain.subarray(16), aad), 'keys.wrap-size'],
  ['additional data without end', () => wrap(ring, ensureWrappingKey(ring, 'default', '2027-01').keyId, plain, Buffer.alloc(1025)), 'keys.wrap-size'],
] as const) {
  test(`refuses ${name}`, { skip }, () => {
    assert.throws(work, { name: 'Refused', code });
  });
}
