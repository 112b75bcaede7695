// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { der, derBitString, derContextTag, derInteger, derOid, derSequence, derTag, derWhole } from '@strongroom/bytes';
import { makeRequest, readRequest, readRequestDer } from './csr.ts';
import { distinguishedName } from './names.ts';
import { OID } from './object-identifiers.table.ts';
import { pemDecode, pemEncode } from './pem.ts';

const folder = mkdtempSync(join(tmpdir(), 'strongroom-csr-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const withoutOpenssl = spawnSync('openssl', ['version']).status === 0 ? false : 'machine: openssl is not installed';

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const ours = makeRequest(privateKey, 'web-01');

/** A request with single parts replaced, signed rightly. */
function request(parts: { version?: number; tail?: Buffer; algorithm?: string; attributes?: Buffer } = {}): Buffer {
  const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  const attributes = parts.attributes ?? der(derContextTag(0, true));
  const info = derSequence(derInteger(parts.version ?? 0), distinguishedName({ commonName: 'x' }), spki, attributes, parts.tail ?? Buffer.alloc(0));
  return derSequence(info, derSequence(derOid(parts.algorithm ?? OID.ecdsaWithSha256)), derBitString(sign('sha256', info, privateKey)));
}

test('reads back the key of a request of ours', () => {
  const key = readRequest(ours);
  assert.equal(key.name, 'P-256');
  assert.deepEqual(key.spki, createPublicKey(privateKey).export({ type: 'spki', format: 'der' }));
});

test('openssl verifies requests of ours, ECDSA and RSA', { skip: withoutOpenssl }, () => {
  const rsa = makeRequest(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey, 'web-02');
  for (const pem of [ours, rsa]) {
    const { status, stderr } = spawnSync('openssl', ['req', '-verify', '-noout'], { input: pem, encoding: 'utf8' });
    assert.equal(status, 0, stderr);
  }
});

for (const [name, make, expected] of [
  ['P-256', ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'], 'P-256'],
  ['P-384 with SHA-384', ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384', '-sha384'], 'P-384'],
  ['RSA 3072 with SHA-512', ['-newkey', 'rsa:3072', '-sha512'], 'RSA 3072'],
  ['Ed25519', ['-newkey', 'ed25519'], 'Ed25519'],
] as const) {
  test(`takes a request that openssl made: ${name}`, { skip: withoutOpenssl }, () => {
    const { stdout, stderr } = spawnSync('openssl', [
      'req', '-new', '-nodes', ...make, '-keyout', join(folder, 'key.pem'), '-subj', '/CN=ignored', '-addext', 'subjectAltName=DNS:ignored', '-text',
    ], { encoding: 'utf8' });
    assert.equal(readRequest(stdout).name, expected, stderr);
  });
}

test('takes the key and nothing else: what the request says of itself does not matter', () => {
  assert.equal(readRequestDer(request()).name, 'P-256');
  assert.equal(readRequestDer(request({ attributes: Buffer.alloc(0) })).name, 'P-256');
});

test('refuses any request with one bit changed', () => {
  const bytes = pemDecode('CERTIFICATE REQUEST', ours)[0]!;
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const changed = Buffer.from(bytes);
    changed[bit >> 3]! ^= 1 << (bit & 7);
    assert.throws(() => readRequestDer(changed), { name: 'Refused' }, `bit ${bit}`);
  }
});

test('refuses every prefix of a request', () => {
  const bytes = pemDecode('CERTIFICATE REQUEST', ours)[0]!;
  for (let length = 0; length < bytes.length; length++) {
    assert.throws(() => readRequestDer(bytes.subarray(0, length)), { name: 'Refused' });
  }
});

for (const [name, read, code] of [
  ['a request for another key', () => readRequestDer(swapped()), 'csr.signature'],
  ['a version other than 0', () => readRequestDer(request({ version: 1 })), 'csr.version'],
  ['something behind the attributes', () => readRequestDer(request({ tail: derInteger(1) })), 'der.trailing'],
  ['an algorithm that is not accepted', () => readRequestDer(request({ algorithm: '1.2.840.10045.4.1' })), 'csr.algorithm'],
  ['an algorithm that is not the key’s', () => readRequestDer(request({ algorithm: OID.rsaWithSha256 })), 'csr.signature'],
  ['octets behind the request', () => readRequestDer(Buffer.concat([request(), Buffer.of(0)])), 'der.trailing'],
  ['a request too long', () => readRequestDer(Buffer.alloc(16_385, 0x30)), 'csr.too-long'],
  ['two requests', () => readRequest(ours + ours), 'csr.many'],
  ['a file of another kind', () => readRequest(pemEncode('CERTIFICATE', Buffer.of(1))), 'pem.none'],
  ['broken base64', () => readRequest(ours.replace('M', '!')), 'pem.base64'],
  ['a text without end', () => readRequest(`${'x'.repeat(300_000)}${ours}`), 'pem.too-long'],
  ['a weak RSA key', () => readRequest(makeRequest(generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey, 'x')), 'key.kind'],
] as const) {
  test(`refuses ${name}`, () => {
    assert.throws(read, { name: 'Refused', code });
  });
}

/** Our request with the key of somebody else put in. */
function swapped(): Buffer {
  const outer = derWhole(pemDecode('CERTIFICATE REQUEST', ours)[0]!);
  const info = outer.enter(derTag.sequence);
  const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ type: 'spki', format: 'der' });
  info.integer();
  const subject = info.whole(derTag.sequence);
  const changed = derSequence(derInteger(0), subject, other, der(derContextTag(0, true)));
  return derSequence(changed, outer.whole(derTag.sequence), derBitString(outer.bitString()));
}

test('a request file of Windows line ends is read', () => {
  assert.equal(readRequest(ours.replaceAll('\n', '\r\n').replaceAll('CERTIFICATE REQUEST', 'NEW CERTIFICATE REQUEST')).name, 'P-256');
});
