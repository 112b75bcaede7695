// SPDX-License-Identifier: Apache-2.0
// Whatever the bytes, a parser returns a value or refuses: the valid vectors of every format, changed at random places.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { Refused } from '@strongroom/bytes';
import batch from '../vectors/batch.json' with { type: 'json' };
import commit from '../vectors/commit.json' with { type: 'json' };
import entry from '../vectors/entry.json' with { type: 'json' };
import note from '../vectors/note.json' with { type: 'json' };
import proof from '../vectors/proof.json' with { type: 'json' };
import receipt from '../vectors/receipt.json' with { type: 'json' };
import rotation from '../vectors/rotation.json' with { type: 'json' };
import segment from '../vectors/segment.json' with { type: 'json' };
import submission from '../vectors/submission.json' with { type: 'json' };
import tiles from '../vectors/tiles.json' with { type: 'json' };
import timestamp from '../vectors/timestamp.json' with { type: 'json' };
import wrappedKey from '../vectors/wrapped-key.json' with { type: 'json' };
import { batchRoot, decodeBatch } from './batch.ts';
import { NO_DIGEST, decodeCommits } from './commit.ts';
import { decodeEntry, encodeEntry } from './entry.ts';
import { openCheckpoint, parseVkey } from './note.ts';
import { verifyProof, type Proof } from './proof.ts';
import { decodeContext, encodeContext } from './receipt.ts';
import { readRotation } from './rotation.ts';
import { decodeFrameHeader, decodeSegmentHeader, encodeSegmentHeader } from './segment.ts';
import { decodeMessage } from './submission.ts';
import { decodeBundle, encodeBundle } from './tiles.ts';
import { timestampTrust, verifyTimestamp } from './timestamp/index.ts';
import { decodeWrappedKey, encodeWrappedKey } from './wrapped-key.ts';

const ROUNDS = 4000;
const key = parseVkey(note.vkey);
const trust = timestampTrust(timestamp.roots.map((one) => Buffer.from(one, 'base64')));
const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex');

/** Reads, and writes again where there is one form only: what was accepted must be what it is written as. */
const parsers: Readonly<Record<string, { readonly seeds: readonly Buffer[]; readonly parse: (given: Buffer) => Buffer | void }>> = {
  batch: { seeds: batch.vectors.map(({ hex }) => bytes(hex)), parse: (given) => { const { seed, runs } = decodeBatch(given); batchRoot(seed, runs); } },
  commit: { seeds: commit.files.map(({ hex, ends }) => bytes(hex).subarray(ends.at(-2) ?? 0, ends.at(-1)).subarray(4, -32)), parse: (given) => { decodeCommits(enclosed(given)); } },
  context: { seeds: receipt.vectors.map(({ hex }) => bytes(hex)), parse: (given) => encodeContext(decodeContext(given)) },
  entry: { seeds: entry.vectors.map(({ text }) => Buffer.from(text)), parse: (given) => encodeEntry(decodeEntry(given)) },
  note: { seeds: note.accepted.map((one) => Buffer.from(one.note)), parse: (given) => { openCheckpoint(given.toString(), key); } },
  rotation: { seeds: rotation.rotations.map((text) => Buffer.from(text)), parse: (given) => { readRotation(given.toString()); } },
  vkey: { seeds: [Buffer.from(note.vkey)], parse: (given) => { parseVkey(given.toString()); } },
  'segment header': { seeds: [bytes(segment.header.hex)], parse: (given) => { const { header, length } = decodeSegmentHeader(given); assert.ok(encodeSegmentHeader(header).equals(given.subarray(0, length))); } },
  'frame header': { seeds: segment.frames.map(({ hex }) => bytes(hex)), parse: (given) => { decodeFrameHeader(given); } },
  submission: { seeds: submission.vectors.map(({ hex }) => bytes(hex).subarray(4)), parse: (given) => { decodeMessage(given[0] ?? 0, given.subarray(1)); } },
  bundle: { seeds: [bytes(tiles.bundle.hex)], parse: (given) => encodeBundle(decodeBundle(given, 3)) },
  timestamp: { seeds: [...timestamp.accepted, ...timestamp.refused].map(({ response }) => Buffer.from(response, 'base64')), parse: (given) => { verifyTimestamp(given, Buffer.from(timestamp.stamped), trust); } },
  'timestamp roots': { seeds: timestamp.roots.map((one) => Buffer.from(one, 'base64')), parse: (given) => { timestampTrust([given]); } },
  'wrapped key': { seeds: [bytes(wrappedKey.hex)], parse: (given) => encodeWrappedKey(decodeWrappedKey(given)) },
};

for (const [name, { seeds, parse }] of Object.entries(parsers)) {
  test(`${name}: what was changed anywhere is read as what it is, or refused`, () => {
    const random = numbers(name);
    for (let round = 0; round < ROUNDS; round += 1) {
      const given = mutated(seeds[round % seeds.length]!, random);
      try {
        const again = parse(given);
        if (again !== undefined) assert.ok(again.equals(given), given.toString('hex'));
      } catch (error) {
        assert.ok(error instanceof Refused, `${String(error)} for ${given.toString('hex')}`);
      }
    }
  });
}

test('a proof that was changed anywhere is refused', () => {
  const random = numbers('proof');
  const text = Buffer.from(JSON.stringify(proof.proof));
  for (let round = 0; round < ROUNDS; round += 1) {
    const given = parsed(mutated(text, random));
    if (given === undefined || JSON.stringify(given) === text.toString()) continue;
    assert.throws(() => verifyProof(given as Proof, key), { name: 'Refused' }, JSON.stringify(given));
  }
});

function parsed(text: Buffer): unknown {
  try {
    return JSON.parse(text.toString());
  } catch {
    return undefined;
  }
}

/** One record with a right length and digest around whatever its type and body became, so that these are looked at. */
function enclosed(typeAndBody: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(Math.max(0, typeAndBody.length - 1));
  const record = Buffer.concat([head, typeAndBody]);
  return Buffer.concat([record, createHash('sha256').update(NO_DIGEST).update(record).digest()]);
}

/** Numbers below 2^32 that depend on the name alone (a linear congruential generator). */
function numbers(name: string): (below: number) => number {
  let state = [...Buffer.from(name)].reduce((sum, octet) => (Math.imul(sum, 31) + octet) >>> 0, 7);
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** One to four changes: a bit, an octet of a telling value, octets taken away or put in. */
function mutated(seed: Buffer, random: (below: number) => number): Buffer {
  let given = Buffer.from(seed);
  for (let changes = 1 + random(4); changes > 0; changes -= 1) {
    const at = random(given.length + 1);
    const [kind, length] = [random(5), 1 + random(8)];
    if (kind === 0 && at < given.length) given[at]! ^= 1 << random(8);
    else if (kind === 1 && at < given.length) given[at] = [0, 1, 0x7f, 0x80, 0xff, 10, 32][random(7)]!;
    else if (kind === 2) given = Buffer.concat([given.subarray(0, at), given.subarray(at + length)]);
    else if (kind === 3) given = Buffer.concat([given.subarray(0, at), given.subarray(random(given.length + 1)).subarray(0, length), given.subarray(at)]);
    else given = given.subarray(0, at);
  }
  return given;
}
