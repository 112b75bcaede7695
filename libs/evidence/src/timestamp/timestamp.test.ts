// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { createPublicKey, hash, sign } from 'node:crypto';
import { test } from 'node:test';
import { Refused, der, derContextTag, derInteger, derNull, derOid, derSequence, derTag, derUtf8 } from '@strongroom/bytes';
import {
  certificateExtension, makeResponse, pssAlgorithm, signedAttribute, signingCertificateV1, signingCertificateV2, stampingIdentity,
  type StampingIdentity, type StampingKey, type StampingWishes, type TokenWishes,
} from '@strongroom/testing';
import vectors from '../../vectors/timestamp.json' with { type: 'json' };
import { encodeTimestampRequest, timestampTrust, verifyTimestamp, type Asked } from './index.ts';

const STAMPED = Buffer.from('example.com/log\n7\nAAAA\n');
const root = stampingIdentity({ commonName: 'Root', authority: true });
const between = stampingIdentity({ commonName: 'Between', authority: true, issuer: root });
const signer = stampingIdentity({ commonName: 'Stamper', issuer: root });
const rsa = stampingIdentity({ commonName: 'RSA stamper', issuer: root, kind: 'rsa' });
const trust = timestampTrust([root.certificate]);

const response = (wishes: Partial<TokenWishes> = {}): Buffer => makeResponse({ signer, stamped: STAMPED, ...wishes });
const accepted = (bytes: Buffer, asked?: Asked) => verifyTimestamp(bytes, STAMPED, trust, asked);
const stamper = (wishes: Partial<StampingWishes>): StampingIdentity => stampingIdentity({ commonName: 'Odd', issuer: root, ...wishes });

for (const kind of ['rsa', 'p256', 'p384', 'ed25519'] satisfies StampingKey[]) {
  test(`takes a token of a ${kind} key under a root of the same kind`, () => {
    const authority = stampingIdentity({ commonName: 'Root', authority: true, kind });
    const own = stampingIdentity({ commonName: 'Stamper', issuer: authority, kind });
    const read = verifyTimestamp(makeResponse({ signer: own, stamped: STAMPED, time: '20260301120003Z' }), STAMPED, timestampTrust([authority.certificate]));
    assert.deepEqual(read, { time: 1_772_366_403_000_000_000n, accuracyNs: null, authority: 'CN=Stamper', serial: '7', policy: '1.3.6.1.4.1.13762.3' });
  });
}

test('reads fractions of a second and the accuracy to the nanosecond', () => {
  const accuracy = derSequence(derInteger(1), der(derContextTag(0, false), Buffer.of(2)), der(derContextTag(1, false), Buffer.of(3)));
  const { time, accuracyNs } = accepted(response({ time: '20260301120003.5Z', accuracy }));
  assert.deepEqual([time, accuracyNs], [1_772_366_403_500_000_000n, 1_002_003_000n]);
});

const variants: readonly (readonly [string, Partial<TokenWishes>])[] = [
  ['RSASSA-PSS', { signer: rsa, signature: 'pss' }],
  ['rsaEncryption beside the digest, as CMS writes it', { signer: rsa, signature: 'plain-rsa' }],
  ['a signer named by its key', { identifier: der(derContextTag(0, false), skiOf(signer)) }],
  ['the older signing certificate attribute', { signingCertificate: signingCertificateV1(signer) }],
  ['both signing certificate attributes', { moreAttributes: [signingCertificateV1(signer)] }],
  ['further certificates and attributes', { carries: [root.certificate, signer.certificate, der(derContextTag(1, true))], moreAttributes: [signedAttribute('1.2.3', derNull())] }],
  ['an extension that is not critical', { extensions: [certificateExtension('1.2.3', false, derNull())] }],
];
for (const [name, wishes] of variants) test(`takes ${name}`, () => assert.equal(accepted(response(wishes)).serial, '7'));

test('finds the way to the root over authorities in the token, in any order, and over those beside the root', () => {
  const below = stampingIdentity({ commonName: 'Stamper', issuer: between });
  assert.equal(accepted(response({ signer: below, carries: [between.certificate, below.certificate] })).authority, 'CN=Stamper');
  const apart = timestampTrust([between.certificate, root.certificate]);
  assert.equal(verifyTimestamp(response({ signer: below }), STAMPED, apart).authority, 'CN=Stamper');
});

test('a signer without a name is told as one', () => {
  assert.equal(accepted(response({ signer: stamper({ commonName: null }) })).authority, 'an authority without a name');
});

