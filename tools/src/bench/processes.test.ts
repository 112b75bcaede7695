// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { cpuSeconds, processName, processTree, proportionalBytes } from './processes.ts';

test('a process tree holds the children of children', async () => {
  const shell = spawn('sh', ['-c', 'sh -c "echo up; sleep 60; :"; :'], { stdio: ['ignore', 'pipe', 'ignore'], detached: true });
  try {
    await new Promise((done) => { shell.stdout.once('data', done); });
    const tree = processTree(shell.pid!);
    assert.ok(tree.length >= 2);
    assert.equal(tree[0], shell.pid);
    assert.equal(processName(shell.pid!), 'sh');
  } finally {
    process.kill(-shell.pid!, 'SIGKILL');
  }
});

test('CPU time and memory of this process are seen, and a process that is gone counts as nothing', () => {
  const before = cpuSeconds([process.pid]);
  const until = process.cpuUsage().user + 100_000;
  while (process.cpuUsage().user < until);
  assert.ok(cpuSeconds([process.pid]) > before);
  assert.ok((proportionalBytes([process.pid]) ?? 0) > 1_000_000);
  assert.equal(cpuSeconds([2 ** 22 + 1]), 0);
});
