// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';
import { test } from 'node:test';
import { buildStore, memoryStore } from '@strongroom/testing';
import { cosignatureLine, cosignedText, cosignerVkey, parseCosignerVkey, parsePolicy, rootAt, splitNote, tilePath, verifyStore, type Verdict, type VerifyOptions } from '../index.ts';

const store = buildStore(300);
const cosigners = ['one', 'two', 'three'].map((name) => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const vkey = cosignerVkey(`${name}.example/w`, publicKey.export({ type: 'spki', format: 'der' }));
  return { name, vkey, key: parseCosignerVkey(vkey), privateKey };
});
const policy = parsePolicy(Buffer.from(`${cosigners.map(({ name, vkey }) => `witness ${name} ${vkey}\n`).join('')}group g 2 one two three\nquorum g\n`));
const tile = ({ level, index, width }: { level: number; index: number; width: number }): Buffer =>
  (store.files.get(`log/${tilePath(level, index, width)}`) ?? store.files.get(`log/${tilePath(level, index, 256)}`) ?? [...store.files].find(([path]) => path.startsWith(`log/${tilePath(level, index, 256)}.p/`))![1]).subarray(0, width * 32);
const older = store.signCheckpoint(280, rootAt(280, 300, tile));

function cosigned(note: string, ...by: readonly (typeof cosigners)[number][]): string {
  return note + by.map(({ key, privateKey }, i) => line(note, key, privateKey, 1_790_000_000 + i)).join('');
}
function line(note: string, key: (typeof cosigners)[number]['key'], secret: KeyObject, seconds: number): string {
  return cosignatureLine(key, seconds, sign(null, Buffer.from(cosignedText(splitNote(note).text, seconds)), secret));
}
function verified(witnessed: string | null, options: Partial<VerifyOptions> = {}): Verdict {
  const files = new Map(store.files);
  if (witnessed !== null) files.set('witnessed', Buffer.from(witnessed));
  return verifyStore(memoryStore(files), { key: store.key, ...options });
}
const codes = ({ failures }: Verdict): string[] => failures.map(({ code }) => code);
const [one, two] = cosigners as [(typeof cosigners)[0], (typeof cosigners)[0]];

test('a store says how far a quorum vouches for it, and by whom', () => {
  const verdict = verified(cosigned(older, one, two), { policy });
  assert.deepEqual([verdict.ok, verdict.witnessed], [true, { size: 280, at: '2026-09-21T14:13:21.000Z', by: ['one', 'two'] }]);
  assert.deepEqual(verified(cosigned(store.checkpoint, one, two), { policy }).witnessed?.size, 300);
});

function copy(...by: readonly (typeof cosigners)[number][]): Verdict {
  return verifyStore(memoryStore(new Map([...store.files, ['log/checkpoint', Buffer.from(cosigned(store.checkpoint, ...by))]])), { key: store.key, policy });
}

test('the copy of a mirror carries its word under the log\'s own checkpoint', () => {
  assert.deepEqual([copy(one, two).ok, copy(one, two).witnessed?.by], [true, ['one', 'two']]);
  assert.deepEqual(codes(copy(one)), ['witness.quorum']);
  assert.deepEqual(codes(copy()), ['witness.missing']);
});

test('without a policy cosignatures are not judged, and the checkpoint must still be of this store', () => {
  assert.deepEqual(verified(cosigned(older, one)).witnessed, { size: 280, at: null, by: [] });
  assert.deepEqual(codes(verified(store.signCheckpoint(280, randomBytes(32)))), ['store.fork']);
  assert.deepEqual(codes(verified(store.signCheckpoint(301, randomBytes(32)))), ['store.rollback']);
  assert.deepEqual([verified(null).ok, verified(null).witnessed], [true, null]);
});

const forged = older + line(older, one.key, two.privateKey, 1_790_000_000);
const CASES: readonly [name: string, witnessed: string | null, code: string][] = [
  ['nothing is witnessed', null, 'witness.missing'],
  ['too few cosigned', cosigned(older, one), 'witness.quorum'],
  ['nobody cosigned', older, 'witness.quorum'],
  ['a cosignature is forged', forged, 'witness.cosignature'],
  ['another log is cosigned', cosigned(buildStore(3).checkpoint, one, two), 'witness.checkpoint'],
  ['it is no note', 'x', 'witness.checkpoint'],
  ['a quorum vouches for a longer log', cosigned(store.signCheckpoint(900, randomBytes(32)), one, two), 'store.rollback'],
  ['a quorum vouches for another log of this length', cosigned(store.signCheckpoint(300, randomBytes(32)), one, two), 'store.fork'],
];
for (const [name, witnessed, code] of CASES) {
  test(`with a policy the store is not valid: ${name}`, () => assert.deepEqual(codes(verified(witnessed, { policy })), [code]));
}
