// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cut, factLines, tableLines, wrap } from './table.ts';

test('aligns columns by their widest cell and ends no line with spaces', () => {
  assert.deepEqual(tableLines([{ title: 'NAME' }, { title: 'N', align: 'right' }, { title: 'X' }], [['keys', '7', ''], ['gäteway', '1234', 'y']]), [
    'NAME        N  X',
    'keys        7',
    'gäteway  1234  y',
  ]);
});

test('puts facts under each other, several lines of one too', () => {
  assert.deepEqual(factLines([['a', 'one\ntwo'], ['long', 'three']]), ['  a     one', '        two', '  long  three']);
  assert.deepEqual(factLines([]), []);
});

test('cuts with an ellipsis, by code points', () => {
  assert.equal(cut('abcdef', 6), 'abcdef');
  assert.equal(cut('abcdef', 4), 'abc…');
  assert.equal(cut('🔒🔒🔒', 3), '🔒🔒🔒');
  assert.equal(cut('🔒🔒🔒🔒', 3), '🔒🔒…');
});

test('wraps at words, and leaves a long word whole', () => {
  assert.deepEqual(wrap('one two three', 7), ['one two', 'three']);
  assert.deepEqual(wrap('supercalifragilistic x', 5), ['supercalifragilistic', 'x']);
});
