// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { chmodSync, chownSync } from 'node:fs';
import { test } from 'node:test';
import { TestAuthority } from '@strongroom/testing';
import { codesOf, FoundedHome } from '../testing/founded-home.ts';
import { secretsCheck } from './secrets.ts';

const authority = await TestAuthority.make('Strongroom CA');

test('secrets that only their owners reach say nothing', async () => {
  using home = await FoundedHome.make(authority);
  assert.deepEqual(codesOf(await home.examine(secretsCheck)), []);
});

test('a key that others may read is told, with the mode that it should have, and nothing of what is in it', async () => {
  using home = await FoundedHome.make(authority);
  const { key } = home.paths.identity('gateway');
  chmodSync(key, 0o644);
  const { findings } = await home.examine(secretsCheck);
  assert.deepEqual(findings.map(({ code, evidence }) => [code, evidence['path'], evidence['wanted']]), [['secret.open', key, '0640']]);
  assert.ok(!JSON.stringify(findings).includes('PRIVATE'));
});

test('a directory of secrets that others may enter is told', async () => {
  using home = await FoundedHome.make(authority);
  chmodSync(home.paths.identity('vault').directory, 0o755);
  assert.deepEqual(codesOf(await home.examine(secretsCheck)), ['secret.open']);
});

test('a key of another user is told', { skip: process.getuid?.() === 0 ? false : 'there is no root to give a file away' }, async () => {
  using home = await FoundedHome.make(authority);
  chownSync(home.paths.identity('vault').key, 65_534, 65_534);
  const { findings } = await home.examine(secretsCheck);
  assert.deepEqual(findings.map(({ code, evidence }) => [code, evidence['uid'], evidence['expected']]), [['secret.owner', 65_534, 0]]);
});
