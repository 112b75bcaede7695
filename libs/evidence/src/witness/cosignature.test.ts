// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { test } from 'node:test';
import vectors from '../../vectors/witness.json' with { type: 'json' };
import { openNote, parseVkey } from '../note.ts';
import { cosignatureLine, cosignaturesOf, cosignedText, cosignerVkey, parseCosignerVkey, withSignatures } from './cosignature.ts';

const { cosigners, note, cosigned, logVkey } = vectors;
const keys = cosigners.map(({ vkey }) => parseCosignerVkey(vkey));
const text = openNote(note, parseVkey(logVkey));

function privateKey(seed: string) {
  return createPrivateKey({ key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.from(seed, 'hex')]), format: 'der', type: 'pkcs8' });
}

test('keys, signed texts and lines are those of the vectors', () => {
  for (const [i, { seed, vkey, seconds, message, line }] of cosigners.entries()) {
    const secret = privateKey(seed);
    assert.equal(cosignerVkey(keys[i]!.name, createPublicKey(secret).export({ type: 'spki', format: 'der' })), vkey);
    assert.equal(cosignedText(text, seconds), message);
    assert.equal(cosignatureLine(keys[i]!, seconds, sign(null, Buffer.from(message), secret)), line);
  }
  assert.equal(withSignatures(note, cosigners.map(({ line }) => line)), cosigned);
});

test('cosignatures of known keys are found, those of others are not looked at', () => {
  assert.deepEqual(cosignaturesOf(cosigned, keys).map(({ key, seconds, line }) => [key.name, seconds, `${line}\n`]), cosigners.map(({ vkey, seconds, line }) => [parseCosignerVkey(vkey).name, seconds, line]));
  assert.deepEqual(cosignaturesOf(cosigned, [keys[1]!]).map(({ key }) => key.name), ['witness.example/w2']);
  assert.deepEqual(cosignaturesOf(note, keys), []);
  assert.equal(openNote(cosigned, parseVkey(logVkey)), text, 'a reader that knows no cosigner reads the note as before');
});

test('of two cosignatures of one key the later counts', () => {
  const [one] = cosigners;
  const later = cosignatureLine(keys[0]!, 1_790_000_099, sign(null, Buffer.from(cosignedText(text, 1_790_000_099)), privateKey(one!.seed)));
  assert.deepEqual(cosignaturesOf(withSignatures(cosigned, [later]), [keys[0]!]).map(({ seconds }) => seconds), [1_790_000_099]);
});

test('a cosignature that is not over this text, not of its time, or without a time is refused', () => {
  const secret = privateKey(cosigners[0]!.seed);
  const over = (signed: string, seconds: number): string => note + cosignatureLine(keys[0]!, seconds, sign(null, Buffer.from(signed), secret));
  const wrong = [over(text, 5), over(cosignedText(text, 5), 6), over(cosignedText(text, 0), 0), over(cosignedText(text.replace('20', '21'), 5), 5)];
  for (const bad of wrong) assert.throws(() => cosignaturesOf(bad, keys), { name: 'Refused', code: 'note.cosignature' });
  const short = `${note}— ${keys[0]!.name} ${Buffer.concat([keys[0]!.id, Buffer.alloc(64)]).toString('base64')}\n`;
  assert.throws(() => cosignaturesOf(short, keys), { name: 'Refused', code: 'note.cosignature' });
});

test('a log’s key is no cosigner’s, and the other way round', () => {
  assert.throws(() => parseCosignerVkey(logVkey), { name: 'Refused', code: 'note.vkey' });
  assert.throws(() => parseVkey(cosigners[0]!.vkey), { name: 'Refused', code: 'note.vkey' });
});
