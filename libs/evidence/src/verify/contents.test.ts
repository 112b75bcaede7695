// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { hash, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { Failed, Refused } from '@strongroom/bytes';
import { BuiltStream, StoreBuilder, buildStore, memoryStore, type BuiltStore } from '@strongroom/testing';
import { useBulkHasher, withoutBulkHasher, type LeafRun } from '../hasher.ts';
import { nodeHash } from '../merkle.ts';
import { KIND } from '../receipt.ts';
import type { DataKeys } from './contents.ts';
import type { Verdict } from './verdict.ts';
import { verifyStore } from './verify.ts';

function verify(store: BuiltStore, dataKey: DataKeys = (segment) => store.dataKeys.get(segment) ?? null): Verdict {
  return verifyStore(memoryStore(store.files), { key: store.key, dataKey });
}

function facts(verdict: Verdict): string[] {
  return verdict.facts.map((fact) => fact.code);
}

function refuse(): never {
  throw new Refused('wrapped-key.version', 'this is no wrapped data key of version 1');
}

function away(): never {
  throw new Failed('keys.away', 'the HSM does not answer');
}

test('a data key that the segment does not commit to is refused before anything is opened with it', () => {
  const verdict = verify(buildStore(3), () => randomBytes(32));
  assert.deepEqual(verdict.failures.map((failure) => failure.code), ['segment.key']);
  assert.match(verdict.contents, /^not checked/);
  assert.deepEqual(verify(buildStore(3), () => Buffer.alloc(5)).failures.map((failure) => failure.code), ['segment.key']);
});

test('batches that are hashed independently are judged without the bulk hasher of the process', () => {
  const store = buildStore(9);
  // Right on the sample by which it is taken, and wrong on all else.
  useBulkHasher({ leaves: (run, to, at) => { if (run.count === 191) sampleLeaves(run, to, at); }, nodes: (level, pairs) => withoutBulkHasher(() => foldedBy(level, pairs)) });
  try {
    const options = { key: store.key, dataKey: (segment: string) => store.dataKeys.get(segment) ?? null };
    const wrong = verifyStore(memoryStore(store.files), options).failures.map(({ code, where }) => `${code} ${where}`);
    assert.deepEqual(wrong, ['batch.contents log entry 1', 'batch.contents log entry 2', 'batch.contents log entry 4', 'batch.contents log entry 5', 'batch.contents log entry 8']);
    const some = verifyStore(memoryStore(store.files), { ...options, independent: (index) => index > 4 }).failures.map(({ where }) => where);
    assert.deepEqual(some, ['log entry 1', 'log entry 2', 'log entry 4']);
    assert.ok(verifyStore(memoryStore(store.files), { ...options, independent: () => true }).ok);
  } finally {
    useBulkHasher(undefined);
  }
});

function sampleLeaves({ context, sequence, count, lengths, salts, saltAt, data }: LeafRun, to: Buffer, at: number): void {
  let start = 0;
  for (let i = 0; i < count; i += 1) {
    const number = Buffer.alloc(8);
    number.writeBigUInt64BE(BigInt(sequence + i));
    const end = start + lengths.readUInt32BE(i * 4);
    hash('sha256', Buffer.concat([Buffer.of(0), salts.subarray(saltAt + i * 16, saltAt + i * 16 + 16), context, number, data.subarray(start, end)]), 'buffer').copy(to, at + i * 32);
    start = end;
  }
}

function foldedBy(level: Buffer, pairs: number): void {
  for (let i = 0; i < pairs; i += 1) nodeHash(level.subarray(i * 64, i * 64 + 32), level.subarray(i * 64 + 32, i * 64 + 64)).copy(level, i * 32);
}

test('a wrapped key that is refused is a failure of its segment, an HSM that is away is not', () => {
  assert.deepEqual(verify(buildStore(3), refuse).failures.map((failure) => failure.code), ['segment.key']);
  assert.throws(() => verify(buildStore(3), away), { code: 'keys.away' });
});

test('records that follow one another leave nothing to say', () => {
  const builder = new StoreBuilder();
  const [one, two] = [new BuiltStream(builder, 'a'), new BuiltStream(builder, 'b')];
  builder.batch([one.run(['1', '2']), two.run(['1']), one.run(['3'])]).batch([two.run(['2']), one.end()]);
  assert.deepEqual(verify(builder.build()).facts, []);
});

test('numbers that a stream leaves out or repeats, and gaps that the vault recorded, are facts', () => {
  const builder = new StoreBuilder();
  const [lossy, repeating, vault] = [new BuiltStream(builder), new BuiltStream(builder), new BuiltStream(builder)];
  const [first, , third] = [lossy.run(['1']), lossy.run(['2']), lossy.run(['3'])];
  const again = repeating.run(['1', '2']);
  const gap = JSON.stringify({ event: 'vault.stream-gap', expected: 1, found: 2 });
  builder.batch([first, third, vault.run([gap], { kind: KIND.gap })]).batch([again, again]);
  const verdict = verify(builder.build());
  assert.equal(verdict.ok, true);
  assert.deepEqual(facts(verdict), ['stream.jump', 'stream.gap', 'stream.repeat']);
  assert.equal(verdict.facts[1]!.detail, gap);
});

test('a stream whose first records are missing is seen', () => {
  const builder = new StoreBuilder();
  const stream = new BuiltStream(builder);
  stream.run(['lost']);
  builder.batch([stream.run(['kept'])]);
  assert.deepEqual(facts(verify(builder.build())), ['stream.jump']);
});

test('streams that are followed at once are bounded, and that is said', () => {
  const builder = new StoreBuilder();
  const first = new BuiltStream(builder);
  builder.batch([first.run(['1'])]);
  builder.batch(Array.from({ length: 65_536 }, () => new BuiltStream(builder).run([''])));
  first.run(['lost']);
  builder.batch([first.run(['3'])]);
  assert.deepEqual(facts(verify(builder.build())), ['stream.untracked']);
});
