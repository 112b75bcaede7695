// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { Failed, Refused } from '@strongroom/bytes';
import { BuiltStream, StoreBuilder, buildStore, memoryStore, type BuiltStore } from '@strongroom/testing';
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
