// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import {
  DerReader, der, derBitString, derBoolean, derContextTag, derInteger, derNamedBits, derNull, derOctetString, derOid,
  derSequence, derSet, derTag, derTime, derUtf8, derWhole,
} from './der.ts';

const hex = (bytes: Buffer): string => bytes.toString('hex');
const reader = (text: string): DerReader => new DerReader(Buffer.from(text.replaceAll(' ', ''), 'hex'));

test('writes what X.690 shows for each type', () => {
  assert.equal(hex(derInteger(0)), '020100');
  assert.equal(hex(derInteger(127)), '02017f');
  assert.equal(hex(derInteger(128)), '02020080');
  assert.equal(hex(derInteger(Buffer.from('0000ff01', 'hex'))), '020300ff01');
  assert.equal(hex(derOid('1.2.840.113549')), '06062a864886f70d');
  assert.equal(hex(derOid('2.999.3')), '0603883703');
  assert.equal(hex(derBoolean(true)), '0101ff');
  assert.equal(hex(derNull()), '0500');
  assert.equal(hex(derUtf8('é')), '0c02c3a9');
  assert.equal(hex(derOctetString(Buffer.of(1, 2))), '04020102');
  assert.equal(hex(derBitString(Buffer.of(0xa0), 4)), '030204a0');
  assert.equal(hex(derNamedBits([0])), '03020780');
  assert.equal(hex(derNamedBits([5, 6])), '03020106');
  assert.equal(hex(derNamedBits([])), '030100');
  assert.equal(hex(der(derContextTag(0, true), derInteger(2))), 'a003020102');
});

test('sorts a SET OF and keeps a SEQUENCE as given', () => {
  assert.equal(hex(derSet(derInteger(2), derInteger(1))), '3106020101020102');
  assert.equal(hex(derSequence(derInteger(2), derInteger(1))), '3006020102020101');
});

test('writes times as RFC 5280 wants them: two-digit years through 2049, then four', () => {
  assert.equal(derTime(new Date('2049-12-31T23:59:59.999Z')).toString('latin1', 2), '491231235959Z');
  assert.equal(derTime(new Date('2050-01-01T00:00:00Z')).toString('latin1', 2), '20500101000000Z');
  assert.equal(derTime(new Date('2050-01-01T00:00:00Z'))[0], derTag.generalizedTime);
});

test('writes and reads lengths across every size of the length itself', () => {
  for (const length of [0, 127, 128, 255, 256, 65_535, 65_536]) {
    const bytes = derOctetString(Buffer.alloc(length, 7));
    const read = new DerReader(bytes);
    assert.equal(read.octetString().length, length);
    read.end();
  }
});

test('reads back what it wrote', () => {
  const read = derWhole(derSequence(derInteger(65_537), derOid('1.3.6.1.5.5.7.3.1'), derBoolean(true), derBitString(Buffer.of(9))));
  assert.equal(read.integer(), 65_537n);
  assert.equal(read.oid(), '1.3.6.1.5.5.7.3.1');
  assert.equal(read.boolean(), true);
  assert.deepEqual([...read.bitString()], [9]);
  assert.equal(read.next, undefined);
  read.end();
  assert.deepEqual(new DerReader(derNamedBits([0, 1, 8])).namedBits(), [0, 1, 8]);
  assert.deepEqual(new DerReader(derNamedBits([])).namedBits(), []);
  assert.equal(new DerReader(Buffer.from('8001ff', 'hex')).integer(derContextTag(0, false)), -1n);
  assert.equal(hex(new DerReader(Buffer.from('a403020105', 'hex')).any()), 'a403020105');
  assert.equal(new DerReader(Buffer.from('0201ff', 'hex')).integer(), -1n);
});

test('reads a public key that OpenSSL wrote', () => {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const spki = derWhole(publicKey.export({ type: 'spki', format: 'der' }));
  const algorithm = spki.enter(derTag.sequence);
  assert.equal(algorithm.oid(), '1.2.840.10045.2.1');
  assert.equal(algorithm.oid(), '1.2.840.10045.3.1.7');
  algorithm.end();
  assert.equal(spki.bitString().length, 65);
  spki.end();
  assert.ok(createPublicKey({ key: publicKey.export({ type: 'spki', format: 'der' }), format: 'der', type: 'spki' }));
});

