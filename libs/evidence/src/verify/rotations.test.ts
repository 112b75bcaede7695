// SPDX-License-Identifier: Apache-2.0
// A log whose key changed, verified by who holds any of its keys.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BuiltStream, StoreBuilder, memoryStore } from '@strongroom/testing';
import { openCheckpoint, parseVkey } from '../note.ts';
import { linkRotations, readRotation } from '../rotation.ts';
import { verifyStore } from './verify.ts';

/** 300 entries under the first key, 30 under the second, 3 under the third. */
function rotated(keep: readonly boolean[] = [true, true]) {
  const builder = new StoreBuilder();
  const stream = new BuiltStream(builder);
  const vkeys = [builder.vkey];
  builder.batch([stream.run(['one'])]);
  for (let i = 0; i < 299; i += 1) builder.heartbeat();
  const first = builder.build();
  builder.batch([stream.run(['two'])]).rotate(keep[0]);
  const both = builder.build();
  vkeys.push(builder.vkey);
  for (let i = 0; i < 30; i += 1) builder.heartbeat();
  const second = builder.build();
  builder.rotate(keep[1]);
  vkeys.push(builder.vkey);
  for (let i = 0; i < 3; i += 1) builder.heartbeat();
  builder.batch([stream.run(['three'])]).closeSegment();
  return { builder, first, both, second, store: builder.build(), vkeys };
}

const ok = (store: { files: ReadonlyMap<string, Buffer> }, vkey: string, more = {}) => verifyStore(memoryStore(store.files), { key: parseVkey(vkey), ...more });
const codes = (verdict: ReturnType<typeof ok>): string[] => [...new Set(verdict.failures.map(({ code }) => code))];

test('whoever holds one of the keys, the first or the last, verifies the whole', () => {
  const { store, vkeys, first, second } = rotated();
  for (const vkey of vkeys) assert.deepEqual(ok(store, vkey, { remembered: [first.checkpoint, second.checkpoint] }).failures, []);
  assert.equal(openCheckpoint(store.checkpoint, parseVkey(vkeys[2]!)).size, store.size);
});

test('a checkpoint is by the key of its time alone', () => {
  const { store, vkeys, first, both, second } = rotated();
  const rotations = [...store.files].filter(([path]) => path.startsWith('rotations/')).map(([, bytes]) => readRotation(bytes.toString()));
  const chain = linkRotations(parseVkey(vkeys[1]!), rotations);
  assert.deepEqual(chain.epochs.map(({ from, to }) => [from, to]), [[0, 302], [302, 333], [333, Infinity]]);
  for (const { checkpoint } of [first, both, second, store]) openCheckpoint(checkpoint, chain);
  openCheckpoint(both.checkpoint, parseVkey(vkeys[0]!));
  openCheckpoint(both.checkpoint, parseVkey(vkeys[1]!));
  // What a stolen first key signs later is nobody's word any more, and the last key's is none of then.
  assert.throws(() => openCheckpoint(first.signCheckpoint(305, Buffer.alloc(32)), chain), { code: 'note.signature' });
  assert.throws(() => openCheckpoint(store.signCheckpoint(200, Buffer.alloc(32)), chain), { code: 'note.signature' });
});

test('without the proof of a change nobody can follow it, and that is a failure', () => {
  const { store, vkeys } = rotated([false, true]);
  assert.deepEqual(codes(ok(store, vkeys[2]!)), ['log.rotation', 'commit.checkpoint']);
  assert.ok(codes(ok(store, vkeys[0]!)).includes('log.checkpoint-signature'));
});

test('what was kept of a change elsewhere is followed too', () => {
  const [{ store, vkeys }] = [rotated()];
  const kept = [...store.files].filter(([path]) => path.startsWith('rotations/'));
  const rotations = kept.map(([, bytes]) => readRotation(bytes.toString()));
  for (const [path] of kept) store.files.delete(path);
  const verdict = ok(store, vkeys[0]!, { rotations });
  assert.deepEqual(verdict.failures.map(({ code, where }) => [code, where]), [['log.rotation', 'rotations/302.tlog-proof'], ['log.rotation', 'rotations/333.tlog-proof']]);
});

test('a change of another log, or an altered one, is named', () => {
  const [{ store, vkeys }, other] = [rotated(), rotated()];
  const path = 'rotations/302.tlog-proof';
  const foreign = new Map([...store.files, [path, other.store.files.get(path)!]]);
  assert.ok(codes(ok({ files: foreign }, vkeys[2]!)).includes('log.rotation'));
  const bytes = Buffer.from(store.files.get(path)!);
  for (let at = 0; at < bytes.length; at += 7) {
    const altered = Buffer.from(bytes);
    altered[at]! ^= 1;
    const verdict = ok({ files: new Map([...store.files, [path, altered]]) }, vkeys[2]!);
    assert.ok(codes(verdict).includes('log.rotation'), `octet ${at}`);
  }
  assert.ok(codes(ok({ files: new Map([...store.files, ['rotations/301.tlog-proof', bytes]]) }, vkeys[2]!)).includes('log.rotation'));
});

test('a rotation is refused when one of the two did not sign, or signed something else', () => {
  const { store, builder } = rotated();
  const text = store.files.get('rotations/302.tlog-proof')!.toString();
  const lines = text.trimEnd().split('\n');
  for (const one of [lines.slice(0, -1), [...lines.slice(0, -2), lines.at(-1)!]]) {
    assert.throws(() => readRotation(`${one.join('\n')}\n`), { code: 'note.signature' });
  }
  assert.throws(() => readRotation(text.replace('index 301', 'index 300')), { code: 'rotation.malformed' });
  assert.throws(() => readRotation(text.replace(/^extra .*\n/m, '')), { code: 'rotation.malformed' });
  assert.throws(() => readRotation(builder.signText('x\n')), { code: 'tlog-proof.malformed' });
});
