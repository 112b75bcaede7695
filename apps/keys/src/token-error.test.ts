// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Refused } from '@strongroom/bytes';
import { saysNotAuthentic, tokenError } from './token-error.ts';

/** As the binding throws it. */
const thrown = (name: string, code: number): Error => Object.assign(new Error(name), { name: 'Pkcs11Error', code });

for (const [name, code] of [
  ['CKR_DEVICE_REMOVED', 0x32], ['CKR_SESSION_HANDLE_INVALID', 0xb3], ['CKR_TOKEN_NOT_PRESENT', 0xe0], ['CKR_CRYPTOKI_NOT_INITIALIZED', 0x190],
  ['CKR_OBJECT_HANDLE_INVALID', 0x82], ['CKR_USER_NOT_LOGGED_IN', 0x101], ['CKR_DEVICE_MEMORY', 0x31], ['CKR_VENDOR_DEFINED', 0x80000001],
] as const) {
  test(`${name} means that the HSM is away`, () => {
    const error = tokenError(thrown(name, code), 'C_Sign');
    assert.equal(error.name, 'Failed');
    assert.equal(error.code, 'keys.hsm-away');
    assert.equal(error.why, `C_Sign: ${name}`);
  });
}

for (const [name, code] of [['CKR_PIN_INCORRECT', 0xa0], ['CKR_PIN_LOCKED', 0xa4], ['CKR_USER_PIN_NOT_INITIALIZED', 0x102]] as const) {
  test(`${name} needs a person`, () => {
    const error = tokenError(thrown(name, code), 'C_Login');
    assert.equal(error.name, 'Refused');
    assert.equal(error.code, 'keys.pin');
  });
}

test('errors of ours pass unchanged, and of the binding itself count as a loss', () => {
  const ours = new Refused('keys.mechanism', 'no');
  assert.equal(tokenError(ours, 'x'), ours);
  assert.equal(tokenError(new TypeError('not loaded'), 'x').code, 'keys.hsm-away');
});

test('only answers about the data count as not authentic', () => {
  for (const code of [0x05, 0x40, 0x42]) assert.ok(saysNotAuthentic(thrown('x', code)));
  for (const code of [0x32, 0xb3, 0x101]) assert.ok(!saysNotAuthentic(thrown('x', code)));
  assert.ok(!saysNotAuthentic(new Error('x')));
});
