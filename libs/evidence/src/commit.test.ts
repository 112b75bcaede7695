// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import vectors from '../vectors/commit.json' with { type: 'json' };
import { NO_DIGEST, decodeCommit, decodeCommits, encodeCommit, type Cycle, type Snapshot } from './commit.ts';

const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex');
type Written = (typeof vectors.files)[number]['records'][number];
type Producers = Written['producers'];

function producersOf(producers: Producers): Snapshot['producers'] {
  return producers.map((one) => ({
    ...one, instance: bytes(one.instance), digest: bytes(one.digest), seenAt: BigInt(one.seenAt), token: bytes(one.token),
    streams: one.streams.map((stream) => ({ ...stream, stream: bytes(stream.stream) })),
    denials: one.denials.map((denial) => ({ ...denial, stream: bytes(denial.stream) })),
  }));
}

function recordOf(written: Written): Snapshot | Cycle {
  const record = { ...written, producers: producersOf(written.producers) };
  if ('entries' in record) return { ...record, entries: record.entries.map(bytes) } as Cycle;
  const holds = record.holds.map((one: { hold: string; document: string }) => ({ ...one, document: bytes(one.document) }));
  return { ...record, holds, destroying: record.destroying.map(bytes) } as Snapshot;
}

for (const { name, records, hex, ends, digests } of vectors.files) {
  test(`a commit file is written and read: ${name}`, () => {
    let digest = NO_DIGEST;
    const parts = records.map((written, i) => {
      const encoded = encodeCommit(digest, recordOf(written));
      digest = encoded.digest;
      assert.equal(digest.toString('hex'), digests[i]);
      return encoded.bytes;
    });
    assert.equal(Buffer.concat(parts).toString('hex'), hex);
    assert.deepEqual(decodeCommits(bytes(hex)), { records: records.map(recordOf), digest, validBytes: ends.at(-1) });
  });

  test(`a commit file ends at its last whole record, wherever it is cut or changed: ${name}`, () => {
    const whole = bytes(hex);
    for (let length = 0; length < whole.length; length += 7) {
      const reached = ends.findLast((end) => end <= length) ?? 0;
      assert.equal(decodeCommits(whole.subarray(0, length)).validBytes, reached, `cut at ${length}`);
      const changed = Buffer.from(whole);
      changed[length]! ^= 1;
      assert.equal(decodeCommits(changed).validBytes, reached, `changed at ${length}`);
    }
  });
}

for (const { name, records, hex } of vectors.earlier) {
  test(`a commit file of an earlier form is read: ${name}`, () => {
    assert.deepEqual(decodeCommits(bytes(hex)).records, (records as Written[]).map(recordOf));
  });
}

for (const { name, code, hex } of vectors.refused) {
  test(`a commit record is refused though its digest is right: ${name}`, () => {
    assert.throws(() => decodeCommits(bytes(hex)), { name: 'Refused', code });
    assert.throws(() => decodeCommit(NO_DIGEST, bytes(hex)), { name: 'Refused', code });
  });
}

test('a record after another digest is none', () => {
  assert.equal(decodeCommit(Buffer.alloc(32, 1), bytes(vectors.files[0]!.hex)), null);
});
