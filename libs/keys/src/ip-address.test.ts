// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { test } from 'node:test';
import { addressOctets, isAddress } from './ip-address.ts';

for (const [text, hex] of [
  ['127.0.0.1', '7f000001'],
  ['::', '00000000000000000000000000000000'],
  ['::1', '00000000000000000000000000000001'],
  ['2001:db8::', '20010db8000000000000000000000000'],
  ['2001:DB8::a:b', '20010db80000000000000000000a000b'],
  ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
  ['1::3:4:5:6:7:8', '00010000000300040005000600070008'],
  ['::ffff:192.0.2.1', '00000000000000000000ffffc0000201'],
] as const) {
  test(`${text} has its octets`, () => assert.equal(addressOctets(text).toString('hex'), hex));
}

test('takes and refuses what the operating system’s parser does', () => {
  const texts = [
    '', '1', '1.2.3', '1.2.3.4.5', '01.2.3.4', '1.2.3.256', '1.2.3.4 ', ':', ':::', '1::2::3', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7::', '::2:3:4:5:6:7:8', '12345::', 'g::', '::1.2.3', '1.2.3.4::', '::1.2.3.4:5', '1:2:3:4:5:6:1.2.3.4', '1:2:3:4:5:6:7:1.2.3.4', 'fe80::1', '::-1',
  ];
  for (const text of texts) assert.equal(isAddress(text), isIP(text) !== 0, text);
});

test('a refusal says what was given', () => {
  assert.throws(() => addressOctets('logs.example.com'), { name: 'Refused', code: 'name.ip' });
});
