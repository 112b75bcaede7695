// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { exactNeedle, foldedNeedle, requiredLiteral, smallLettersNeedle } from './needle.ts';

it('tells of an expression what every match contains', () => {
  const cases: readonly (readonly [string, string | null])[] = [
    ['user=(root|admin)', 'user='], ['Failed password for \\w+ from 10\\.1\\.', 'Failed password for '], ['^abc$', 'abc'], ['ab+c', 'ab'], ['abc?d', 'ab'], ['abc*', 'ab'],
    ['abc{2,3}d', 'ab'], ['a{x', 'a{x'], ['[abc]def', 'def'], ['(a(b)[)]c)xyz', 'xyz'], ['a|b', null], ['(a|b)', null], ['\\d+', null], ['', null], ['\\u0061bcd', null], ['(x)\\1abc', null],
    ['a\\|b', 'a|b'], ['äbcö', 'bc'], ['a]b}', 'a]b}'], ['\\[x\\]', '[x]'], ['a+?b', 'a'], ['(?<n>a)bc', 'bc'], ['(?:ab)?cd', 'cd'],
  ];
  for (const [source, literal] of cases) {
    assert.doesNotThrow(() => new RegExp(source), source);
    assert.equal(requiredLiteral(source), literal, source);
  }
});

function all(next: (from: number) => number): number[] {
  const places: number[] = [];
  for (let at = next(0); at !== -1; at = next(at + 1)) places.push(at);
  return places;
}

it('finds places from left to right', () => {
  const block = Buffer.from('abABab');
  assert.deepEqual(all(exactNeedle(Buffer.from('ab')).within(block)!), [0, 4]);
  assert.deepEqual(all(foldedNeedle('aB').within(block)!), [0, 2, 4]);
  assert.deepEqual(all(foldedNeedle('.').within(block)!), []);
});

it('gives up where letters outside of ASCII could have the same small ones', () => {
  const needle = smallLettersNeedle('Kiä')!;
  assert.equal(needle.length, 2);
  assert.notEqual(needle.within(Buffer.from('ki')), null);
  assert.equal(needle.within(Buffer.from('\u212A')), null);
  assert.equal(needle.within(Buffer.from('\u0130')), null);
  assert.equal(smallLettersNeedle('äö'), null);
});
