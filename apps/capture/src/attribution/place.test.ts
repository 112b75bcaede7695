// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bestPlace, placeOf } from './place.ts';

const ID = 'c0ffee'.padEnd(64, '0');
const POD_UID = '0f6d2a5e-7c1b-4a3f-9d58-0a1b2c3d4e5f';
const PLACES: readonly [path: string, unit: string | null, container: Record<string, unknown> | null][] = [
  ['/', null, null],
  ['/system.slice/ssh.service', 'ssh.service', null],
  ['/system.slice/system-getty.slice/getty@tty1.service', 'getty@tty1.service', null],
  ['/user.slice/user-1000.slice/session-3.scope', 'session-3.scope', null],
  ['/init.scope', 'init.scope', null],
  ['/../../system.slice/cron.service', 'cron.service', null],
  // Docker: v2 and systemd, v1 and cgroupfs, inside of another slice, and with a systemd of its own.
  [`/system.slice/docker-${ID}.scope`, `docker-${ID}.scope`, { runtime: 'docker', id: ID }],
  [`/docker/${ID}`, null, { runtime: 'docker', id: ID }],
  [`/../${ID}`, null, { runtime: null, id: ID }],
  [`/system.slice/docker-${ID}.scope/system.slice/nginx.service`, `docker-${ID}.scope`, { runtime: 'docker', id: ID }],
  [`/docker/${ID}/docker/${'1'.repeat(64)}`, null, { runtime: 'docker', id: '1'.repeat(64) }],
  // Kubernetes with each driver.
  [`/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${POD_UID.replaceAll('-', '_')}.slice/cri-containerd-${ID}.scope`, `cri-containerd-${ID}.scope`, { runtime: 'containerd', id: ID, pod: POD_UID }],
  [`/kubepods/besteffort/pod${POD_UID}/${ID}`, null, { runtime: null, id: ID, pod: POD_UID }],
  [`/kubepods.slice/kubepods-pod${POD_UID.replaceAll('-', '_')}.slice/crio-${ID}.scope`, `crio-${ID}.scope`, { runtime: 'cri-o', id: ID, pod: POD_UID }],
  [`/system.slice/containerd.service/kubepods-burstable-pod${POD_UID.replaceAll('-', '_')}.slice:cri-containerd:${ID}`, 'containerd.service', { runtime: 'containerd', id: ID }],
  // Podman: as root, and of a user.
  [`/machine.slice/libpod-${ID}.scope/container`, `libpod-${ID}.scope`, { runtime: 'podman', id: ID }],
  [`/machine.slice/libpod-conmon-${ID}.scope`, `libpod-conmon-${ID}.scope`, null],
  [`/default/${ID}`, null, { runtime: null, id: ID }],
  ['/lxc.payload.web-1/system.slice/nginx.service', null, { runtime: 'lxc', id: 'web-1' }],
  ['/lxc/web-1', null, { runtime: 'lxc', id: 'web-1' }],
  ['/lxc.monitor.web-1', null, null],
  ['/machine.slice/systemd-nspawn@web.service/payload', 'systemd-nspawn@web.service', { runtime: 'systemd-nspawn', id: 'web' }],
  ['/machine.slice/machine-qemu\\x2d1\\x2dweb.scope', 'machine-qemu\\x2d1\\x2dweb.scope', { runtime: 'systemd-machined', id: 'qemu-1-web' }],
  [`/system.slice/docker-${ID.slice(1)}.scope`, `docker-${ID.slice(1)}.scope`, null],
];

describe('place of a process', () => {
  for (const [path, unit, container] of PLACES) {
    it(`is known by ${path}`, () => assert.deepEqual([placeOf(path).unit, placeOf(path).container], [unit, container]));
  }

  it('names the unit of a user beside that of the machine', () => {
    const { unit, userUnit, container } = placeOf(`/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-${ID}.scope`);
    assert.deepEqual([unit, userUnit, container], ['user@1000.service', `libpod-${ID}.scope`, { runtime: 'podman', id: ID }]);
  });

  it('is by the hierarchy that says most, where cgroups are hybrid', () => {
    assert.equal(bestPlace(['/', `/docker/${ID}`])!.cgroup, `/docker/${ID}`);
    assert.equal(bestPlace(['/system.slice/docker.service', `/docker/${ID}`])!.container!.id, ID);
    assert.equal(bestPlace(['/system.slice/ssh.service', '/'])!.unit, 'ssh.service');
    assert.equal(bestPlace(['/', null])!.cgroup, '/');
    assert.equal(bestPlace([null, null]), null);
  });
});