test('takes what was asked for', () => {
  assert.equal(accepted(response({ nonce: 99n }), { nonce: 99n, policy: '1.3.6.1.4.1.13762.3' }).serial, '7');
});

test('asks as RFC 3161 has it', () => {
  const imprint = hash('sha256', STAMPED, 'buffer');
  assert.equal(encodeTimestampRequest({ imprint, nonce: 5n }).toString('hex'), `303c020101${'3031300d060960864801650304020105000420'}${imprint.toString('hex')}0201050101ff`);
  assert.ok(encodeTimestampRequest({ imprint, nonce: 5n, policy: '1.2.3' }).includes(derOid('1.2.3')));
});

const withTrailing = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.of(0)]);
const issued = (by: StampingIdentity): StampingIdentity => stampingIdentity({ commonName: 'Stamper', issuer: by });
const long = stampingIdentity({ commonName: 'Narrow', authority: true, issuer: root, pathLength: 0 });
const tooDeep = stampingIdentity({ commonName: 'Deep', authority: true, issuer: long });

/** Each refused: what it is, by which code, and the response. */
const refusals: readonly (readonly [string, string, () => Buffer, Asked?])[] = [
  ['a token over other octets', 'timestamp.imprint', () => response({ stamped: Buffer.from('other') })],
  ['an imprint by SHA-1', 'timestamp.algorithm', () => response({ imprint: { algorithm: '1.3.14.3.2.26', value: hash('sha1', STAMPED, 'buffer') } })],
  ['no nonce where one was asked for', 'timestamp.nonce', () => response(), { nonce: 5n }],
  ['another nonce', 'timestamp.nonce', () => response({ nonce: 6n }), { nonce: 5n }],
  ['another policy', 'timestamp.policy', () => response({ nonce: 5n }), { nonce: 5n, policy: '1.2.3' }],
  ['another type of content', 'timestamp.attributes', () => response({ contentType: '1.2.840.113549.1.7.1' })],
  ['another type of content, signed so', 'timestamp.attributes', () => response({ contentType: '1.2.840.113549.1.7.1', signedType: '1.2.840.113549.1.7.1' })],
  ['another type than what is signed', 'timestamp.attributes', () => response({ signedType: '1.2.840.113549.1.7.1' })],
  ['a content that the attributes do not cover', 'timestamp.signature', () => response({ messageDigest: Buffer.alloc(32) })],
  ['no signed attributes', 'timestamp.attributes', () => response({ noAttributes: true })],
  ['no signing certificate attribute', 'timestamp.attributes', () => response({ signingCertificate: null })],
  ['an attribute that is there twice', 'timestamp.attributes', () => response({ moreAttributes: [signingCertificateV2(signer)] })],
  ['thirty-three attributes', 'timestamp.attributes', () => response({ moreAttributes: Array.from({ length: 30 }, (_, i) => signedAttribute(`1.2.${i}`, derNull())) })],
  ['an attribute with two values', 'der.trailing', () => response({ moreAttributes: [signedAttribute('1.2.3', derNull(), derInteger(1))] })],
  ['a certificate other than the one that signed', 'timestamp.signer', () => response({ signingCertificate: signingCertificateV2(rsa) })],
  ['a serial other than that of the one that signed', 'timestamp.signer', () => response({ signingCertificate: signingCertificateV2(signer, signer.serial + 1n) })],
  ['an older attribute of another certificate', 'timestamp.signer', () => response({ moreAttributes: [signingCertificateV1(rsa)] })],
  ['no certificate', 'timestamp.signer', () => response({ carries: [] })],
  ['the certificates of others alone', 'timestamp.signer', () => response({ carries: [rsa.certificate, root.certificate] })],
  ['seventeen certificates', 'timestamp.format', () => response({ carries: Array.from({ length: 17 }, () => signer.certificate) })],
  ['two signers', 'timestamp.format', () => response({ signers: 2 })],
  ['a signature by another key', 'timestamp.signature', () => response({ signature: { algorithm: ecdsa256(), value: sign('sha256', STAMPED, signer.key) } })],
  ['a signature of nothing', 'timestamp.signature', () => response({ signature: { algorithm: ecdsa256(), value: Buffer.alloc(0) } })],
  ['a signature by SHA-1', 'timestamp.algorithm', () => response({ signer: rsa, signature: { algorithm: derSequence(derOid('1.2.840.113549.1.1.5'), derNull()), value: Buffer.alloc(256) } })],
  ['a digest by SHA-1', 'timestamp.algorithm', () => response({ digest: derSequence(derOid('1.3.14.3.2.26')) })],
  ['an RSA algorithm with another key', 'timestamp.algorithm', () => response({ signature: { algorithm: derSequence(derOid('1.2.840.113549.1.1.11'), derNull()), value: Buffer.alloc(256) } })],
  ['RSASSA-PSS that mixes hashes', 'timestamp.algorithm', () => response({ signer: rsa, signature: { algorithm: pssAlgorithm('sha384'), value: Buffer.alloc(256) } })],
  ['RSASSA-PSS with its old defaults', 'der.truncated', () => response({ signer: rsa, signature: { algorithm: derSequence(derOid('1.2.840.113549.1.1.10'), derSequence()), value: Buffer.alloc(256) } })],
  ['RSASSA-PSS with a hash that the key does not allow', 'timestamp.signature', () => response({ signer: stamper({ kind: 'rsa-pss' }), signature: { algorithm: pssAlgorithm(), value: Buffer.alloc(256) } })],
  ['an RSA key of 1024 bits', 'timestamp.algorithm', () => response({ signer: stamper({ kind: 'rsa-1024' }) })],
  ['a signer for TLS servers', 'timestamp.usage', () => response({ signer: stamper({ purposes: ['1.3.6.1.5.5.7.3.1'] }) })],
  ['a signer for time stamping and more', 'timestamp.usage', () => response({ signer: stamper({ purposes: ['1.3.6.1.5.5.7.3.8', '1.3.6.1.5.5.7.3.1'] }) })],
  ['a signer without a purpose', 'timestamp.usage', () => response({ signer: stamper({ purposes: [] }) })],
  ['a signer whose purpose is not critical', 'timestamp.usage', () => response({ signer: stamper({ purposesCritical: false }) })],
  ['a signer whose key encrypts', 'timestamp.usage', () => response({ signer: stamper({ keyUsage: [0, 2] }) })],
  ['a signer with an unknown critical extension', 'timestamp.usage', () => response({ signer: stamper({ extensions: [certificateExtension('1.2.3', true, derNull())] }) })],
  ['a signer that was not valid yet', 'timestamp.expired', () => response({ signer: stamper({ fromDays: 1, toDays: 2 }) })],
  ['a signer that was not valid any more', 'timestamp.expired', () => response({ signer: stamper({ fromDays: -2, toDays: -1 }) })],
  ['a time before its root was made', 'timestamp.expired', () => response({ time: '20010101000000Z' })],
  ['a root that is not trusted', 'timestamp.untrusted', () => response({ signer: issued(stampingIdentity({ commonName: 'Root', authority: true })) })],
  ['a missing authority', 'timestamp.untrusted', () => response({ signer: issued(between) })],
  ['a signer that issued itself', 'timestamp.untrusted', () => response({ signer: stampingIdentity({ commonName: 'Self' }) })],
  ['an issuer that is no authority', 'timestamp.untrusted', () => chained(stamper({ keyUsage: null, purposes: [] }))],
  ['an authority that may not sign certificates', 'timestamp.untrusted', () => chained(stamper({ authority: true, keyUsage: [0] }))],
  ['an authority with an unknown critical extension', 'timestamp.untrusted', () => chained(stamper({ authority: true, extensions: [certificateExtension('1.2.3', true, derNull())] }))],
  ['an authority of 1024 bits', 'timestamp.untrusted', () => chained(stamper({ authority: true, kind: 'rsa-1024' }))],
  ['an authority deeper than its issuer allows', 'timestamp.untrusted', () => chained(tooDeep, long)],
  ['a critical extension of the token', 'timestamp.extension', () => response({ extensions: [certificateExtension('1.2.3', true, derNull())] })],
  ['a certificate with an extension twice', 'timestamp.format', () => response({ carries: [signer.certificate, stamper({ extensions: [certificateExtension('2.5.29.15', false, derNull())] }).certificate] })],
  ['another version', 'timestamp.format', () => response({ version: 2 })],
  ...['20260230120000Z', '20260301240000Z', '202603011200Z', '20260301120000', '20260301120000.Z', '20260301120000.0123456789Z', '2026030112000+Z', '19690101000000Z'].map(
    (time): [string, string, () => Buffer] => [`the time ${time}`, 'timestamp.format', () => response({ time })]),
  ['an accuracy of a thousand milliseconds', 'timestamp.format', () => response({ accuracy: derSequence(der(derContextTag(0, false), Buffer.of(3, 0xe8))) })],
  ['a negative accuracy', 'timestamp.format', () => response({ accuracy: derSequence(der(derTag.integer, Buffer.of(0xff))) })],
  ['an accuracy of years', 'timestamp.format', () => response({ accuracy: derSequence(derInteger(31_536_001)) })],
  ['a token that is no signed data', 'timestamp.format', () => derSequence(derSequence(derInteger(0)), derSequence(derOid('1.2.840.113549.1.7.1')))],
  ['granted, without a token', 'timestamp.format', () => derSequence(derSequence(derInteger(0)))],
  ['a refusal', 'timestamp.denied', () => derSequence(derSequence(derInteger(2), derSequence(derUtf8('closed')), Buffer.of(3, 2, 5, 0x20)))],
  ['octets after the response', 'der.trailing', () => withTrailing(response())],
  ['octets inside, after the token', 'der.trailing', () => derSequence(derSequence(derInteger(0)), derSequence(derOid('1.2.840.113549.1.7.2')), derNull())],
  ['nothing', 'der.truncated', () => Buffer.alloc(0)],
  ['a length beyond the end', 'der.truncated', () => Buffer.from('3084ffffffff', 'hex')],
  ['an indefinite length', 'der.length', () => Buffer.concat([Buffer.of(0x30, 0x80), response().subarray(4), Buffer.of(0, 0)])],
  ['more than 64 KiB', 'timestamp.too-long', () => Buffer.alloc(65_537)],
];

