// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { X509Certificate, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { derWhole, derTag } from '@strongroom/bytes';
import { issueAuthority, issueCertificate, type Issuer, type LeafRequest } from './certificate.ts';
import type { SignEcdsa } from './ecdsa.ts';
import { pemEncode } from './pem.ts';
import { keyHash, keyIdentifier } from './public-key.ts';

const DAY_MS = 86_400_000;
const FROM = new Date(Math.floor(Date.now() / 1000) * 1000 - DAY_MS);
const folder = mkdtempSync(join(tmpdir(), 'strongroom-certificate-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const withoutOpenssl = spawnSync('openssl', ['version']).status === 0 ? false : 'machine: openssl is not installed';

const spkiOf = (key: KeyObject): Buffer => key.export({ type: 'spki', format: 'der' });
const signer = (key: KeyObject): SignEcdsa => (message) => sign('sha256', message, { key, dsaEncoding: 'ieee-p1363' });
const ec = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });

async function authority(days = 7300): Promise<Issuer> {
  const { privateKey, publicKey } = ec();
  const certificate = await issueAuthority({
    spki: spkiOf(publicKey), organization: 'test-berlin', commonName: 'Strongroom CA',
    notBefore: FROM, notAfter: new Date(FROM.getTime() + days * DAY_MS),
  }, signer(privateKey));
  return { certificate, sign: signer(privateKey) };
}

const leaf = (over: Partial<LeafRequest> = {}): LeafRequest => ({
  spki: spkiOf(ec().publicKey), commonName: 'web-01', usages: ['client'],
  uris: ['spiffe://test-berlin/source/web-01'], dns: [], ips: [],
  notBefore: FROM, notAfter: new Date(FROM.getTime() + 398 * DAY_MS), ...over,
});

const colons = (bytes: Buffer): string => bytes.toString('hex').toUpperCase().match(/../g)!.join(':');

function openssl(...args: string[]): { ok: boolean; text: string } {
  const { status, stdout, stderr } = spawnSync('openssl', args, { encoding: 'utf8' });
  return { ok: status === 0, text: `${stdout}${stderr}` };
}

function file(name: string, certificate: Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, pemEncode('CERTIFICATE', certificate));
  return path;
}

test('an authority signs itself, and node:crypto agrees', async () => {
  const ca = new X509Certificate((await authority()).certificate);
  assert.ok(ca.ca);
  assert.ok(ca.checkIssued(ca));
  assert.ok(ca.verify(ca.publicKey));
  assert.match(ca.subject, /^O=test-berlin\nCN=Strongroom CA [0-9a-f]{8}$/);
  assert.equal(ca.validToDate.getTime() - ca.validFromDate.getTime(), 7300 * DAY_MS);
});

test('a certificate carries its names, uses and key, and chains to its issuer', async () => {
  const issuer = await authority();
  const request = leaf({ usages: ['server', 'client'], dns: ['localhost', 'log_host.example.com'], ips: ['127.0.0.1', '2001:db8::1'] });
  const certificate = new X509Certificate(await issueCertificate(request, issuer));
  const ca = new X509Certificate(issuer.certificate);
  assert.ok(certificate.checkIssued(ca) && certificate.verify(ca.publicKey));
  assert.equal(certificate.ca, false);
  assert.equal(
    certificate.subjectAltName,
    'URI:spiffe://test-berlin/source/web-01, DNS:localhost, DNS:log_host.example.com, IP Address:127.0.0.1, IP Address:2001:DB8:0:0:0:0:0:1',
  );
  assert.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
  assert.equal(certificate.checkIP('127.0.0.1'), '127.0.0.1');
  assert.equal(certificate.checkHost('localhost'), 'localhost');
  assert.deepEqual(keyHash(spkiOf(certificate.publicKey)), keyHash(request.spki));
});

test('serial numbers are positive, 20 octets long and never the same', async () => {
  const issuer = await authority();
  const serials = new Set<string>();
  for (let count = 0; count < 20; count++) {
    const { serialNumber } = new X509Certificate(await issueCertificate(leaf(), issuer));
    assert.match(serialNumber, /^[4-7][0-9A-F]{39}$/);
    serials.add(serialNumber);
  }
  assert.equal(serials.size, 20);
});

test('openssl verifies the chain for the use that was asked for, and refuses the other', { skip: withoutOpenssl }, async () => {
  const issuer = await authority();
  const ca = file('ca.pem', issuer.certificate);
  const client = file('client.pem', await issueCertificate(leaf(), issuer));
  const server = file('server.pem', await issueCertificate(leaf({ usages: ['server'], dns: ['logs.example.com'], ips: ['192.0.2.7'] }), issuer));
  const verify = (...args: string[]): boolean => openssl('verify', '-x509_strict', '-CAfile', ca, ...args).ok;
  assert.ok(verify('-purpose', 'sslclient', client));
  assert.ok(!verify('-purpose', 'sslserver', client));
  assert.ok(verify('-purpose', 'sslserver', '-verify_hostname', 'logs.example.com', server));
  assert.ok(verify('-verify_ip', '192.0.2.7', server));
  assert.ok(!verify('-verify_hostname', 'other.example.com', server));
  const stranger = file('stranger.pem', (await authority()).certificate);
  assert.ok(!openssl('verify', '-CAfile', stranger, client).ok);
});

