// SPDX-License-Identifier: Apache-2.0
// Who dies first when memory is short: real processes with the scores of the units, in a control group of the test's own. The
// kernel must end the gateway, though the vault holds more and is the one that asks for more.
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { test } from 'node:test';
import { ROOT } from './pages.ts';

const MIB = 1024 * 1024;
const GROUP_BYTES = 160 * MIB;

test('under memory pressure the gateway goes and the vault stays, by the scores of their units', async (t) => {
  const group = memoryGroup();
  if (group === null) return t.skip('there is no control group for memory that may be made here');
  const children: ChildProcess[] = [];
  try {
    // Who may not lower a score keeps the distance between them.
    const lowest = mayLower() ? 0 : scoreOf('strongroom-vault.service');
    const vault = inGroup(group, scoreOf('strongroom-vault.service') - lowest, 80);
    const gateway = inGroup(group, Math.min(1000, scoreOf('strongroom-gateway@.service') - lowest), 40);
    children.push(vault, gateway);
    for (const child of children) assert.equal(await said(child), 'holds\n');
    const ended = once(gateway, 'exit');
    vault.stdin!.write('50\n'); // together 170 of 160 MiB; the vault alone 130
    assert.deepEqual(await ended, [null, 'SIGKILL']);
    assert.equal(await said(vault), 'holds\n');
    assert.deepEqual([vault.exitCode, vault.signalCode], [null, null]);
  } finally {
    for (const child of children) child.kill('SIGKILL');
    while (readFileSync(join(group, 'cgroup.procs'), 'utf8') !== '') await delay(20);
    rmdirSync(group);
  }
});

/** CAP_SYS_RESOURCE, 24, among the effective ones. */
function mayLower(): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))![1]!;
  return ((BigInt(`0x${effective}`) >> 24n) & 1n) === 1n;
}

/** What it says next, or that it ended. */
function said(child: ChildProcess): Promise<string> {
  return Promise.race([once(child.stdout!, 'data').then(([text]) => String(text)), once(child, 'exit').then((end) => `it ended: ${end.join(' ')}`)]);
}

function scoreOf(unit: string): number {
  return Number(/^OOMScoreAdjust=(-?\d+)$/m.exec(readFileSync(join(ROOT, 'appliance/units', unit), 'utf8'))![1]);
}

/** A group with a limit and no swap, of either version; null where none can be had. */
function memoryGroup(): string | null {
  for (const [parent, limit, swap] of [['/sys/fs/cgroup', 'memory.max', 'memory.swap.max'], ['/sys/fs/cgroup/memory', 'memory.limit_in_bytes', 'memory.memsw.limit_in_bytes']] as const) {
    const group = join(parent, `strongroom-test-${process.pid}`);
    try {
      mkdirSync(group);
      if (existsSync(join(group, limit))) {
        writeFileSync(join(group, limit), String(GROUP_BYTES));
        if (existsSync(join(group, swap))) writeFileSync(join(group, swap), limit === 'memory.max' ? '0' : String(GROUP_BYTES));
        return group;
      }
      rmdirSync(group);
    } catch {
      // Not ours to make, or no such controller.
    }
  }
  return null;
}

/** Holds so many MiB, says so, and takes as many more as it is told. */
function inGroup(group: string, score: number, mib: number): ChildProcess {
  const hold = `$| = 1; my @held; my $n = ${mib}; while (defined $n) { push @held, "x" x 1048576 for 1 .. $n; print "holds\\n"; $n = <STDIN>; }`;
  return spawn('sh', ['-c', `echo ${score} > /proc/self/oom_score_adj && echo $$ > '${group}/cgroup.procs' && exec perl -e '${hold}'`], { stdio: ['pipe', 'pipe', 'inherit'] });
}
