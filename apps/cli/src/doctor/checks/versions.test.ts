// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { TestAuthority } from '@strongroom/testing';
import type { Status } from '@strongroom/service';
import { examine } from '../examine.ts';
import { MACHINE } from '../patient.ts';
import { FoundedHome } from '../testing/founded-home.ts';
import { versionsCheck } from './versions.ts';

const authority = await TestAuthority.make('Strongroom CA');
const PINNED = JSON.parse(readFileSync(join(MACHINE.project, 'package.json'), 'utf8')) as { optionalDependencies: Record<string, string> };

/** An installation that pins a version, and a supervisor of it that runs since a moment. */
async function found(home: FoundedHome, version: string, pid: number, sinceMs: number) {
  const project = join(home.directory, 'project');
  home.write(join(project, 'package.json'), JSON.stringify({ optionalDependencies: { ...PINNED.optionalDependencies, [`node-linux-${process.arch}`]: version } }));
  home.write(join(project, 'package-lock.json'), '{}');
  const status = { services: [{ name: 'supervisor', pid, since: new Date(sinceMs).toISOString() }] } as unknown as Status;
  return (await examine([versionsCheck], { ...await home.patient({ project }), status })).findings;
}

test('the Node that is pinned, and code that is older than what runs, say nothing', async () => {
  using home = await FoundedHome.make(authority);
  assert.deepEqual(await found(home, process.versions.node, process.pid, Date.now() + 60_000), []);
});

test('a Node that is not the one that is pinned is told with both', async () => {
  using home = await FoundedHome.make(authority);
  const [one, ...more] = await found(home, '26.9.0', process.pid, Date.now() + 60_000);
  assert.deepEqual([one?.code, one?.evidence['runs'], one?.evidence['pinned'], more], ['version.node', process.versions.node, '26.9.0', []]);
});

test('code that was updated while it runs is told', async () => {
  using home = await FoundedHome.make(authority);
  const [one, ...more] = await found(home, process.versions.node, process.pid, Date.now() - 3_600_000);
  assert.deepEqual([one?.code, one?.fix.startsWith(`kill -TERM ${process.pid} `), more], ['version.replaced', true, []]);
});

test('a program that runs and whose file was replaced is told, however old the code looks', async () => {
  using home = await FoundedHome.make(authority);
  const program = join(home.directory, 'program');
  copyFileSync('/bin/sleep', program);
  const child = spawn(program, ['600'], { stdio: 'ignore' });
  try {
    await once(child, 'spawn');
    assert.deepEqual(await found(home, process.versions.node, child.pid!, Date.now() + 60_000), []);
    rmSync(program);
    assert.deepEqual((await found(home, process.versions.node, child.pid!, Date.now() + 60_000)).map(({ code }) => code), ['version.replaced']);
  } finally {
    child.kill('SIGKILL');
  }
});
