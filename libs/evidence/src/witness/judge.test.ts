// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { test } from 'node:test';
import vectors from '../../vectors/witness.json' with { type: 'json' };
import { consistencyPath } from '../log-proof.ts';
import { LogTree } from '../log-tree.ts';
import { EMPTY_ROOT } from '../merkle.ts';
import { checkpointText, parseVkey, signedNote, vkeyLine } from '../note.ts';
import { tilePath } from '../tiles.ts';
import { encodeAddCheckpoint, parseAddCheckpoint } from './add-checkpoint.ts';
import { judgeAddCheckpoint, type Judgement, type TreeHead } from './judge.ts';

const ORIGIN = 'peer.example/log';
const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const key = parseVkey(vkeyLine(ORIGIN, publicKey.export({ type: 'spki', format: 'der' })));
const files = new Map<string, Buffer>();
const tree = new LogTree();
const roots = [EMPTY_ROOT];
for (let i = 0; i < 700; i += 1) {
  tree.append(Buffer.from(`entry ${i}`));
  roots.push(tree.root());
}
for (const { path, bytes } of tree.takeFiles()) files.set(path, bytes);
const proofOf = (older: number, size: number): Buffer[] => consistencyPath(older, size, ({ level, index, width }) => {
  const file = [...files].find(([path]) => path === tilePath(level, index, 256) || path.startsWith(`${tilePath(level, index, 256)}.p/`))![1];
  return file.subarray(0, width * 32);
});
const note = (size: number, root = roots[size]!, extension = '', by = privateKey): string => {
  const text = checkpointText({ origin: ORIGIN, size, root }) + extension;
  return signedNote(text, key, sign(null, Buffer.from(text), by));
};
const request = (oldSize: number, size: number, proof = proofOf(oldSize, size), signed = note(size)): Buffer => Buffer.from(encodeAddCheckpoint({ oldSize, proof, note: signed }));
const judge = (body: Buffer, last: TreeHead | null): Judgement => judgeAddCheckpoint(body, { keys: (origin) => (origin === ORIGIN ? [key] : undefined), last: () => last });
const at = (size: number): TreeHead => ({ size, root: roots[size]! });

test('a request of the vectors is written and read', () => {
  const read = parseAddCheckpoint(Buffer.from(vectors.request));
  assert.deepEqual([read.oldSize, read.proof.length, read.note], [7, 2, vectors.note]);
  assert.equal(encodeAddCheckpoint(read), vectors.request);
});

test('a log is followed from nothing, and from every size to every other', () => {
  assert.equal(judge(request(0, 0), null).status, 200);
  for (const older of [0, 1, 2, 3, 7, 8, 255, 256, 257, 511, 512, 600, 699, 700]) {
    for (const size of [1, 2, 3, 8, 255, 256, 257, 512, 513, 700].filter((one) => one >= older)) {
      const judged = judge(request(older, size), older === 0 ? null : at(older));
      assert.ok(judged.status === 200, `${older} to ${size}: ${JSON.stringify(judged)}`);
      assert.deepEqual([judged.head.size, judged.head.note], [size, note(size)]);
    }
  }
});

test('signatures of others are left out of what is kept', () => {
  const signed = `${note(5)}— other.example ${randomBytes(70).toString('base64')}\n`;
  const judged = judge(request(0, 5, [], signed), null);
  assert.ok(judged.status === 200 && judged.head.note === note(5));
});

test('extension lines are kept as they are', () => {
  const judged = judge(request(0, 5, [], note(5, roots[5], 'more\n')), null);
  assert.ok(judged.status === 200 && judged.head.text.endsWith('=\nmore\n'));
  assert.equal(judge(request(0, 5, [], note(5, roots[5], '\nmore\n')), null).status, 400);
});

test('another old size than was cosigned is told the one that was', () => {
  assert.deepEqual(judge(request(3, 8), at(5)), { status: 409, origin: ORIGIN, size: 5 });
  assert.deepEqual(judge(request(3, 8), null), { status: 409, origin: ORIGIN, size: 0 });
  assert.deepEqual(judge(request(3, 4), at(5)), { status: 409, origin: ORIGIN, size: 5 });
});

const other = randomBytes(32);
const REFUSED: readonly [name: string, body: Buffer, last: TreeHead | null, status: number][] = [
  ['a fork of the same size', request(5, 5, [], note(5, other)), at(5), 422],
  ['a fork that grew', request(5, 9, proofOf(5, 9), note(9, other)), at(5), 422],
  ['a proof for another log', request(5, 9, proofOf(4, 9)), at(5), 422],
  ['no proof', request(5, 9, []), at(5), 422],
  ['a proof where none is needed', request(0, 9, [other]), null, 422],
  ['a proof between equal sizes', request(5, 5, [other]), at(5), 422],
  ['an empty log with a root', request(0, 0, [], note(0, other)), null, 422],
  ['a checkpoint below its old size', request(9, 5, []), at(9), 400],
  ['a signature of somebody else under this name', request(0, 5, [], note(5, roots[5], '', generateKeyPairSync('ed25519').privateKey)), null, 403],
  ['no signature of the log', request(0, 5, [], `${checkpointText({ origin: ORIGIN, size: 5, root: roots[5]! })}\n— x ${other.toString('base64')}\n`), null, 403],
  ['an unknown origin', Buffer.from(request(0, 5).toString().replace(ORIGIN, 'who.example/log')), null, 404],
  ['nothing', Buffer.alloc(0), null, 400],
  ['no old size', Buffer.from(note(5)), null, 400],
  ['an old size with a leading zero', Buffer.from(`old 05\n\n${note(5)}`), null, 400],
  ['an old size beyond all numbers', Buffer.from(`old 9007199254740993\n\n${note(5)}`), null, 400],
  ['a hash too short', Buffer.from(`old 5\nAAAA\n\n${note(9)}`), at(5), 400],
  ['a hash with spare bits', Buffer.from(`old 5\n${'A'.repeat(42)}B=\n\n${note(9)}`), at(5), 400],
  ['too many hashes', request(5, 9, Array.from({ length: 64 }, () => other)), at(5), 400],
  ['octets that are no UTF-8', Buffer.concat([request(0, 5), Buffer.of(0xff)]), null, 400],
  ['a note without its end', request(0, 5).subarray(0, -1), null, 400],
  ['a body far too long', Buffer.concat([request(0, 5), Buffer.alloc(100_000, 'x')]), null, 400],
];
for (const [name, body, last, status] of REFUSED) {
  test(`${status}: ${name}`, () => assert.equal(judge(body, last).status, status));
}
