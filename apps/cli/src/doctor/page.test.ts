// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { doctorPage, PAGE } from './page.ts';

test('docs/DOCTOR.md says what the checks declare: node apps/cli/src/doctor/page.ts writes it', () => {
  assert.equal(readFileSync(PAGE, 'utf8'), doctorPage());
});
