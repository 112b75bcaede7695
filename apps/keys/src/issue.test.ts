// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { makeRequest } from '@strongroom/keys';
import { checkRequest } from './issue.ts';

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const spkiPem = publicKey.export({ type: 'spki', format: 'pem' }) as string;
const csrPem = makeRequest(privateKey, 'x');
const source = { spkiPem, uris: ['spiffe://test-berlin/source/web-01'], dns: [], ips: [], commonName: 'web-01', usages: ['client'], notAfterDays: 365 };
const check = (over: Record<string, unknown> = {}) => checkRequest({ ...source, ...over }, 'test-berlin');

test('a source by its public key or by its request, a service, a reader and a server may be issued for', () => {
  assert.deepEqual(check().spki, publicKey.export({ type: 'spki', format: 'der' }));
  assert.deepEqual(check({ spkiPem: undefined, csrPem }).spki, check().spki);
  assert.equal(check({ uris: ['spiffe://test-berlin/service/vault'], usages: ['client', 'server'] }).usages.length, 2);
  assert.equal(check({ uris: ['spiffe://test-berlin/reader/anna'] }).days, 365);
  assert.deepEqual(check({ uris: [], dns: ['localhost'], ips: ['::1'], usages: ['server'] }).dns, ['localhost']);
  assert.equal(check({ notAfterDays: 825 }).days, 825);
});

for (const [name, over, code] of [
  ['another deployment', { uris: ['spiffe://test-paris/source/web-01'] }, 'keys.issue-identity'],
  ['two identities', { uris: ['spiffe://test-berlin/source/a', 'spiffe://test-berlin/source/b'] }, 'keys.issue-identity'],
  ['an authority by its role', { uris: ['spiffe://test-berlin/ca/x'] }, 'spiffe.not-ours'],
  ['an authority by its use', { usages: ['ca'] }, 'keys.issue-usage'],
  ['an identity that escapes its name', { uris: ['spiffe://test-berlin/source/../service/vault'] }, 'spiffe.not-ours'],
  ['another scheme', { uris: ['https://test-berlin/source/web-01'] }, 'spiffe.not-ours'],
  ['a source that serves', { usages: ['client', 'server'] }, 'keys.issue-usage'],
  ['a reader that serves', { uris: ['spiffe://test-berlin/reader/anna'], usages: ['server'] }, 'keys.issue-usage'],
  ['a client without an identity', { uris: [], dns: ['localhost'] }, 'keys.issue-usage'],
  ['no use', { usages: [] }, 'keys.issue-usage'],
  ['a use twice', { usages: ['client', 'client'] }, 'keys.issue-usage'],
  ['826 days', { notAfterDays: 826 }, 'keys.issue-days'],
  ['no time', { notAfterDays: 0 }, 'keys.issue-days'],
  ['half a day', { notAfterDays: 0.5 }, 'keys.issue-days'],
  ['a text of days', { notAfterDays: '365' }, 'keys.issue-days'],
  ['no key', { spkiPem: undefined }, 'keys.issue-key'],
  ['two forms of a key', { csrPem }, 'keys.issue-key'],
  ['two keys', { spkiPem: spkiPem + spkiPem }, 'keys.issue-key'],
  ['a private key', { spkiPem: privateKey.export({ type: 'pkcs8', format: 'pem' }) }, 'pem.none'],
  ['names that are no list', { dns: 'localhost' }, 'keys.issue-malformed'],
  ['a name that is no text', { ips: [1] }, 'keys.issue-malformed'],
  ['no common name', { commonName: undefined }, 'keys.issue-malformed'],
] as const) {
  test(`refuses ${name}`, () => {
    assert.throws(() => check(over), { name: 'Refused', code });
  });
}

test('refuses what is no object', () => {
  for (const args of [null, undefined, 1, 'x', []]) assert.throws(() => checkRequest(args, 'test-berlin'), { name: 'Refused', code: 'keys.issue-malformed' });
});
