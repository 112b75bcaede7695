// SPDX-License-Identifier: Apache-2.0
// What kernel events cost: each way of having them, under each workload, against nobody watching and against auditd alone.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Failed } from '@strongroom/bytes';
import { auditMissing, HostAudit } from '@strongroom/testing';
import { measureIntegrity, type IntegrityLeg } from './integrity.ts';
import { begin, WAYS, type Reading, type Running, type Way } from './ways.ts';
import { steady, storm, workloads, type Workload } from './workloads.ts';

/** Before each way is measured, so that code is compiled, as it is in a service that runs for months; until all of that is sealed, and counted. */
const [WARM_EXECS, WARM_SECONDS, QUIET_MS] = [2000, 8, 8000];
/** For what is on its way at the end of a workload to be sealed. */
const SETTLE_MS = 3000;

export interface Leg {
  readonly way: Way;
  readonly workload: Workload['name'];
  /** Of the workload by itself. */
  readonly seconds: number;
  /** From its beginning to when all of it was sealed. */
  readonly elapsed: number;
  /** What it took meanwhile. */
  readonly used: Reading;
}

/** Throws `Failed('bench.kernel')` where the kernel is not ours to use. */
export async function measureKernel(seconds: number, execs: number, say: (line: string) => void): Promise<{ readonly all: readonly Workload[]; readonly legs: readonly Leg[]; readonly integrity: readonly IntegrityLeg[] }> {
  kernelIsOurs();
  const [host, legs, all] = [new HostAudit(), [] as Leg[], workloads(seconds, execs)];
  for (const { name, missing: why } of all) if (why !== null) say(`${name} is left out: ${why}`);
  try {
    for (const way of WAYS) legs.push(...await measured(way, all.filter((one) => one.missing === null), host, say));
  } finally {
    host.restore();
  }
  return { all, legs, integrity: await measureIntegrity(seconds, say) };
}

/** Throws `Failed('bench.kernel')` otherwise. */
export function kernelIsOurs(): void {
  const missing = auditMissing();
  if (missing !== false) throw new Failed('bench.kernel', 'the kernel events of this machine cannot be measured', { why: missing, fix: 'run it as root where no auditd runs' });
}

async function measured(way: Way, all: readonly Workload[], host: HostAudit, say: (line: string) => void): Promise<Leg[]> {
  const root = mkdtempSync(join(tmpdir(), 'strongroom-bench-kernel-'));
  const watched = join(root, 'watched');
  mkdirSync(watched);
  const running = await begin(way, watched, host);
  const legs: Leg[] = [];
  try {
    await storm(WARM_EXECS);
    await steady(watched, WARM_SECONDS);
    await delay(QUIET_MS);
    for (const workload of all) {
      say(`${way}: ${workload.name}`);
      legs.push(await leg(way, workload, running, watched));
    }
  } finally {
    await running.stop();
    rmSync(root, { recursive: true, force: true });
  }
  return legs;
}

export async function leg(way: Way, workload: Workload, running: Running, watched: string): Promise<Leg> {
  const [before, from] = [await running.read(), performance.now()];
  const seconds = await workload.run(watched);
  if (workload.name !== 'quiet') await delay(SETTLE_MS);
  const [after, elapsed] = [await running.read(), (performance.now() - from) / 1000];
  return { way, workload: workload.name, seconds, elapsed, used: difference(before, after) };
}

function difference(before: Reading, after: Reading): Reading {
  const cpu = Object.fromEntries(Object.entries(after.cpu).map(([part, value]) => [part, value - (before.cpu[part as keyof Reading['cpu']] ?? 0)]));
  return { cpu, probeSeconds: after.probeSeconds - before.probeSeconds, events: after.events - before.events, lost: after.lost - before.lost };
}
