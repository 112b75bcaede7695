// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearest } from './suggest.ts';

const VERBS = ['status', 'search', 'show', 'snapshot', 'enrol', 'verify', 'verify-proof', 'revoke'];

test('finds what was meant: letters swapped, missing, too many, wrong, or a beginning', () => {
  for (const [word, meant] of [['serach', 'search'], ['enroll', 'enrol'], ['statsu', 'status'], ['STATUS', 'status'], ['verfy', 'verify'], ['snap', 'snapshot'], ['shwo', 'show']] as const) {
    assert.equal(nearest(word, VERBS), meant);
  }
});

test('suggests nothing where nothing is near', () => {
  for (const word of ['delete', 'x', '', 'compact-everything']) assert.equal(nearest(word, VERBS), undefined);
});
