// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { generateKeyPairSync, sign, X509Certificate, type KeyObject } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { issueAuthority, issueCertificate, makeRequest, pemEncode, readRequest, type Issuer } from '@strongroom/keys';
import { EMPTY_REGISTRY, serveRpc, standing, type Registry } from '@strongroom/service';
import { Enrolments, readEnrolRequest } from './enrolments.ts';
import { KeysAdmin, type IssueRequest } from './keys-admin.ts';

const DAY_MS = 86_400_000;
let directory: string;
let file: string;
let server: Server;
let keys: KeysAdmin;

/** Issues as the key service does, with a key in memory. */
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'strongroom-enrol-'));
  file = join(directory, 'registry.json');
  const issuer = await makeIssuer();
  server = createServer((socket) => {
    void serveRpc(socket, { issue: async (args) => issue(args as IssueRequest, issuer) }, { caller: null });
  });
  await new Promise<void>((resolve) => { server.listen(join(directory, 'admin.sock'), resolve); });
  keys = new KeysAdmin(join(directory, 'admin.sock'));
});
afterEach(() => {
  server.close();
  rmSync(directory, { recursive: true });
});

async function makeIssuer(): Promise<Issuer> {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const signer: Issuer['sign'] = (message) => sign('sha256', message, { key: privateKey, dsaEncoding: 'ieee-p1363' });
  const life = { notBefore: new Date(Date.now() - DAY_MS), notAfter: new Date(Date.now() + 4000 * DAY_MS) };
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  return { certificate: await issueAuthority({ spki, organization: 'd', commonName: 'CA', ...life }, signer), sign: signer };
}

async function issue({ csrPem = '', uris, commonName, usages, notAfterDays }: IssueRequest, issuer: Issuer): Promise<unknown> {
  const notBefore = new Date(Date.now() - 60_000);
  const notAfter = new Date(Date.now() + notAfterDays * DAY_MS);
  const der = await issueCertificate({ spki: readRequest(csrPem).spki, commonName, uris, dns: [], ips: [], usages, notBefore, notAfter }, issuer);
  return { certPem: pemEncode('CERTIFICATE', der), serial: new X509Certificate(der).serialNumber.toLowerCase(), notBefore: notBefore.toISOString(), notAfter: notAfter.toISOString() };
}

function key(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
}

function request(name: string, more: object = {}, privateKey = key()) {
  return readEnrolRequest({ name, role: 'source', csrPem: makeRequest(privateKey, name), ...more });
}

const stored = (): Registry => JSON.parse(readFileSync(file, 'utf8')) as Registry;

test('who is enrolled has a certificate with its identity and stands in the registry, durably', async () => {
  const enrolments = new Enrolments(file, 'd');
  const { id, certPem, keyHash, serial } = await enrolments.enrol(request('web-01', { days: 10 }), keys);
  assert.equal(new X509Certificate(certPem).subjectAltName, 'URI:spiffe://d/source/web-01');
  assert.equal(standing(stored(), id, keyHash), 'enrolled');
  assert.equal(stored().sources['web-01']?.serial, serial);
  assert.deepEqual(new Enrolments(file, 'd').registry, enrolments.registry);
});

test('a source and a reader may share a name', async () => {
  const enrolments = new Enrolments(file, 'd');
  await enrolments.enrol(request('ann'), keys);
  const { id } = await enrolments.enrol(request('ann', { role: 'reader' }), keys);
  assert.equal(id, 'spiffe://d/reader/ann');
});

test('a name that is enrolled is refused, unless it shall be replaced or was revoked', async () => {
  const enrolments = new Enrolments(file, 'd');
  const first = await enrolments.enrol(request('web-01'), keys);
  await assert.rejects(enrolments.enrol(request('web-01'), keys), { code: 'supervisor.enrolled' });
  const second = await enrolments.enrol(request('web-01', { replace: true }), keys);
  assert.equal(standing(stored(), first.id, first.keyHash), 'other-key');
  await enrolments.revoke('sources', 'web-01', 'lost');
  assert.equal(standing(stored(), second.id, second.keyHash), 'revoked');
  const third = await enrolments.enrol(request('web-01'), keys);
  assert.equal(standing(stored(), third.id, third.keyHash), 'enrolled');
});

test('a revocation names its reason, and happens once', async () => {
  const enrolments = new Enrolments(file, 'd');
  await enrolments.enrol(request('web-01'), keys);
  assert.equal((await enrolments.revoke('sources', 'web-01', 'lost')).reason, 'lost');
  await assert.rejects(enrolments.revoke('sources', 'web-01', ''), { code: 'supervisor.already-revoked' });
  await assert.rejects(enrolments.revoke('sources', 'web-02', ''), { code: 'supervisor.not-enrolled' });
  await assert.rejects(enrolments.revoke('readers', 'constructor', ''), { code: 'supervisor.not-enrolled' });
});

test('changes at the same time are all kept', async () => {
  const enrolments = new Enrolments(file, 'd');
  await Promise.all(Array.from({ length: 10 }, (_, i) => enrolments.enrol(request(`web-${i}`), keys)));
  assert.equal(Object.keys(stored().sources).length, 10);
});

test('a request that cannot be granted changes nothing', async () => {
  const enrolments = new Enrolments(file, 'd');
  await assert.rejects(enrolments.enrol({ ...request('web-01'), csrPem: 'nonsense' }, keys), { name: 'Refused' });
  assert.deepEqual(enrolments.registry, EMPTY_REGISTRY);
  for (const [args, code] of [
    [{ name: '../x', role: 'source', csrPem: 'x' }, 'spiffe.name'], [{ name: 'a', role: 'service', csrPem: 'x' }, 'supervisor.enrol'],
    [{ name: 'a', role: 'source', csrPem: 'x', days: 0 }, 'supervisor.enrol'], [{ role: 'source' }, 'supervisor.enrol'], [null, 'supervisor.enrol'],
  ] as const) assert.throws(() => readEnrolRequest(args), { code });
});

test('a revoked operator is not taken in again', async () => {
  const enrolments = new Enrolments(file, 'd');
  const { certPem } = await enrolments.enrol(request('operator', { role: 'reader' }), keys);
  const certificate = new X509Certificate(certPem);
  assert.equal(await enrolments.adopt('readers', 'operator', certificate), false, 'nothing is new');
  await enrolments.revoke('readers', 'operator', 'gone');
  assert.equal(await enrolments.adopt('readers', 'operator', certificate), false);
});

test('a registry that cannot be read stops everything: revocations would be forgotten', () => {
  for (const text of ['', '{}', '{"sources":{}}', 'null']) {
    writeFileSync(file, text);
    assert.throws(() => new Enrolments(file, 'd'), { code: 'supervisor.registry' }, text);
  }
});

test('a custodian is enrolled with a P-256 key alone, in a part of its own', async () => {
  const enrolments = new Enrolments(file, 'd');
  const { id } = await enrolments.enrol(request('anna', { role: 'custodian' }), keys);
  assert.equal(id, 'spiffe://d/custodian/anna');
  assert.equal(stored().custodians['anna']?.id, id);
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  await assert.rejects(enrolments.enrol(request('bert', { role: 'custodian' }, rsa), keys), { code: 'supervisor.custodian-key' });
  assert.throws(() => request('carl', { role: 'service' }), { code: 'supervisor.enrol' });
});

test('a registry from before there were custodians has none', () => {
  writeFileSync(file, JSON.stringify({ sources: {}, readers: {} }));
  assert.deepEqual(new Enrolments(file, 'd').registry, EMPTY_REGISTRY);
});
