// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { TestAuthority } from '@strongroom/testing';
import { codesOf, FoundedHome } from '../testing/founded-home.ts';
import { configCheck } from './config.ts';

const authority = await TestAuthority.make('Strongroom CA');

test('a valid configuration whose files are there says nothing', async () => {
  using home = await FoundedHome.make(authority);
  home.configure({ witness: { policy: home.paths.ca } });
  assert.deepEqual(codesOf(await home.examine(configCheck)), []);
});

test('each mistake is told, and that nothing else of the configuration could be looked at', async () => {
  using home = await FoundedHome.make(authority);
  home.configure({ gatway: {}, vault: { cycleMaxBytes: 1 } });
  const { findings, unseen } = await home.examine(configCheck);
  assert.deepEqual(findings.map(({ code, evidence }) => [code, evidence['kind']]).toSorted(), [['config.invalid', 'config.unknown-key'], ['config.invalid', 'config.value']]);
  assert.deepEqual(unseen.map(({ code }) => code), ['config.file-away']);
});

test('a file that is named and not there is told with its key', async () => {
  using home = await FoundedHome.make(authority);
  home.configure({ witness: { policy: join(home.directory, 'nowhere.policy') } });
  const { findings } = await home.examine(configCheck);
  assert.deepEqual(findings.map(({ code, evidence }) => [code, evidence['key'], evidence['error']]), [['config.file-away', 'witness.policy', 'ENOENT']]);
});
