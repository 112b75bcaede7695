// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { test } from 'node:test';
import type { Status } from '@strongroom/service';
import { TestAuthority } from '@strongroom/testing';
import { examine } from '../examine.ts';
import { codesOf, FoundedHome } from '../testing/founded-home.ts';
import { limitsCheck } from './limits.ts';

const authority = await TestAuthority.make('Strongroom CA');

test('swap that is not encrypted, and a short backlog, are told; without them nothing is', async () => {
  using home = await FoundedHome.make(authority);
  const proc = join(home.directory, 'proc');
  home.write(join(proc, 'swaps'), 'Filename\tType\tSize\tUsed\tPriority\n');
  home.write(join(proc, 'sys/net/core/somaxconn'), '4096\n');
  assert.deepEqual(codesOf(await home.examine(limitsCheck, { proc })), []);
  home.write(join(proc, 'swaps'), 'Filename\tType\tSize\tUsed\tPriority\n/swapfile file 1048572 0 -2\n');
  home.write(join(proc, 'sys/net/core/somaxconn'), '128\n');
  assert.deepEqual(codesOf(await home.examine(limitsCheck, { proc })).toSorted(), ['limit.backlog', 'memory.swap']);
});

test('a short backlog is that of the network that we are in', { skip: process.getuid?.() === 0 ? false : 'there is no root to make a network of its own' }, () => {
  const script = `sysctl -qw net.core.somaxconn=64 && exec "${join(import.meta.dirname, '../../../bin/strongroom')}" doctor --home /nowhere -o json`;
  const { stdout, stderr } = spawnSync('unshare', ['--net', 'sh', '-c', script], { encoding: 'utf8' });
  const { findings } = JSON.parse(stdout || `"${stderr}"`) as { findings: { code: string; evidence: Record<string, unknown> }[] };
  assert.equal(findings.find(({ code }) => code === 'limit.backlog')?.evidence['somaxconn'], 64);
});

test('a vault that may dump core, and a gateway with too few files, are told by their own limits', async () => {
  using home = await FoundedHome.make(authority);
  home.configure({ gateway: { maxConnections: 500 } });
  const [open, closed] = [processWith('--core=0:unlimited', '--nofile=100:100'), processWith('--core=0:0', '--nofile=1000:1000')];
  try {
    for (const { pid } of [open, closed]) while (readFileSync(`/proc/${pid}/comm`, 'utf8') !== 'sleep\n') await delay(10);
    const patient = await home.patient();
    const look = (vault: ChildProcess, gateway: ChildProcess) => examine([limitsCheck], { ...patient, status: statusOf({ vault, gateway }) });
    assert.deepEqual(codesOf(await look(open, open)).filter((code) => !code.startsWith('memory.swap') && code !== 'limit.backlog').toSorted(), ['limit.open-files', 'memory.core-dumps']);
    assert.deepEqual(codesOf(await look(closed, closed)).filter((code) => code === 'memory.core-dumps' || code === 'limit.open-files'), []);
  } finally {
    for (const one of [open, closed]) one.kill('SIGKILL');
  }
});

function processWith(...limits: readonly string[]): ChildProcess {
  return spawn('prlimit', [...limits, 'sleep', '60'], { stdio: 'ignore' });
}

/** As the supervisor tells of them; of the rest nothing is asked. */
function statusOf(processes: Readonly<Record<string, ChildProcess>>): Status {
  const since = new Date().toISOString();
  return { services: Object.entries(processes).map(([name, { pid = null }]) => ({ name, index: 0, pid, state: 'running', reason: null, since })), listeners: [], health: { ok: true, reason: null, degraded: null } } as unknown as Status;
}
