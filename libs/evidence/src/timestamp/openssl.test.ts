// SPDX-License-Identifier: Apache-2.0
// The same tokens judged by `openssl ts`: what it makes we take, what we keep it takes, and what was tampered with neither does.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { hash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { TestTimestampAuthority, makeResponse, stampingIdentity, type StampingIdentity, type StampingKey } from '@strongroom/testing';
import vectors from '../../vectors/timestamp.json' with { type: 'json' };
import { encodeTimestampRequest, timestampTrust, verifyTimestamp } from './index.ts';

const directory = mkdtempSync(join(tmpdir(), 'strongroom-openssl-ts-'));
after(() => rmSync(directory, { recursive: true }));
const STAMPED = Buffer.from('example.com/log\n7\nAAAA\n\n— example.com/log AAAA\n');
const imprint = hash('sha256', STAMPED, 'buffer');

function file(name: string, content: string | Buffer): string {
  writeFileSync(join(directory, name), content);
  return join(directory, name);
}

function openssl(...args: readonly string[]): { ok: boolean; out: string } {
  const { status, stdout, stderr } = spawnSync('openssl', ['ts', ...args], { encoding: 'latin1' });
  return { ok: status === 0, out: stdout + stderr };
}

/** Whether openssl takes a response over these octets. */
function opensslTakes(response: Buffer, root: StampingIdentity, stamped = STAMPED): boolean {
  return openssl('-verify', '-data', file('data', stamped), '-in', file('in.tsr', response), '-CAfile', file('ca.pem', root.certificatePem)).ok;
}

function weTake(response: Buffer, root: StampingIdentity, stamped = STAMPED): boolean {
  try {
    verifyTimestamp(response, stamped, timestampTrust([root.certificate]));
    return true;
  } catch {
    return false;
  }
}

test('openssl reads our request as one of its own', () => {
  const { out } = openssl('-query', '-in', file('q.tsq', encodeTimestampRequest({ imprint, nonce: 0xffn, policy: '1.2.3' })), '-text');
  assert.match(out, /Version: 1\nHash Algorithm: sha256\n/);
  assert.match(out, /Policy OID: 1\.2\.3\nNonce: 0xFF\nCertificate required: yes\n/);
});

for (const kind of ['rsa', 'p256', 'p384'] satisfies StampingKey[]) {
  test(`a token that openssl made with a ${kind} key is taken by both, and neither takes it changed`, async () => {
    await using authority = new TestTimestampAuthority(kind);
    const { root } = authority;
    const response = await authority.reply(encodeTimestampRequest({ imprint, nonce: 77n, policy: '1.2.3.4.5' }));
    const { accuracyNs, authority: name, policy } = verifyTimestamp(response, STAMPED, timestampTrust([root.certificate]), { nonce: 77n, policy: '1.2.3.4.5' });
    assert.deepEqual([accuracyNs, name, policy], [1_500_000_000n, 'CN=Test TSA', '1.2.3.4.5']);
    assert.ok(opensslTakes(response, root));
    const other = Buffer.from(STAMPED.toString().replace('7', '8'));
    assert.deepEqual([weTake(response, root, other), opensslTakes(response, root, other)], [false, false]);
    for (const at of [60, response.length >> 1, response.length - 5]) {
      const changed = Buffer.from(response);
      changed[at]! ^= 1;
      assert.deepEqual([weTake(changed, root), opensslTakes(changed, root)], [false, false], `octet ${at}`);
    }
  });
}

test('what we make of certificates openssl makes of them too', () => {
  const root = stampingIdentity({ commonName: 'Root', authority: true });
  const other = stampingIdentity({ commonName: 'Other root', authority: true });
  const server = ['1.3.6.1.5.5.7.3.1'];
  const wished: readonly (readonly [string, boolean, StampingIdentity])[] = [
    ['a good one', true, stampingIdentity({ commonName: 'S', issuer: root })],
    ['without key usage', true, stampingIdentity({ commonName: 'S', issuer: root, keyUsage: null })],
    ['for TLS', false, stampingIdentity({ commonName: 'S', issuer: root, purposes: server })],
    ['for more', false, stampingIdentity({ commonName: 'S', issuer: root, purposes: ['1.3.6.1.5.5.7.3.8', ...server] })],
    ['not critical', false, stampingIdentity({ commonName: 'S', issuer: root, purposesCritical: false })],
    ['a key that encrypts', false, stampingIdentity({ commonName: 'S', issuer: root, keyUsage: [0, 2] })],
    ['another root', false, stampingIdentity({ commonName: 'S', issuer: other })],
    ['expired', false, stampingIdentity({ commonName: 'S', issuer: root, fromDays: -2, toDays: -1 })],
  ];
  for (const [name, taken, signer] of wished) {
    const response = makeResponse({ signer, stamped: STAMPED });
    assert.deepEqual([weTake(response, root), opensslTakes(response, root)], [taken, taken], name);
  }
});

test('openssl judges the published vectors as they say', () => {
  const roots = vectors.roots.map((one) => `-----BEGIN CERTIFICATE-----\n${one.match(/.{1,64}/g)!.join('\n')}\n-----END CERTIFICATE-----\n`);
  const takes = (base64: string, atMs: number): boolean =>
    openssl('-verify', '-data', file('data', vectors.stamped), '-in', file('in.tsr', Buffer.from(base64, 'base64')), '-CAfile', file('ca.pem', roots.join('')), '-attime', String(Math.floor(atMs / 1000))).ok;
  // OpenSSL 3.0 knows neither Ed25519 nor RSASSA-PSS in tokens; later ones may.
  for (const { name, openssl: taken, time, response } of vectors.accepted) if (taken) assert.ok(takes(response, Number(time) / 1e6), name);
  const at = Date.parse('2026-03-01T12:00:03Z');
  // It checks certificates at the time that it is given, and passes over what it does not know.
  const passed = ['a signer that had expired', 'an octet too many', 'a critical extension', 'a day that is none'];
  for (const { name, response } of vectors.refused) if (!passed.includes(name)) assert.equal(takes(response, at), false, name);
});
