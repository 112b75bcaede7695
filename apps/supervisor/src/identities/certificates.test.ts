// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { layout } from '@strongroom/service';
import { TestAuthority, type CertificateWishes } from '@strongroom/testing';
import { accounts } from '../place/accounts.ts';
import { reasonToIssue, wantedCertificates, type WantedCertificate } from './certificates.ts';

const DAY_MS = 86_400_000;
const WANTED: WantedCertificate = {
  certificate: '', key: '', commonName: '', uris: ['spiffe://d/service/gateway'], dns: ['a.example'], ips: ['192.0.2.1', 'fd00::1'],
  usages: ['server'], owner: undefined, keyMode: 0o600, service: 'gateway',
};

async function reason(wishes: CertificateWishes, wanted: Partial<WantedCertificate> = {}): Promise<string | null> {
  const authority = await TestAuthority.make();
  const { certificatePem, keyPem } = await authority.issue({ uris: WANTED.uris, dns: WANTED.dns, ips: WANTED.ips, ...wishes });
  return reasonToIssue(new X509Certificate(certificatePem), { ...WANTED, ...wanted }, createPrivateKey(keyPem), new X509Certificate(authority.certificatePem), Date.now());
}

test('a certificate with life and names left stays', async () => {
  assert.equal(await reason({}), null);
  assert.equal(await reason({ fromDays: -59, toDays: 31 }), null);
});

test('one is issued again in the last third of its life', async () => {
  assert.equal(await reason({ fromDays: -61, toDays: 29 }), 'due');
});

test('one is issued again when a name or an address is new', async () => {
  assert.equal(await reason({}, { dns: ['a.example', 'b.example'] }), 'names are missing');
  assert.equal(await reason({}, { ips: ['192.0.2.2'] }), 'names are missing');
  assert.equal(await reason({}, { uris: ['spiffe://d/service/vault'] }), 'names are missing');
  assert.equal(await reason({}, { ips: ['fd00:0:0:0:0:0:0:1'] }), null);
});

test('one of another CA or another key does not count', async () => {
  const authority = await TestAuthority.make();
  const { certificatePem, keyPem } = await authority.issue({ uris: WANTED.uris, dns: WANTED.dns, ips: WANTED.ips });
  const found = new X509Certificate(certificatePem);
  const other = new X509Certificate((await TestAuthority.make('Other')).certificatePem);
  const ca = new X509Certificate(authority.certificatePem);
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  assert.equal(reasonToIssue(found, WANTED, createPrivateKey(keyPem), other, Date.now()), 'of another CA');
  assert.equal(reasonToIssue(found, WANTED, privateKey, ca, Date.now()), 'of another key');
  assert.equal(reasonToIssue(null, WANTED, privateKey, ca, Date.now()), 'missing');
  assert.equal(reasonToIssue(found, WANTED, createPrivateKey(keyPem), ca, Date.now() + 40 * DAY_MS), 'due');
});

test('what faces the network can read its keys and not replace them', () => {
  const users = accounts('', '');
  const wanted = wantedCertificates(layout('/srv/s'), 'd', { dns: ['localhost'], ips: [] }, users);
  for (const one of wanted.filter(({ service }) => service === 'gateway' || service === 'capture')) {
    assert.deepEqual([one.owner?.uid, one.keyMode], [0, 0o640]);
  }
  const server = wanted.find(({ certificate }) => certificate.endsWith('server.pem'));
  assert.deepEqual([server?.usages, server?.uris], [['server'], []], 'the server key proves no service identity');
});
