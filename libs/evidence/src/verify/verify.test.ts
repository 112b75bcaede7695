// SPDX-License-Identifier: Apache-2.0
// What verification finds. That no bit can change unnoticed is shown by suites/src/tamper.test.ts over whole stores;
// here the log's own key signs what does not hold, and stores are met in the states that life leaves them in.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { BuiltStream, StoreBuilder, buildStore, memoryStore, syslogMessage, type BuiltStore } from '@strongroom/testing';
import { KIND } from '../receipt.ts';
import { parseChecksums } from './checksums.ts';
import { FINDINGS_MAX, NO_TIMESTAMPS, type FailureCode, type Verdict } from './verdict.ts';
import type { StoreReader } from './store-reader.ts';
import { verifyStore, type VerifyOptions } from './verify.ts';

function verify(store: BuiltStore, options: Partial<VerifyOptions> = {}, reader: StoreReader = memoryStore(store.files)): Verdict {
  return verifyStore(reader, { key: store.key, dataKey: (segment) => store.dataKeys.get(segment) ?? null, ...options });
}

function codes(verdict: Verdict): FailureCode[] {
  return [...new Set(verdict.failures.map((failure) => failure.code))];
}

/** A store with one open segment and one batch of two records, and its makers. */
function begun(): { builder: StoreBuilder; stream: BuiltStream } {
  const builder = new StoreBuilder();
  const stream = new BuiltStream(builder);
  builder.batch([stream.run(['one', 'two'])]);
  return { builder, stream };
}

test('a store is counted and its contents are checked', () => {
  const store = buildStore(300);
  const verdict = verify(store, { remembered: [store.checkpoint], checksums: parseChecksums(store.checksums) });
  assert.deepEqual(verdict, {
    ok: true, degraded: false, records: 308, batches: 5, segments: 3, destroyedSegments: 0, destroyedRecords: 0, logSize: 300, uncommittedBytes: 0, contents: 'checked', protection: 'not looked at', timestamps: NO_TIMESTAMPS, witnessed: null, failures: [], failuresOmitted: 0,
    facts: [{ code: 'segment.torn', where: 'segments/0000000000000002.seg', detail: 'a crash interrupted it after 2 frames' }], factsOmitted: 0,
  });
});

test('without data keys all but the contents is checked, and the verdict says so', () => {
  const store = buildStore(20);
  const { key } = store;
  const without = verifyStore(memoryStore(store.files), { key });
  assert.equal(without.ok, true);
  assert.equal(without.contents, 'not checked: no data keys were given');
  const some = verify(store, { dataKey: (segment) => (segment.endsWith('1') ? null : store.dataKeys.get(segment)!) });
  assert.equal(some.ok, true);
  assert.equal(some.contents, 'not checked: there is no data key for 1 segments, the others are checked');
});

test('progress reaches the octets of all segments', () => {
  const store = buildStore(20);
  const seen: [number, number][] = [];
  verify(store, { progress: (done, total) => seen.push([done, total]) });
  const torn = 100; // the leftover that a crash left has no meaning and is not read
  const octets = [...store.files].filter(([path]) => path.startsWith('segments/')).reduce((sum, [, bytes]) => sum + bytes.length, 0);
  assert.deepEqual(seen.at(-1), [octets - torn, octets - torn]);
});

test('what a live vault adds meanwhile is uncommitted, and superseded partial tiles are found in their successors', () => {
  const { builder, stream } = begun();
  for (let i = 0; i < 300; i += 1) builder.heartbeat();
  const older = builder.build();
  builder.batch([stream.run([syslogMessage(3)])]);
  for (let i = 0; i < 300; i += 1) builder.heartbeat();
  const newer = builder.build();
  let reads = 0;
  const moving = memoryStore(newer.files);
  const readFile = (path: string): Buffer | null => (path === 'log/checkpoint' && reads++ === 0 ? Buffer.from(older.checkpoint) : moving.readFile(path));
  const verdict = verify(newer, {}, { ...moving, readFile });
  assert.deepEqual(verdict.failures, []);
  assert.equal(verdict.logSize, 301);
  assert.equal(verdict.uncommittedBytes, newer.files.get('segments/0000000000000001.seg')!.length - older.files.get('segments/0000000000000001.seg')!.length);
});

test('a partial tile that is gone is a failure where the checkpoint has not moved on', () => {
  const store = buildStore(300);
  const wider = buildStore(301);
  const files = new Map(store.files);
  files.delete('log/tile/0/001.p/44');
  files.set('log/tile/0/001.p/45', Buffer.concat([store.files.get('log/tile/0/001.p/44')!, wider.files.get('log/tile/0/001.p/45')!.subarray(-32)]));
  assert.deepEqual(codes(verify(store, {}, memoryStore(files))), ['log.tile']);
});