const refusals: readonly (readonly [string, string, string, (read: DerReader) => unknown])[] = [
  ['a missing value', '', 'der.truncated', (read) => read.integer()],
  ['a tag alone', '02', 'der.truncated', (read) => read.integer()],
  ['content shorter than its length', '04 05 01', 'der.truncated', (read) => read.octetString()],
  ['a length cut short', '04 82 01', 'der.truncated', (read) => read.octetString()],
  ['a length beyond any input', '04 84 ff ff ff ff', 'der.truncated', (read) => read.octetString()],
  ['an indefinite length', '30 80 00 00', 'der.length', (read) => read.enter(derTag.sequence)],
  ['a length of five octets', '04 85 00 00 00 00 01 01', 'der.length', (read) => read.octetString()],
  ['a long form for a short length', '04 81 01 01', 'der.length', (read) => read.octetString()],
  ['a length with a leading zero', '04 82 00 80', 'der.length', (read) => read.octetString()],
  ['another tag', '04 01 01', 'der.tag', (read) => read.integer()],
  ['an empty integer', '02 00', 'der.value', (read) => read.integer()],
  ['a padded integer', '02 02 00 01', 'der.value', (read) => read.integer()],
  ['a padded negative integer', '02 02 ff 80', 'der.value', (read) => read.integer()],
  ['a boolean of 01', '01 01 01', 'der.value', (read) => read.boolean()],
  ['a boolean of two octets', '01 02 ff ff', 'der.value', (read) => read.boolean()],
  ['an empty identifier', '06 00', 'der.value', (read) => read.oid()],
  ['an identifier that ends inside an arc', '06 02 2a 86', 'der.value', (read) => read.oid()],
  ['a padded arc', '06 03 2a 80 01', 'der.value', (read) => read.oid()],
  ['an endless arc', '06 08 2a ff ff ff ff ff ff 7f', 'der.value', (read) => read.oid()],
  ['a key with unused bits', '03 02 01 02', 'der.value', (read) => read.bitString()],
  ['a bit string without its first octet', '03 00', 'der.value', (read) => read.bitString()],
  ['named bits without their first octet', '03 00', 'der.value', (read) => read.namedBits()],
  ['named bits whose spare bits are set', '03 02 05 30', 'der.value', (read) => read.namedBits()],
  ['named bits with nine spare ones', '03 02 09 00', 'der.value', (read) => read.namedBits()],
  ['spare bits of nothing', '03 01 01', 'der.value', (read) => read.namedBits()],
  ['anything where nothing is', '', 'der.truncated', (read) => read.any()],
  ['a tag of two octets', '1f 01 00', 'der.tag', (read) => read.any()],
];

for (const [name, bytes, code, read] of refusals) {
  test(`refuses ${name}`, () => {
    assert.throws(() => read(reader(bytes)), { name: 'Refused', code });
  });
}

test('refuses what is left over, inside and outside', () => {
  assert.throws(() => derWhole(Buffer.from('300000', 'hex')), { code: 'der.trailing' });
  const inner = derWhole(Buffer.from('3003020101', 'hex'));
  assert.throws(() => inner.end(), { code: 'der.trailing' });
});

test('never reads past its input, whatever the bytes', () => {
  for (let seed = 1; seed <= 20_000; seed++) {
    const bytes = noise(seed);
    const read = new DerReader(bytes);
    try {
      while (read.next !== undefined) read.content(read.next);
    } catch (error) {
      assert.match((error as { code: string }).code, /^der\./);
    }
  }
});

/** Up to 16 octets that depend on the seed alone. */
function noise(seed: number): Buffer {
  const bytes = Buffer.alloc(seed % 17);
  let state = seed;
  for (let index = 0; index < bytes.length; index++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[index] = state >>> 16;
  }
  return bytes;
}
