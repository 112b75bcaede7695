// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkDeployment, checkName, parseSpiffe, readerId, serviceId, sourceId } from './spiffe.ts';

test('an identity is taken apart into what it was made of', () => {
  assert.deepEqual(parseSpiffe(sourceId('strongroom-1a', 'web-01')), { deployment: 'strongroom-1a', role: 'source', name: 'web-01' });
  assert.equal(parseSpiffe(readerId('d', 'alice')).role, 'reader');
  assert.equal(parseSpiffe(serviceId('d.example.com', 'vault')).deployment, 'd.example.com');
});

for (const id of ['', 'spiffe://d/source/', 'spiffe://d/source/a/b', 'spiffe://D/source/a', 'spiffe://d/sources/a', 'spiffe://d/source/a?b', 'https://d/source/a', 'spiffe://d/source/a ']) {
  test(`"${id}" is not taken for an identity`, () => {
    assert.throws(() => parseSpiffe(id), { code: 'spiffe.not-ours' });
  });
}

test('a name that could leave its directory or end a line is refused', () => {
  for (const name of ['', '.', '..', 'a/b', 'a\nb', '-a', 'a..b', 'ä', 'a'.repeat(129)]) assert.throws(() => checkName(name), { code: 'spiffe.name' });
  assert.equal(checkName('a'.repeat(128)).length, 128);
});

test('a deployment is a trust domain', () => {
  for (const name of ['', 'A', 'a_b', 'a'.repeat(64), '-a']) assert.throws(() => checkDeployment(name), { code: 'spiffe.deployment' });
  assert.equal(checkDeployment('strongroom-0a1b2c3d'), 'strongroom-0a1b2c3d');
});