test('a segment that no entry names yet is a fact', () => {
  const { builder, stream } = begun();
  builder.closeSegment();
  const older = builder.build();
  builder.batch([stream.run(['three'])]);
  const newer = builder.build();
  const path = 'segments/0000000000000002.seg';
  const verdict = verify(older, {}, memoryStore(new Map([...older.files, [path, newer.files.get(path)!]])));
  assert.equal(verdict.ok, true);
  assert.equal(verdict.uncommittedBytes, newer.files.get(path)!.length);
  assert.deepEqual(verdict.facts.map((fact) => fact.code), ['segment.unlisted']);
});

test('files that no format describes are facts', () => {
  const store = buildStore(3);
  const strange = ['notes.txt', 'segments/x.seg', 'commit/1.commit', 'log/tile/0/1', 'log/tile/64/000', 'log/checkpoint.new'];
  const verdict = verify(store, {}, memoryStore(new Map([...store.files, ...strange.map((path) => [path, Buffer.of(1)] as const)])));
  assert.equal(verdict.ok, true);
  assert.deepEqual(verdict.facts.filter((fact) => fact.code === 'store.unknown-file').map((fact) => fact.where).toSorted(), strange.toSorted());
});

test('an older store than the remembered one is a rollback, unless an older copy is asked for', () => {
  const builder = new StoreBuilder();
  const older = builder.heartbeat().build();
  const newer = builder.heartbeat().build();
  assert.deepEqual(codes(verify(older, { remembered: [newer.checkpoint] })), ['store.rollback']);
  const asOf = verify(older, { remembered: [newer.checkpoint], asOf: true });
  assert.equal(asOf.ok, true);
  assert.deepEqual(asOf.facts.map((fact) => fact.code), ['store.as-of']);
});

test('a store that continues another log than the remembered one is a fork, at any older size', () => {
  for (const size of [1, 255, 256, 257, 511, 512, 600]) {
    const store = buildStore(600);
    const other = store.signCheckpoint(size, randomBytes(32));
    assert.deepEqual(codes(verify(store, { remembered: [other] })), ['store.fork'], `size ${size}`);
  }
});

test('every older checkpoint of the same log is accepted', () => {
  const builder = new StoreBuilder();
  const remembered: string[] = [];
  for (let i = 0; i < 600; i += 1) {
    builder.heartbeat().commit();
    remembered.push(builder.build().checkpoint);
  }
  assert.deepEqual(verify(builder.build(), { remembered }).failures, []);
});

test('a remembered checkpoint of another key is a failure, not ignored', () => {
  const store = buildStore(3);
  assert.deepEqual(codes(verify(store, { remembered: [buildStore(1).checkpoint] })), ['store.remembered']);
});

test('the wrong key refuses the checkpoint, the rest is judged all the same', () => {
  const verdict = verify(buildStore(20), { key: buildStore(0).key });
  assert.deepEqual(codes(verdict), ['log.checkpoint-signature', 'commit.checkpoint']);
  assert.equal(verdict.records, 308);
});

test('a checkpoint of another origin, signed by the key, is refused', () => {
  const store = buildStore(0, { origin: 'other.test/log' });
  const builder = new StoreBuilder();
  const text = store.checkpoint.split('\n\n')[0]!;
  assert.ok(text.startsWith('other.test/log\n'));
  const note = builder.signText(`${text}\n`);
  assert.deepEqual(codes(verify({ ...builder.build(), files: new Map([['log/checkpoint', Buffer.from(note)]]) })), ['log.checkpoint-origin']);
});

test('nothing is judged without a checkpoint', () => {
  const store = buildStore(3);
  store.files.delete('log/checkpoint');
  const verdict = verify(store);
  assert.deepEqual(codes(verdict), ['log.checkpoint-missing']);
  assert.equal(verdict.contents, 'not checked: there is no checkpoint to go by');
  store.files.set('log/checkpoint', Buffer.alloc(70_000, 65));
  assert.deepEqual(codes(verify(store)), ['store.format', 'log.checkpoint-missing']);
});

function broken(): never {
  throw new Error('EIO: i/o error, read');
}

test('a checkpoint of a size beyond all measure ends in bounded time, signed or not', () => {
  const store = buildStore(300);
  const size = Number.MAX_SAFE_INTEGER;
  const unsigned = store.checkpoint.replace('\n300\n', `\n${size}\n`);
  for (const note of [unsigned, store.signCheckpoint(size, randomBytes(32))]) {
    const verdict = verify(store, { remembered: [store.checkpoint] }, memoryStore(new Map([...store.files, ['log/checkpoint', Buffer.from(note)]])));
    assert.ok(codes(verdict).includes('log.bundle'));
    assert.ok(verdict.failuresOmitted > 0);
    assert.equal(verdict.records, 308);
  }
});

