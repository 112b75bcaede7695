// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import file from '../vectors/syslog-framing.json' with { type: 'json' };
import { collect, inChunks } from './trial/collect.ts';
import { describe, expected, octets, type Vector } from './trial/vectors.ts';
import { SyslogFramer } from './syslog.ts';

for (const vector of file.cases as readonly Vector[]) {
  test(`syslog framing: ${vector.name}`, () => {
    const stream = octets(vector.input);
    const sizes = stream.length > 1000 ? [stream.length, 1000, 16_384] : [stream.length + 1, 1, 2, 3, 7];
    for (const size of sizes) {
      const outcome = collect(new SyslogFramer(vector.recordBytesMax), inChunks(stream, size));
      assert.deepEqual(describe(outcome.found), expected(vector), `in chunks of ${size}`);
      assert.equal(outcome.end, vector.end, `in chunks of ${size}`);
      assert.equal(outcome.refused, vector.refused, `in chunks of ${size}`);
    }
  });
}

test('syslog framing: a chunk of whole frames comes out as one block without its lengths and delimiters', () => {
  const framer = new SyslogFramer();
  const blocks: [readonly Buffer[], Uint32Array][] = [];
  const sink = { records: (parts: readonly Buffer[], lengths: Uint32Array) => { blocks.push([parts, lengths]); }, cut: () => assert.fail() };
  framer.push(Buffer.from('5 hello<13>line\n6 world!'), sink);
  assert.equal(blocks.length, 1);
  assert.equal(Buffer.concat(blocks[0]![0]).toString(), 'hello<13>lineworld!');
  assert.deepEqual([...blocks[0]![1]], [5, 8, 6]);
});

test('syslog framing: a block stays as it was when later chunks come', () => {
  const framer = new SyslogFramer(8);
  const kept: Buffer[] = [];
  const sink = { records: (parts: readonly Buffer[]) => { kept.push(...parts); }, cut: () => {} };
  framer.push(Buffer.from('3 one26 too long, and cut, by far!3 two3 th'), sink);
  framer.push(Buffer.from('r4 four5 five!'), sink);
  assert.equal(Buffer.concat(kept).toString(), 'onetwothrfourfive!');
});

test('syslog framing: a frame of 100 MB holds no more memory than the longest record', () => {
  const chunk = Buffer.alloc(1_000_000, 'x');
  function* stream(): Generator<Buffer> {
    yield Buffer.from('100000000 ');
    for (let i = 0; i < 100; i += 1) yield chunk;
    yield Buffer.from('5 after');
  }
  const outcome = collect(new SyslogFramer(), stream());
  const [cut, after] = outcome.found;
  assert.ok(cut !== undefined && 'beginning' in cut);
  assert.equal(cut.fullLength, 100_000_000);
  assert.equal(cut.beginning.length, 262_144);
  assert.deepEqual(after, Buffer.from('after'));
  assert.ok(outcome.memoryBytesMax <= 262_144);
});

test('syslog framing: an octet at a time holds no more memory than the longest record', () => {
  const stream = Buffer.concat([Buffer.from('3000 '), Buffer.alloc(3000, 'x')]);
  const outcome = collect(new SyslogFramer(1024), inChunks(stream, 1));
  assert.ok(outcome.memoryBytesMax <= 1024);
});

test('syslog framing: a frame that is given up is kept cut, a stray space is none', () => {
  const found: unknown[] = [];
  const sink = { records: () => assert.fail(), cut: ({ beginning, fullLength }: { beginning: Buffer; fullLength: number }) => { found.push([beginning.toString(), fullLength]); } };
  const framer = new SyslogFramer();
  framer.push(Buffer.from('<13>never en'), sink);
  assert.equal(framer.unfinished, true);
  assert.equal(framer.end('given-up', sink), 'unfinished');
  framer.push(Buffer.from(' '), sink);
  assert.equal(framer.unfinished, false);
  assert.equal(framer.end('given-up', sink), 'complete');
  assert.deepEqual(found, [['<13>never en', 12]]);
});
