// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { hash, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import vectors from '../vectors/segment.json' with { type: 'json' };
import { FRAME_PLAIN_MAX, decodeFrameHeader, decodeSegmentHeader, encodeSegmentHeader, keyCommitment, openFrame, parsePartName, partName, sealFrame, segmentHeaderDigest, segmentName } from './segment.ts';
import { xaesKey } from './xaes.ts';

const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex');
const { dataKey, hex: headerHex, digest: headerDigest, ...fields } = vectors.header;
const header = { ...fields, createdAt: BigInt(fields.createdAt), commitment: bytes(fields.commitment) };
const key = xaesKey(bytes(dataKey));

test('a header is written and read', () => {
  assert.equal(encodeSegmentHeader(header).toString('hex'), headerHex);
  assert.deepEqual(decodeSegmentHeader(Buffer.concat([bytes(headerHex), randomBytes(50)])), { header, length: headerHex.length / 2 });
  assert.equal(segmentHeaderDigest(bytes(headerHex)).toString('hex'), headerDigest);
});

test('a segment commits to its data key and its id', () => {
  assert.equal(keyCommitment(bytes(dataKey), header.id).toString('hex'), fields.commitment);
  assert.notEqual(keyCommitment(bytes(dataKey), '0000000000000013').toString('hex'), fields.commitment);
});

for (const { name, index, final, plain, hex, digest } of vectors.frames) {
  test(`a frame is read: ${name}`, () => {
    const { index: said, final: last } = decodeFrameHeader(bytes(hex));
    assert.deepEqual([said, last], [index, final]);
    assert.equal(openFrame(key, bytes(headerDigest), bytes(hex)).toString('hex'), plain);
    assert.equal(hash('sha256', bytes(hex)), digest);
  });
}

test('a frame that is sealed is opened again, compressed where that shortens it', () => {
  for (const plain of [Buffer.alloc(0), Buffer.from('short'), Buffer.alloc(10_000, 'long'), randomBytes(10_000)]) {
    const frame = Buffer.concat(sealFrame(key, bytes(headerDigest), 3, plain));
    assert.ok(openFrame(key, bytes(headerDigest), frame).equals(plain));
    assert.ok(frame.length <= plain.length + 60);
  }
  assert.ok(Buffer.concat(sealFrame(key, bytes(headerDigest), 0, Buffer.alloc(10_000))).length < 200);
});

test('a frame opens under its own header and key alone', () => {
  const frame = bytes(vectors.frames[0]!.hex);
  assert.throws(() => openFrame(key, randomBytes(32), frame), { name: 'Refused', code: 'xaes.tag' });
  assert.throws(() => openFrame(xaesKey(randomBytes(32)), bytes(headerDigest), frame), { name: 'Refused', code: 'xaes.tag' });
});

for (const { name, code, hex } of vectors.refusedHeaders) {
  test(`a header is refused: ${name}`, () => {
    assert.throws(() => decodeSegmentHeader(bytes(hex)), { name: 'Refused', code });
  });
}

for (const { name, code, hex } of vectors.refusedFrames) {
  test(`a frame is refused: ${name}`, () => {
    assert.throws(() => openFrame(key, bytes(headerDigest), bytes(hex)), { name: 'Refused', code });
  });
}

test('segments and their parts have their names', () => {
  assert.equal(segmentName(18), '0000000000000012');
  assert.equal(partName('0000000000000012', 0), '0000000000000012.seg');
  assert.equal(partName('0000000000000012', 900), '0000000000000012.900.seg');
  assert.deepEqual(parsePartName('0000000000000012.seg'), { segment: '0000000000000012', offset: 0 });
  assert.deepEqual(parsePartName('0000000000000012.900.seg'), { segment: '0000000000000012', offset: 900 });
  for (const name of ['12.seg', '0000000000000012.seg.new', '0000000000000012.09.seg', '000000000000001A.seg', '0000000000000012.9007199254740993.seg']) assert.equal(parsePartName(name), null, name);
});

test('a frame beyond the limit is a mistake of ours', () => {
  assert.throws(() => sealFrame(key, bytes(headerDigest), 0, Buffer.alloc(FRAME_PLAIN_MAX + 1)), { name: 'Bug', code: 'segment.frame-too-long' });
});
