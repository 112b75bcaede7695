// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { TestAuthority } from '@strongroom/testing';
import { codesOf, FoundedHome } from '../testing/founded-home.ts';
import { certificatesCheck } from './certificates.ts';

const authority = await TestAuthority.make('Strongroom CA');

const DAY_MS = 86_400_000;
const look = (home: FoundedHome, nowMs?: number) => home.examine(certificatesCheck, {}, nowMs);

test('certificates that are as they should be say nothing', async () => {
  using home = await FoundedHome.make(authority);
  const diagnosis = await look(home);
  assert.deepEqual([diagnosis.findings, diagnosis.unseen, diagnosis.fine.length], [[], [], 7]);
});

test('an expired certificate is named with its path, and one that begins later too', async () => {
  using home = await FoundedHome.make(authority);
  await home.issueServer({ dns: ['localhost'], fromDays: -90, toDays: -1 });
  await home.issue('vault', { uris: ['spiffe://doctor/service/vault'], fromDays: 2, toDays: 90 });
  const { findings } = await look(home);
  assert.deepEqual(findings.map(({ code }) => code), ['certificate.expired', 'certificate.not-yet-valid']);
  assert.ok(findings[0]!.what.includes(home.paths.gatewayServerCertificate));
  assert.ok(findings[1]!.what.includes(home.paths.identity('vault').certificate));
});

test('a clock a year behind makes one finding of all certificates, not one for each', async () => {
  using home = await FoundedHome.make(authority);
  const { findings } = await look(home, Date.now() - 300 * DAY_MS);
  assert.deepEqual(findings.map(({ code, evidence }) => [code, evidence['count']]), [['certificate.not-yet-valid', 6]]);
});

test('one of ours that was not renewed in time, and one of yours that ends soon, are told before they are over', async () => {
  using home = await FoundedHome.make(authority);
  await home.issue('gateway', { uris: ['spiffe://doctor/service/gateway'], toDays: 20 });
  assert.deepEqual(codesOf(await look(home)), ['certificate.expiring']);
});

test('a key of another certificate is found', async () => {
  using home = await FoundedHome.make(authority);
  home.write(home.paths.gatewayServerKey, (await authority.issue({ dns: ['localhost'] })).keyPem, 0o600);
  const { findings } = await look(home);
  assert.deepEqual(findings.map(({ code }) => code), ['certificate.key']);
  assert.ok(!JSON.stringify(findings).includes('PRIVATE KEY'));
});

test('a server certificate without its intermediate is found, one that has it is not', async () => {
  using home = await FoundedHome.make(authority);
  const { certificatePem, keyPem } = await authority.intermediate().issue({ dns: ['logs.example.com'], usages: ['server'] });
  const [certificate, key] = [join(home.directory, 'server.pem'), join(home.directory, 'server-key.pem')];
  home.write(key, keyPem, 0o600);
  home.configure({ gateway: { tls: { certificate, key }, listeners: { syslogTls: { port: 0 }, relpTls: { port: 0 } } } });
  home.write(certificate, certificatePem);
  assert.deepEqual(codesOf(await look(home)), []);
  const [leaf = '', intermediate = ''] = certificatePem.match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----\n/g) ?? [];
  home.write(certificate, leaf);
  const { findings } = await look(home);
  assert.deepEqual(findings.map(({ code, evidence }) => [code, evidence['missing']]), [['certificate.chain', 'CN=Test intermediate']]);
  home.write(certificate, leaf + authority.certificatePem + intermediate);
  assert.deepEqual(codesOf(await look(home)), ['certificate.chain'], 'in the wrong order');
});

test('a name that is configured and not in the certificate is found', async () => {
  using home = await FoundedHome.make(authority);
  home.configure({ gateway: { serverNames: ['localhost', 'logs.example.com'], listeners: { syslogTls: { port: 0 }, relpTls: { port: 0 } } } });
  const { findings } = await look(home);
  assert.deepEqual(findings.map(({ code, evidence }) => [code, evidence['missing']]), [['certificate.names', 'logs.example.com']]);
});

test('a file that is no certificate is found', async () => {
  using home = await FoundedHome.make(authority);
  home.write(home.paths.gatewayServerCertificate, 'nothing\n');
  assert.deepEqual(codesOf(await look(home)), ['certificate.unreadable']);
});