for (const [name, code, make, asked] of refusals) {
  test(`refuses ${name}`, () => assert.throws(() => accepted(make(), asked), { name: 'Refused', code }));
}

test('tells why an authority gave none', () => {
  const denied = derSequence(derSequence(derInteger(2), derSequence(derUtf8('closed')), Buffer.of(3, 2, 5, 0x20)));
  assert.throws(() => accepted(denied), { why: 'status 2, bad request, closed' });
});

test('refuses a token that is cut anywhere', () => {
  const whole = response();
  for (let length = 0; length < whole.length; length += 1) assert.throws(() => accepted(whole.subarray(0, length)), { name: 'Refused', code: 'der.truncated' });
});

test('whatever bit is changed: refused, or it says the same', () => {
  const whole = response({ nonce: 5n, time: '20260301120003Z' });
  const said = accepted(whole);
  for (let bit = 0; bit < whole.length * 8; bit += 1) {
    const changed = Buffer.from(whole);
    changed[bit >> 3]! ^= 1 << (bit & 7);
    try {
      assert.deepEqual(accepted(changed), said, `bit ${bit}`);
    } catch (error) {
      assert.ok(error instanceof Refused, `bit ${bit}: ${String(error)}`);
    }
  }
});

const published = timestampTrust(vectors.roots.map((one) => Buffer.from(one, 'base64')));

