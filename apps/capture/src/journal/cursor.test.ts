// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { areTied, cursorIn, isNotNewer, timeOf } from './cursor.ts';

const A = 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa';
const B = 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb';
const entry = (facts: Partial<Record<'s' | 'i' | 'b' | 'm' | 't' | 'x', string>> = {}): string =>
  Object.entries({ s: '45f681fbb368418bb8710734136bcbbf', i: '2', b: A, m: '3e9', t: '60a24183cc480', x: '6edaa9dd8759f9a7', ...facts })
    .map(([name, value]) => `${name}=${value}`).join(';');
const line = (fields: Record<string, unknown>): Buffer => Buffer.from(JSON.stringify(fields));

describe('cursor in a line', () => {
  it('is found wherever the field stands', () => {
    assert.equal(cursorIn(line({ __CURSOR: entry(), MESSAGE: 'x' })), entry());
    assert.equal(cursorIn(line({ MESSAGE: 'x', __CURSOR: entry() })), entry());
    assert.equal(cursorIn(Buffer.from(`{ "__CURSOR" : "${entry()}" }`)), entry());
  });

  it('is not taken from what a message says', () => {
    for (const text of ['"__CURSOR":"forged"', '__CURSOR', 'x"__CURSOR', '{"__CURSOR":"forged"}', '\\"__CURSOR":"forged"', '__CURSOR":"forged']) {
      assert.equal(cursorIn(line({ MESSAGE: text, __CURSOR: entry() })), entry(), text);
      assert.equal(cursorIn(line({ MESSAGE: text })), null, text);
      assert.equal(cursorIn(line({ MESSAGE: [text, text], OTHER: { name: text } })), null, text);
    }
  });

  it('is none when it fits no token', () => {
    assert.equal(cursorIn(line({ __CURSOR: 'x'.repeat(300) })), null);
    assert.equal(cursorIn(line({ __CURSOR: '' })), null);
    assert.equal(cursorIn(Buffer.from('not JSON')), null);
  });
});

describe('entries', () => {
  it('are older by the monotonic clock within a boot, in one moment by their numbers, else by the wall clock', () => {
    assert.equal(isNotNewer(entry({ m: '3e8', t: 'ffffffffffffff' }), entry(), B), true);
    assert.equal(isNotNewer(entry({ i: '1', x: '1' }), entry(), B), true);
    assert.equal(isNotNewer(entry({ i: '3', x: '1' }), entry(), B), false);
    assert.equal(isNotNewer(entry({ s: '0', i: '1' }), entry(), B), false);
    assert.equal(isNotNewer(entry({ b: B, m: '1', t: '60a24183cc47f' }), entry(), A), true);
    assert.equal(isNotNewer(entry({ b: B, m: '1', t: '60a24183cc480' }), entry(), A), false);
  });

  it('of the present boot are never older than those of another: its wall clock may have begun anew', () => {
    assert.equal(isNotNewer(entry({ b: B, t: '1' }), entry(), `${B.slice(0, 8)}-bbbb-bbbb-bbbb-bbbbbbbbbbbb`), false);
  });

  it('of one moment under two numberings are tied', () => {
    assert.equal(areTied(entry({ s: '0', i: '1', x: '1' }), entry()), true);
    assert.equal(areTied(entry({ i: '1', x: '1' }), entry()), false);
    assert.equal(areTied(entry({ s: '0', m: '1' }), entry()), false);
    assert.equal(areTied('s=1', 's=2'), false);
  });

  it('tell when they were written', () => {
    assert.equal(timeOf(entry()), '2023-11-14T22:13:22.000Z');
    assert.equal(timeOf('s=1'), null);
    assert.equal(timeOf('t=ffffffffffffffff'), null);
  });
});
