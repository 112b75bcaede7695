// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { randomBytes } from 'node:crypto';
import { BOUND_UNKNOWN, KIND, NO_KEY, decodeBatch, decodeContext, encodeBatch, encodeContext, recordsOf, type BatchRun } from '@strongroom/evidence';
import { parseQuery, type Query } from './query.ts';
import { matching } from './scan.ts';

/** Letters that meet each other: ASCII in both cases, what else has a small letter there, several octets, and no UTF-8 at all. */
const PIECES = ['a', 'b', 'A', 'B', 'k', 'K', 'i', 'I', '\u212A', '\u0130', 'ä', 'Ä', '\u017F', 's', 'S', '\n', ' ', '.', '日', '😀', '\u00FF'].map((piece) => Buffer.from(piece)).concat([Buffer.from([0xff]), Buffer.from([0xe2, 0x84]), Buffer.from([0])]);
const WORDS = ['a', 'ab', 'aab', 'k', 'ki', 'Ki', 'i', 'is', 'ä', 'aä', 'äb', 'ſ', 's', '日', '\u212A', '\u0130', ' ', 'ab a', '\uFFFD', 'a\uFFFD', ''];
const EXPRESSIONS = ['a', 'ab+', 'a?b', '^a', 'a$', 'a.b', '[ab]k', 'a|k', '(a|b)ki', 'k{2}', 'ab{0}', 'a{1,}b', '\\bk', 'a\\.b', '\\u0061b', '^$', '', 's', 'ſ', 'i\\s', '\\x61', 'a(?=b)', '(?!k)i', 'a\\nb', 'ab*?k', '\uFFFD', 'a{', '\\w\\W'];

function pick<T>(from: readonly T[]): T {
  return from[Math.floor(Math.random() * from.length)]!;
}

function raw(): Buffer {
  return Buffer.concat(Array.from({ length: Math.floor(Math.random() ** 2 * 12) }, () => pick(PIECES)));
}

function runOf(records: readonly Buffer[], source = 'spiffe://d/source/web-01'): BatchRun {
  const lengths = Buffer.alloc(4 * records.length);
  records.forEach((record, i) => lengths.writeUInt32BE(record.length, 4 * i));
  const context = encodeContext({
    kind: KIND.data, flags: 0, receivedAt: 100n, bound: BOUND_UNKNOWN, admittedAt: 101n, asserter: 'a', instance: Buffer.alloc(16), source, sourceKey: NO_KEY, protocol: 'syslog-tls', peer: '', stream: Buffer.alloc(16, 7),
  });
  return { context, firstSequence: 0, count: records.length, lengths, data: Buffer.concat(records) };
}

/** What a query finds by looking at each record for itself. */
function oneByOne(plain: Buffer, query: Query): number[] {
  const { context, record } = parseQuery(query);
  return [...recordsOf(decodeBatch(plain).runs)].filter((one) => context(decodeContext(one.context)) && record(one)).map(({ index }) => index);
}

function assertSame(plain: Buffer, query: Query): void {
  const found = [...matching(plain, parseQuery(query))].map(({ record }) => record);
  assert.deepEqual(found.map(({ index }) => index), oneByOne(plain, query), `${JSON.stringify(query)} in ${plain.toString('latin1')}`);
  const all = [...recordsOf(decodeBatch(plain).runs)];
  for (const record of found) assert.deepEqual(record, all[record.index]);
}

describe('searching a whole batch', () => {
  it('finds what looking at each record finds, whatever the records and the query are', () => {
    for (let i = 0; i < 4000; i += 1) {
      const runs = Array.from({ length: 1 + Math.floor(Math.random() * 3) }, () => runOf(Array.from({ length: Math.floor(Math.random() * 6) }, raw), pick(['spiffe://d/source/web-01', 'spiffe://d/source/ab'])));
      const plain = encodeBatch(randomBytes(32), runs);
      const ignoreCase = pick([true, false]);
      const source = pick([{}, {}, { source: 'ab' }]);
      assertSame(plain, { text: pick([pick(WORDS), raw().toString()]), ignoreCase, ...source });
      assertSame(plain, { regex: pick(EXPRESSIONS), ignoreCase, ...source });
    }
  });

  it('takes no text for a match that lies across two records, or in what is not a record', () => {
    const plain = encodeBatch(Buffer.from('seed'.padEnd(32, '.')), [runOf(['abc', 'abc', '', 'ca', 'b', 'cab'].map((text) => Buffer.from(text)))]);
    for (const [text, indexes] of [['ab', [0, 1, 5]], ['bca', []], ['cab', [5]], ['ca', [3, 5]], ['web-01', []], ['seed', []]] as const) {
      assert.deepEqual([...matching(plain, parseQuery({ text }))].map(({ record }) => record.index), indexes, text);
    }
  });

  it('looks at no other context than that of the source asked for', () => {
    const plain = encodeBatch(randomBytes(32), [runOf([Buffer.from('x')], 'spiffe://d/source/b'), runOf([Buffer.from('x')], 'spiffe://d/source/ab')]);
    assert.deepEqual([...matching(plain, parseQuery({ source: 'b' }))].map(({ record }) => record.index), [0]);
    assert.deepEqual([...matching(plain, parseQuery({ source: 'ab', text: 'x' }))].map(({ record }) => record.index), [1]);
    assert.deepEqual([...matching(plain, parseQuery({ source: 'c' }))], []);
  });
});