for (const { name, response: base64, ...said } of vectors.accepted) {
  test(`takes the published vector: ${name}`, () => {
    const { time, accuracyNs, authority, serial, policy } = verifyTimestamp(Buffer.from(base64, 'base64'), Buffer.from(vectors.stamped), published);
    assert.deepEqual({ openssl: said.openssl, time: String(time), accuracyNs: accuracyNs === null ? null : String(accuracyNs), authority, serial, policy }, said);
  });
}

for (const { name, code, response: base64 } of vectors.refused) {
  test(`refuses the published vector: ${name}`, () => {
    assert.throws(() => verifyTimestamp(Buffer.from(base64, 'base64'), Buffer.from(vectors.stamped), published), { name: 'Refused', code });
  });
}

test('no root, no trust', () => {
  assert.throws(() => timestampTrust([]), { name: 'Refused', code: 'timestamp.roots' });
  assert.throws(() => timestampTrust([between.certificate]), { name: 'Refused', code: 'timestamp.roots' });
  assert.throws(() => timestampTrust([signer.certificate]), { name: 'Refused', code: 'timestamp.roots' });
  assert.throws(() => timestampTrust(Array.from({ length: 65 }, () => root.certificate)), { name: 'Refused', code: 'timestamp.roots' });
  assert.throws(() => timestampTrust([Buffer.from('3000', 'hex')]), { name: 'Refused', code: 'der.truncated' });
});

function skiOf({ key }: StampingIdentity): Buffer {
  return hash('sha1', createPublicKey(key).export({ type: 'spki', format: 'der' }), 'buffer');
}

function chained(...authorities: readonly StampingIdentity[]): Buffer {
  const own = issued(authorities[0]!);
  return response({ signer: own, carries: [own.certificate, ...authorities.map(({ certificate }) => certificate)] });
}

function ecdsa256(): Buffer {
  return derSequence(derOid('1.2.840.10045.4.3.2'));
}
