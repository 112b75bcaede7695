// SPDX-License-Identifier: Apache-2.0
// Who set the clock, from the system call in the kernel to `strongroom clock`: a process of a unit, whose person logged in, sets it so that it
// stays as it is, and the services' own clock is set at that time, so that the machine's is left alone.
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { eventually, kernelAlone, startAppliance, type Appliance } from '@strongroom/testing';
import { probeMissing } from './kernel.ts';
import { WallClock, withoutFaketime } from './wall-clock.ts';

const CGROUPS = ['/sys/fs/cgroup', '/sys/fs/cgroup/unified'].find((path) => existsSync(join(path, 'cgroup.controllers')));
const UNIT = `strongroom-clock-${process.pid}.service`;

/** settimeofday() to no time, which takes the right to set it, again and again. */
const SET_CLOCK = `
import ctypes, os, time
libc = ctypes.CDLL(None)
number = 170 if os.uname().machine == 'aarch64' else 164
while True:
    assert libc.syscall(number, None, None) == 0
    time.sleep(0.2)
`;

interface Setter {
  readonly call: string;
  readonly pid: number;
  readonly person: string | null;
  readonly login: number | null;
  readonly executable: string | null;
  readonly unit: string | null;
}

interface Step {
  readonly byNs: number;
  readonly by: readonly Setter[];
}

interface Call {
  readonly type: string;
  readonly who?: { readonly unit: string | null };
}

if (probeMissing() === false) await kernelAlone();

describe('who set the clock', { skip: probeMissing() || withoutFaketime || (CGROUPS === undefined ? 'machine: no cgroups of version 2' : false) }, () => {
  const place = join(CGROUPS ?? '', UNIT);
  let [appliance, clock, setter]: [Appliance | undefined, WallClock | undefined, ChildProcess | undefined] = [undefined, undefined, undefined];

  before(async () => {
    clock = new WallClock();
    const config = { capture: { audit: { enabled: false }, ebpf: { enabled: true } }, clock: { enabled: true, chrony: { enabled: false } } };
    appliance = await startAppliance({ config, environment: clock.environment });
    // What was executed before it watched, the probe cannot name.
    await eventually(() => sealed<unknown>('"ebpf.reading"', '--source', 'service/capture'), (all) => all.length > 0, 'the probe');
    mkdirSync(place);
    const script = `echo 65534 > /proc/self/loginuid; echo $$ > ${place}/cgroup.procs; exec /usr/bin/python3 -c "$0"`;
    setter = spawn('sh', ['-c', script, SET_CLOCK], { stdio: ['ignore', 'ignore', 'inherit'] });
  });
  after(async () => {
    if (setter !== undefined && setter.exitCode === null) {
      const gone = once(setter, 'exit');
      setter.kill('SIGKILL');
      await gone;
    }
    if (existsSync(place)) rmdirSync(place);
    await appliance?.stop();
    clock?.remove();
  });

  async function sealed<T>(...query: readonly string[]): Promise<T[]> {
    const { stdout } = await appliance!.cli('search', ...query, '-o', 'json');
    return (JSON.parse(stdout || '[]') as { raw: string }[]).map(({ raw }) => JSON.parse(raw) as T);
  }

  async function lastStep(): Promise<Step | null> {
    const { stdout } = await appliance!.cli('clock', '-o', 'json');
    return (JSON.parse(stdout || '{"now":null}') as { now: { lastStep: Step | null } | null }).now?.lastStep ?? null;
  }

  it('is told by process, person and unit, and sealed', async () => {
    // The name of the cgroup is known.
    await eventually(() => sealed<Call>(UNIT, '--protocol', 'ebpf'), (all) => all.some(({ type, who }) => type === 'time' && who?.unit === UNIT), 'the calls to be sealed');
    assert.equal((await lastStep())?.by.length ?? 0, 0);
    clock!.set('+5');
    const { byNs, by } = (await eventually(lastStep, (step) => step?.by.some(({ pid }) => pid === setter!.pid) === true, 'who set the clock'))!;
    assert.ok(Math.abs(byNs - 5e9) < 1e9, String(byNs));
    const { call, person, login, unit, executable } = by.find(({ pid }) => pid === setter!.pid)!;
    assert.deepEqual([call, person, login, unit], ['settimeofday', 'nobody', 65_534, UNIT]);
    assert.match(executable!, /python3/);
    assert.match((await appliance!.cli('clock')).stdout, new RegExp(`set +\\+[\\d.]+ s, .* by .*python3.* \\(process ${setter!.pid}, nobody, ${UNIT}\\)`));
    const told = await eventually(() => sealed<{ readonly fields: Setter & { readonly isSure: boolean } }>('"clock.set-by"', '--source', 'service/skew-guard'), (all) => all.length > 0, 'that to be sealed');
    assert.ok(told.some(({ fields: { pid, unit: of, isSure } }) => pid === setter!.pid && of === UNIT && isSure), JSON.stringify(told));
  });
});
