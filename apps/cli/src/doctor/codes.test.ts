// SPDX-License-Identifier: Apache-2.0
// No code without a test that brings about what it tells of.
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { CHECKS, WAY_CHECKS } from './registry.ts';

/** It takes a chronyd of this machine that is off by seconds. */
const ELSEWHERE = ['clock.offset'];
/** Where a code stands because it is not told, that is no test of it. */
const OF_ABSENCE = /\.fine\b.*|assert\.ok\(!codes.*|!== '[a-z.-]+'/g;

test('every code that is documented is told in some test', () => {
  const files = globSync('**/*.test.ts', { cwd: import.meta.dirname }).filter((file) => !file.endsWith('codes.test.ts'));
  const lines = files.flatMap((file) => readFileSync(join(import.meta.dirname, file), 'utf8').split('\n')).map((line) => line.replaceAll(OF_ABSENCE, ''));
  const codes = [...CHECKS, ...WAY_CHECKS].flatMap((one) => Object.keys(one.codes));
  assert.deepEqual(codes.filter((code) => !ELSEWHERE.includes(code) && !lines.some((line) => line.includes(`'${code}'`))), []);
});