test('errors of the disk are failures, not exceptions', () => {
  const store = buildStore(20);
  const whole = memoryStore(store.files);
  const verdict = verify(store, {}, { ...whole, readAt: broken, list: broken });
  assert.ok(codes(verdict).includes('store.read'));
  assert.equal(verify(store, {}, { readFile: broken, readAt: broken, list: broken, sizeOf: broken }).ok, false);
});

test('failures are bounded, the rest is counted', () => {
  const { builder, stream } = begun();
  for (let i = 0; i < FINDINGS_MAX + 50; i += 1) builder.batch([stream.run(['x'])], { records: 2 });
  const verdict = verify(builder.build());
  assert.equal(verdict.failures.length, FINDINGS_MAX);
  assert.equal(verdict.failuresOmitted, 50);
});

const lies: readonly (readonly [string, FailureCode[], (of: ReturnType<typeof begun>) => StoreBuilder])[] = [
  ['more records than the batch holds', ['batch.contents'], ({ builder, stream }) => builder.batch([stream.run(['x'])], { records: 2 })],
  ['fewer octets', ['batch.contents'], ({ builder, stream }) => builder.batch([stream.run(['x'])], { bytes: 0 })],
  ['an earlier time', ['batch.contents'], ({ builder, stream }) => builder.batch([stream.run(['x'])], { from: 1n })],
  ['a later time', ['batch.contents'], ({ builder, stream }) => builder.batch([stream.run(['x'])], { to: 2_000_000_000_000_000_000n })],
  ['another root', ['batch.contents'], ({ builder, stream }) => builder.batch([stream.run(['x'])], { root: Buffer.alloc(32) })],
  ['a cut run of two records', ['batch.contents'], ({ builder, stream }) => builder.batch([stream.run(['x', 'y'], { kind: KIND.cut, cut: { fullLength: 9n, fullHash: Buffer.alloc(32) } })])],
  ['a frame that is no batch', ['batch.contents'], ({ builder }) => builder.batch([{ context: Buffer.of(9), receivedAt: 0n, firstSequence: 0, count: 1, lengths: Buffer.alloc(4), data: Buffer.alloc(0) }])],
  ['another header', ['segment.header', 'batch.sealed'], ({ builder, stream }) => builder.batch([stream.run(['x'])], { header: Buffer.alloc(32) })],
  ['another key', ['segment.header'], ({ builder, stream }) => builder.batch([stream.run(['x'])], { key: 'other' })],
  ['another digest', ['segment.frame-digest'], ({ builder, stream }) => builder.batch([stream.run(['x'])], { digest: Buffer.alloc(32) })],
  ['a frame number left out', ['segment.place', 'segment.frame'], ({ builder, stream }) => builder.batch([stream.run(['x'])], { frame: 2 })],
  ['the place of the frame before', ['segment.place', 'segment.frame-digest'], ({ builder, stream }) => builder.batch([stream.run(['x'])], { offset: 170 })],
  ['a length beyond any frame', ['segment.truncated'], ({ builder, stream }) => builder.batch([stream.run(['x'])], { length: 2 ** 40 })],
  ['a segment that is not there', ['segment.missing'], ({ builder, stream }) => builder.batch([stream.run(['x'])], { segment: 'ffffffffffffffff' })],
  ['more frames at the close', ['segment.closed-frames', 'segment.final-frame'], ({ builder }) => builder.closeSegment({ frames: 3 })],
  ['a shorter length at the close', ['segment.closed-length'], ({ builder }) => builder.closeSegment({ length: 200 })],
  ['a longer length at the close', ['segment.truncated'], ({ builder }) => builder.closeSegment({ length: 2 ** 40 })],
  ['another digest at the close', ['segment.closed-digest'], ({ builder }) => builder.closeSegment({ digest: Buffer.alloc(32) })],
  ['a torn close with a longer length', ['segment.closed-length'], ({ builder }) => builder.tearSegment(0, randomBytes(10_000), { length: 5000 })],
  ['a final frame with something in it', ['segment.final-frame'], ({ builder }) => builder.closeSegment({}, Buffer.from('late'))],
  ['a last frame that is not final', ['segment.final-frame'], ({ builder }) => builder.closeSegment({}, Buffer.alloc(0), false)],
  ['a segment closed twice', ['segment.closed'], ({ builder }) => builder.closeSegment().repeatLast()],
  ['a batch after the close', ['segment.closed', 'segment.place', 'segment.header', 'segment.frame-digest'], ({ builder, stream }) => builder.closeSegment().batch([stream.run(['x'])], { segment: '0000000000000001' })],
  ['an entry of no kind', ['log.entry'], ({ builder }) => builder.entryBytes(Buffer.from('strongroom batch v2\n'))],
];

for (const [name, expected, tell] of lies) {
  test(`a signed lie is named: ${name}`, () => {
    const found = codes(verify(tell(begun()).build()));
    assert.deepEqual(found.toSorted(), expected.toSorted());
  });
}
