// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { json, printable } from './printable.ts';

const HOSTILE = '\u001b]0;owned\u0007\r\n\u0000\t\u009b2J\u202egpj.exe\u2028\u{e0041}\ud800';

test('leaves text of any language as it is', () => {
  for (const text of ['Failed password for root', 'Grüße, 日本語 und 🔒', '']) assert.equal(printable(text), text);
});

test('lets nothing through that a terminal acts upon', () => {
  assert.equal(printable(HOSTILE), '\\e]0;owned\\x07\\r\\n\\0\\t\\x9b2J\\u202egpj.exe\\u2028\\u{e0041}\\ud800');
});

test('writes JSON of the same value that a terminal does not act upon', () => {
  const text = json({ raw: HOSTILE });
  assert.deepEqual(JSON.parse(text), { raw: HOSTILE });
  assert.match(text, /^[\x20-\x7e]*$/);
});

test('never leaves a character of the classes that act, whatever the text', () => {
  for (let point = 0; point < 0x1_1000; point += 1) {
    const text = String.fromCodePoint(point);
    assert.ok(!/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(printable(text)), `U+${point.toString(16)}`);
  }
});
