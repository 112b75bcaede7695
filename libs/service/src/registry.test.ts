// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EMPTY_REGISTRY, standing, type Enrolment } from './registry.ts';

const ENROLMENT: Enrolment = { id: 'spiffe://d/source/web', keyHash: 'aa', serial: '1', enrolledAt: '', notAfter: '', revokedAt: null };
const registry = { sources: { web: ENROLMENT, gone: { ...ENROLMENT, id: 'spiffe://d/source/gone', revokedAt: '2026-01-01' } }, readers: {} };

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
