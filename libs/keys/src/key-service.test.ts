// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyService } from './key-service.ts';

const answering = (answer: unknown) => keyService({ call: async () => answer });
const base64 = (octets: number): string => Buffer.alloc(octets).toString('base64');

test('asks in the words of the protocol', async () => {
  const asked: unknown[] = [];
  const keys = keyService({
    call: async (verb, args) => {
      asked.push([verb, args]);
      return { keyId: 'a/b/0', signature: base64(64), iv: base64(12), ciphertext: base64(32), tag: base64(16), plain: base64(32) };
    },
  });
  await keys.signCheckpoint(Buffer.from('text'));
  await keys.ensureWrappingKey('default', '2027-01');
  const wrapped = await keys.wrap('k', Buffer.alloc(1, 1), Buffer.alloc(1, 2));
  await keys.unwrap('k', wrapped, Buffer.alloc(1, 2));
  assert.deepEqual(asked, [
    ['signCheckpoint', { message: 'dGV4dA==' }],
    ['ensureWrappingKey', { retentionClass: 'default', bucket: '2027-01', except: undefined }],
    ['wrap', { keyId: 'k', plain: 'AQ==', aad: 'Ag==' }],
    ['unwrap', { keyId: 'k', iv: base64(12), ciphertext: base64(32), tag: base64(16), aad: 'Ag==' }],
  ]);
});

for (const [name, ask] of [
  ['nothing', () => answering(null).info()],
  ['a signature too short', () => answering({ signature: base64(63) }).signCheckpoint(Buffer.alloc(1))],
  ['a data key too long', () => answering({ plain: base64(33) }).unwrap('k', { iv: Buffer.alloc(12), ciphertext: Buffer.alloc(32), tag: Buffer.alloc(16) }, Buffer.alloc(0))],
  ['a wrapped key without its tag', () => answering({ iv: base64(12), ciphertext: base64(32) }).wrap('k', Buffer.alloc(32), Buffer.alloc(0))],
  ['an empty key id', () => answering({ keyId: '' }).ensureWrappingKey('a', 'b')],
  ['half a certificate', () => answering({ certPem: 'x', serial: '1' }).issue({ uris: [], dns: [], ips: [], commonName: 'x', usages: [], notAfterDays: 1 })],
] as const) {
  test(`an answer of ${name} is a failure`, async () => {
    await assert.rejects(ask, { name: 'Failed', code: 'keys.answer' });
  });
}