test('openssl prints every extension as it was meant', { skip: withoutOpenssl }, async () => {
  const issuer = await authority();
  const request = leaf();
  const { text } = openssl('x509', '-in', file('leaf.pem', await issueCertificate(request, issuer)), '-noout', '-text');
  assert.match(text, /Version: 3 \(0x2\)/);
  assert.match(text, /Basic Constraints: critical\s+CA:FALSE/);
  assert.match(text, /X509v3 Key Usage: critical\s+Digital Signature\n/);
  assert.match(text, /Extended Key Usage: \n\s+TLS Web Client Authentication\n/);
  assert.match(text, /URI:spiffe:\/\/test-berlin\/source\/web-01\n/);
  assert.ok(text.includes(colons(keyIdentifier(request.spki))));
  const own = openssl('x509', '-in', file('ca.pem', issuer.certificate), '-noout', '-text').text;
  assert.match(own, /Basic Constraints: critical\s+CA:TRUE, pathlen:1/);
  assert.match(own, /X509v3 Key Usage: critical\s+Certificate Sign, CRL Sign\n/);
});

test('times past 2049 are readable', async () => {
  const issuer = await authority(20_000);
  const certificate = new X509Certificate(issuer.certificate);
  assert.ok(certificate.validToDate.getUTCFullYear() > 2070);
  derWhole(issuer.certificate).enter(derTag.sequence);
});

test('a long common name is cut to 64 characters, the URI stays whole', async () => {
  const name = 'n'.repeat(128);
  const issued = await issueCertificate(leaf({ commonName: name, uris: [`spiffe://test-berlin/source/${name}`] }), await authority());
  const certificate = new X509Certificate(issued);
  assert.equal(certificate.subject, `CN=${'n'.repeat(64)}`);
  assert.equal(certificate.subjectAltName, `URI:spiffe://test-berlin/source/${name}`);
});

for (const [name, over, code] of [
  ['no use', { usages: [] }, 'certificate.usage'],
  ['no name', { uris: [] }, 'name.none'],
  ['too many names', { dns: Array.from({ length: 300 }, () => 'a') }, 'name.too-many'],
  ['a URI with a space', { uris: ['spiffe://a/b c'] }, 'name.uri'],
  ['a URI with a quotation mark', { uris: ['spiffe://a/"'] }, 'name.uri'],
  ['a URI that is not ASCII', { uris: ['spiffe://ä/x'] }, 'name.uri'],
  ['a relative URI', { uris: ['web-01'] }, 'name.uri'],
  ['a wildcard', { dns: ['*.example.com'] }, 'name.dns'],
  ['a host name with an empty label', { dns: ['a..b'] }, 'name.dns'],
  ['a host name with a NUL', { dns: ['a.example\0.com'] }, 'name.dns'],
  ['an address with a zone', { ips: ['fe80::1%eth0'] }, 'name.ip'],
  ['an address that is none', { ips: ['256.0.0.1'] }, 'name.ip'],
  ['a common name with a line feed', { commonName: 'a\nb' }, 'name.common-name'],
  ['an end before its beginning', { notAfter: new Date(FROM.getTime() - 1000) }, 'certificate.validity'],
  ['an end after the authority’s', { notAfter: new Date(FROM.getTime() + 7301 * DAY_MS) }, 'certificate.validity'],
  ['a key of a kind that nobody uses', { spki: spkiOf(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey) }, 'key.kind'],
  ['an RSA key of 1024 bits', { spki: spkiOf(generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey) }, 'key.kind'],
  ['a key that is none', { spki: Buffer.from('30020500', 'hex') }, 'key.unreadable'],
  ['a key with something behind it', { spki: Buffer.concat([spkiOf(ec().publicKey), Buffer.of(0)]) }, 'der.trailing'],
] as const) {
  test(`refuses to issue for ${name}`, async () => {
    await assert.rejects(issueCertificate(leaf(over), await authority()), { name: 'Refused', code });
  });
}

test('a signature that does not fit is noticed before the certificate leaves', async () => {
  const issuer = await authority();
  const wrong: Issuer = { ...issuer, sign: signer(ec().privateKey) };
  await assert.rejects(issueCertificate(leaf(), wrong), { name: 'Bug', code: 'certificate.self-check' });
});
