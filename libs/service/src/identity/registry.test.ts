// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EMPTY_REGISTRY, mayApprove, standing, type Enrolment } from './registry.ts';

const ENROLMENT: Enrolment = { id: 'spiffe://d/source/web', keyHash: 'aa', serial: '1', enrolledAt: '', notAfter: '', revokedAt: null };
const registry = { sources: { web: ENROLMENT, gone: { ...ENROLMENT, id: 'spiffe://d/source/gone', revokedAt: '2026-01-01' } }, readers: {}, custodians: {} };

test('who is enrolled, with this key and not revoked, may act', () => {
  assert.equal(standing(registry, 'spiffe://d/source/web', 'aa'), 'enrolled');
  assert.equal(standing(registry, 'spiffe://d/source/web', 'bb'), 'other-key');
  assert.equal(standing(registry, 'spiffe://d/source/gone', 'aa'), 'revoked');
});

test('a name alone gives no right', () => {
  assert.equal(standing(registry, 'spiffe://other/source/web', 'aa'), 'unknown');
  assert.equal(standing(registry, 'spiffe://d/reader/web', 'aa'), 'unknown');
  assert.equal(standing(registry, 'spiffe://d/source/constructor', 'aa'), 'unknown');
  assert.equal(standing(EMPTY_REGISTRY, 'spiffe://d/source/web', 'aa'), 'unknown');
});

test('a custodian counts who was enrolled before what is to be approved, with this key, and is not revoked', () => {
  const anna = { ...ENROLMENT, id: 'spiffe://d/custodian/anna', enrolledAt: '2026-05-01T00:00:00.000Z' };
  const custodians = { anna, gone: { ...anna, id: 'spiffe://d/custodian/gone', revokedAt: '2026-06-01' } };
  const [known, since] = [{ ...EMPTY_REGISTRY, custodians }, Date.parse(anna.enrolledAt)];
  assert.ok(mayApprove(known, { id: anna.id, keyHash: 'aa' }, since));
  assert.ok(!mayApprove(known, { id: anna.id, keyHash: 'aa' }, since - 1));
  assert.ok(!mayApprove(known, { id: anna.id, keyHash: 'bb' }, since));
  assert.ok(!mayApprove(known, { id: 'spiffe://d/custodian/gone', keyHash: 'aa' }, since));
  assert.ok(!mayApprove({ ...EMPTY_REGISTRY, readers: { anna } }, { id: anna.id, keyHash: 'aa' }, since));
});
