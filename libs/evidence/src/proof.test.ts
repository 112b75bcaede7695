// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import vectors from '../vectors/proof.json' with { type: 'json' };
import stamped from '../vectors/timestamp.json' with { type: 'json' };
import { parseVkey, vkeyLine } from './note.ts';
import { verifyProof, type Proof } from './proof.ts';
import { timestampTrust } from './timestamp/index.ts';

const key = parseVkey(vectors.vkey);
const whole = vectors.proof as Proof;

test('a proof proves its record', () => {
  const { checkpoint, entry, context, sequence, raw } = verifyProof(whole, key);
  assert.deepEqual([checkpoint.size, sequence, raw.toString('hex'), context.source], [vectors.proves.size, vectors.proves.sequence, vectors.proves.raw, vectors.proves.source]);
  assert.equal(entry.records, 4);
});

/** Flips a bit in every base64 text, one after the other. */
function* changed(value: unknown, path: string[] = []): Generator<{ name: string; proof: Proof }> {
  for (const [name, inner] of Object.entries(value as object)) {
    const at = [...path, name];
    if (typeof inner === 'object') yield* changed(inner, at);
    else if (typeof inner === 'number') yield { name: at.join('.'), proof: replaced(at, inner + 1) };
    else if (!['format', 'id', 'checkpoint'].includes(name)) yield { name: at.join('.'), proof: replaced(at, flipped(inner as string)) };
  }
}

function flipped(base64: string): string {
  const bytes = Buffer.from(base64, 'base64');
  bytes[bytes.length >> 1]! ^= 4;
  return bytes.toString('base64');
}

function replaced(path: readonly string[], value: unknown): Proof {
  const proof = structuredClone(whole);
  const inner = path.slice(0, -1).reduce((at, name) => at[name] as Record<string, unknown>, proof as unknown as Record<string, unknown>);
  inner[path.at(-1)!] = value;
  return proof;
}

for (const { name, proof } of changed(whole)) {
  test(`a proof with another ${name} is refused`, () => {
    assert.throws(() => verifyProof(proof, key), ({ name: error, code }) => error === 'Refused' && /^(merkle|proof|entry|receipt)\./.test(code));
  });
}

const malformed: readonly (readonly [string, unknown])[] = [
  ['nothing', null], ['no object', 'proof'], ['another version', { ...whole, format: 'strongroom proof v2' }], ['no record', { ...whole, record: undefined }],
  ['another id', { ...whole, id: '13-3' }], ['a path that is no list', replaced(['entry', 'path'], 'AAAA')], ['a path of numbers', replaced(['record', 'path'], [1, 2])],
  ['a path of 65 nodes', replaced(['record', 'path'], Array.from({ length: 65 }, () => 'AAAA'))], ['a negative index', replaced(['entry', 'index'], -1)], ['a fraction', replaced(['record', 'sequence'], 0.5)],
  ['base64 with spare bits', replaced(['record', 'raw'], 'AP+A/h==')], ['base64 with a space', replaced(['record', 'raw'], 'AP+A/g== ')], ['a salt of 15 octets', replaced(['record', 'salt'], Buffer.alloc(15).toString('base64'))],
  ['an entry that is no batch', vectors.notABatch],
];

for (const [name, proof] of malformed) {
  test(`a proof is refused: ${name}`, () => {
    assert.throws(() => verifyProof(proof as Proof, key), { name: 'Refused', code: 'proof.malformed' });
  });
}

test('a proof under another key is refused', () => {
  const { publicKey } = generateKeyPairSync('ed25519');
  const other = parseVkey(vkeyLine(key.name, publicKey.export({ type: 'spki', format: 'der' })));
  assert.throws(() => verifyProof(whole, other), { name: 'Refused', code: 'note.signature' });
});

const trust = timestampTrust(stamped.roots.map((one) => Buffer.from(one, 'base64')));
const timed: Proof = { ...whole, timestamp: vectors.timestamp };

test('a proof with a timestamp tells when its record existed, to whom it says whom to believe', () => {
  const { timestamp } = verifyProof(timed, key, trust);
  assert.deepEqual([timestamp?.checkpoint.size, timestamp?.verified?.authority, String(timestamp?.verified?.time)], [20, 'CN=Test TSA', stamped.accepted[0]!.time]);
  assert.equal(verifyProof(timed, key).timestamp?.verified, null);
  assert.equal(verifyProof(whole, key, trust).timestamp, null);
});

const untimely: readonly (readonly [string, string, unknown])[] = [
  ['another path', 'merkle.inclusion', { path: whole.entry.path.slice(1) }],
  ['a checkpoint that is not signed', 'note.malformed', { checkpoint: stamped.stamped.split('\n\n')[0] }],
  ['a checkpoint of other octets than were stamped', 'timestamp.imprint', { checkpoint: `${stamped.stamped}— another AAAAAAAA\n` }],
  ['an answer that does not hold', 'timestamp.imprint', { response: stamped.refused[0]!.response }],
  ['an answer that is no base64', 'proof.malformed', { response: 'wha?' }],
  ['no answer', 'proof.malformed', { response: undefined }],
  ['a path that is no list', 'proof.malformed', { path: 'AAAA' }],
];
for (const [name, code, change] of untimely) {
  test(`a timestamp in a proof is refused: ${name}`, () => {
    assert.throws(() => verifyProof({ ...timed, timestamp: { ...timed.timestamp!, ...(change as object) } }, key, trust), { name: 'Refused', code });
  });
}

test('null is no timestamp', () => {
  assert.throws(() => verifyProof({ ...whole, timestamp: null } as unknown as Proof, key), { name: 'Refused', code: 'proof.malformed' });
});
