// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { describe, it } from 'node:test';
import { JournalLines, type JournalLine } from './lines.ts';

const LIMIT = 512;
const entry = (i: number, text = 'x'): string => JSON.stringify({ MESSAGE: text, __CURSOR: `s=1;i=${i}`, PRIORITY: '6' });

/** The lines of `output` when it comes in parts of `size` octets. */
function cut(output: string, size: number): JournalLine[] {
  const lines = new JournalLines(LIMIT);
  const octets = Buffer.from(output);
  const found: JournalLine[] = [];
  for (let at = 0; at < octets.length; at += size) found.push(...lines.push(octets.subarray(at, at + size)));
  return found;
}

describe('lines of journalctl', () => {
  it('are the same however the output is cut', () => {
    const texts = [entry(1), entry(2, 'ü'.repeat(100)), entry(3, ''), '', 'no JSON'];
    for (const size of [1, 2, 7, 64, 10_000]) {
      const lines = cut(texts.map((text) => `${text}\n`).join(''), size);
      assert.deepEqual(lines.map(({ raw }) => raw.toString()), texts);
      assert.deepEqual(lines.map(({ cursor }) => cursor), ['s=1;i=1', 's=1;i=2', 's=1;i=3', null, null]);
    }
  });

  it('wait for their end: half an entry is none', () => {
    assert.deepEqual(cut(`${entry(1)}\n${entry(2)}`, 10_000).map(({ cursor }) => cursor), ['s=1;i=1']);
  });

  it('of exactly the limit stay whole, one octet more is cut', () => {
    const spare = LIMIT - entry(1, '').length;
    const [whole, long] = cut(`${entry(1, 'y'.repeat(spare))}\n${entry(2, 'y'.repeat(spare + 1))}\n`, 10_000);
    assert.deepEqual([whole!.raw.length, whole!.cut], [LIMIT, undefined]);
    assert.deepEqual([long!.raw.length, long!.cut?.fullLength], [LIMIT, BigInt(LIMIT + 1)]);
  });

  it('beyond the limit keep beginning, full length, hash and the cursor behind the cut', () => {
    const text = entry(9, 'z'.repeat(5000));
    for (const size of [1, 3, 100, 511, 512, 513, 100_000]) {
      const [long, next] = cut(`${text}\n${entry(10)}\n`, size);
      assert.equal(long!.raw.toString(), text.slice(0, LIMIT));
      assert.deepEqual(long!.cut, { fullLength: BigInt(text.length), fullHash: hash('sha256', text, 'buffer') });
      assert.equal(long!.cursor, 's=1;i=9');
      assert.deepEqual([next!.raw.toString(), next!.cut], [entry(10), undefined]);
    }
  });
});
