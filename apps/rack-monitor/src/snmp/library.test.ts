// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import snmp, { boundKeys } from './library.ts';

function fill(count: number): void {
  snmp.Authentication.authToKeyCache = Object.fromEntries(Array.from({ length: count }, (_, at) => [`key ${at}`, Buffer.alloc(32)]));
}

test('keys of engines that were made up are forgotten, and those of a rack are kept', () => {
  fill(2000);
  boundKeys();
  assert.equal(Object.keys(snmp.Authentication.authToKeyCache).length, 2000);
  fill(10_000);
  boundKeys();
  assert.equal(Object.keys(snmp.Authentication.authToKeyCache).length, 0);
});
