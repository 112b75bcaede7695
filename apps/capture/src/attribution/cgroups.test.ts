// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { cgroupMounts, pathIn } from './cgroup-mounts.ts';
import { Cgroups } from './cgroups.ts';
import { cgroupsIn } from './proc.ts';

const HYBRID = `24 19 0:21 / /sys/fs/cgroup rw - tmpfs tmpfs rw
25 24 0:22 / /sys/fs/cgroup/unified rw shared:5 - cgroup2 cgroup2 rw
26 24 0:23 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
27 24 0:24 /docker/abc /sys/fs/cgroup/part rw - cgroup cgroup rw,pids
28 24 0:24 / /sys/fs/cgroup/a\\040pids rw - cgroup cgroup rw,pids`;

describe('hierarchies of cgroups', () => {
  it('are found where they are mounted as a whole', () => {
    assert.deepEqual(cgroupMounts(HYBRID), { v2: '/sys/fs/cgroup/unified', v1: '/sys/fs/cgroup/a pids' });
    assert.deepEqual(cgroupMounts('30 24 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup rw,nsdelegate'), { v2: '/sys/fs/cgroup', v1: null });
    assert.deepEqual(cgroupMounts(''), { v2: null, v1: null });
  });

  it('each have a path in what /proc says of a process', () => {
    const cgroups = cgroupsIn('9:name=systemd:/system.slice/a.service\n8:pids,misc:/docker/x (deleted)\n0::/../up:and:down\n');
    assert.deepEqual([pathIn('v2', cgroups), pathIn('v1', cgroups), cgroups.get('name=systemd')], ['/../up:and:down', '/docker/x', '/system.slice/a.service']);
    assert.equal(pathIn('v1', cgroupsIn('0::/\n')), null);
  });
});

describe('paths of cgroups by their numbers', () => {
  const roots: string[] = [];
  const opened: Cgroups[] = [];
  afterEach(() => {
    for (const cgroups of opened.splice(0)) cgroups.close();
    for (const root of roots.splice(0)) rmSync(root, { recursive: true });
  });

  const make = (knownMax?: number): { root: string; cgroups: Cgroups } => {
    const root = mkdtempSync(join(tmpdir(), 'strongroom-cgroups-'));
    const cgroups = new Cgroups({ v2: root, v1: null }, knownMax);
    roots.push(root);
    opened.push(cgroups);
    return { root, cgroups };
  };

  it('are known of those that were there, and of those that come, however deep, also when they are gone', async () => {
    const { root, cgroups } = make();
    mkdirSync(join(root, 'system.slice/a.service'), { recursive: true });
    await cgroups.start();
    assert.equal(cgroups.path('v2', statSync(join(root, 'system.slice/a.service')).ino), '/system.slice/a.service');
    assert.equal(cgroups.path('v2', statSync(root).ino), '/');
    const deep = join(root, 'system.slice/b.slice/c.service');
    mkdirSync(deep, { recursive: true });
    const { ino } = statSync(deep);
    for (let round = 0; cgroups.path('v2', ino) === null; round += 1) {
      assert.ok(round < 3000, 'it was not seen');
      await delay(10);
    }
    rmSync(join(root, 'system.slice/b.slice'), { recursive: true });
    assert.equal(cgroups.path('v2', ino), '/system.slice/b.slice/c.service');
  });

  it('are looked at a few at a time where somebody makes thousands of them, and all become known', async () => {
    const { root, cgroups } = make();
    await cgroups.start();
    const made = Array.from({ length: 300 }, (_, index) => join(root, `${index}`));
    for (const path of made) mkdirSync(path);
    const known = (): number => made.filter((path) => cgroups.path('v2', statSync(path).ino) !== null).length;
    let before = 0;
    for (let round = 0; before < made.length; round += 1) {
      assert.ok(round < 5000, `${before} were seen`);
      await delay(5);
      const now = known();
      assert.ok(round > 0 || now <= 128, `${now} at once`);
      before = now;
    }
  });

  it('that nobody can look at end nothing: a path that is too long, a directory that is closed to us', async () => {
    const { root, cgroups } = make();
    const steps = Array.from({ length: 15 }, (_, index) => String(index).padEnd(250, 'x'));
    const long = join(root, ...steps);
    mkdirSync(long, { recursive: true });
    await cgroups.start();
    assert.equal(cgroups.learn('v2', `/${steps.join('/')}/${'y'.repeat(200)}/${'z'.repeat(200)}`), null);
    // What is made below, we are told of, and cannot name.
    const below = 'y'.repeat(250);
    assert.equal(spawnSync('sh', ['-c', 'mkdir "$1" && cd "$1" && mkdir "$1"', 'sh', below], { cwd: long }).status, 0);
    mkdirSync(join(root, 'after'));
    const { ino } = statSync(join(root, 'after'));
    for (let round = 0; cgroups.path('v2', ino) === null; round += 1) {
      assert.ok(round < 3000, 'it was not seen');
      await delay(10);
    }
    spawnSync('rm', ['-r', steps[0]!], { cwd: root });
  });

  it('of services stay known, however many are made deep below', () => {
    const { root, cgroups } = make(50);
    const deep = 'user.slice/user-1000.slice/user@1000.service/app.slice';
    mkdirSync(join(root, deep), { recursive: true });
    mkdirSync(join(root, 'system.slice/a.service'), { recursive: true });
    const service = cgroups.learn('v2', '/system.slice/a.service')!;
    const numbers = Array.from({ length: 60 }, (_, index) => {
      mkdirSync(join(root, deep, `${index}`));
      return cgroups.learn('v2', `/${deep}/${index}`)!;
    });
    assert.equal(cgroups.path('v2', service), '/system.slice/a.service');
    assert.deepEqual([cgroups.path('v2', numbers[0]!), cgroups.path('v2', numbers.at(-1)!)], [null, `/${deep}/59`]);
  });

  it('are learnt from where a process is, and are none in a hierarchy that is not there', () => {
    const { root, cgroups } = make();
    mkdirSync(join(root, 'x'));
    assert.equal(cgroups.learn('v2', '/x'), statSync(join(root, 'x')).ino);
    assert.equal(cgroups.path('v2', statSync(join(root, 'x')).ino), '/x');
    assert.deepEqual([cgroups.learn('v2', '/gone'), cgroups.learn('v2', '/../x'), cgroups.learn('v1', '/x'), cgroups.has('v1')], [null, null, null, false]);
  });
});
