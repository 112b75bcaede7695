// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { TestAuthority } from '@strongroom/testing';
import type { Status } from '@strongroom/service';
import { examine } from '../examine.ts';
import { codesOf, FoundedHome } from '../testing/founded-home.ts';
import { kernelCheck } from './kernel.ts';

const authority = await TestAuthority.make('Strongroom CA');
const ALL = '000001ffffffffff';
/** Without CAP_BPF (39) and CAP_PERFMON (38). */
const WITHOUT_BPF = '0000013fffffffff';

test('a kernel that has everything says nothing', async () => {
  using home = await FoundedHome.make(authority);
  assert.deepEqual(codesOf(await home.examine(kernelCheck, machine(home, ALL))), []);
});

test('a kernel without type information and audit is told, where these are wanted', async () => {
  using home = await FoundedHome.make(authority);
  const bare = { proc: join(home.directory, 'nothing'), sys: join(home.directory, 'nothing') };
  assert.deepEqual(codesOf(await home.examine(kernelCheck, bare)), ['kernel.btf', 'kernel.audit']);
  home.configure({ capture: { ebpf: { enabled: false }, audit: { enabled: false } } });
  assert.deepEqual(codesOf(await home.examine(kernelCheck, bare)), []);
});

test('a right that is not in the bounding set is told with the reader that needs it', async () => {
  using home = await FoundedHome.make(authority);
  const { findings } = await home.examine(kernelCheck, machine(home, WITHOUT_BPF));
  assert.deepEqual(findings.map(({ code, evidence }) => [code, evidence['missing'], evidence['part']]), [['kernel.capability', 'CAP_BPF, CAP_PERFMON', 'ebpf']]);
});

test('what the supervisor notes as not collected is told', async () => {
  using home = await FoundedHome.make(authority);
  const patient = await home.patient(machine(home, ALL));
  const notes = ['Kernel events are not collected by eBPF: the program was not built.', 'No witnesses are configured: who controls this machine could replace its history unnoticed.'];
  assert.deepEqual(codesOf(await examine([kernelCheck], { ...patient, status: { notes, services: [] } as unknown as Status })), ['capture.absent']);
});

/** Trees as /proc and /sys have them. */
function machine(home: FoundedHome, bounding: string): { proc: string; sys: string } {
  const [proc, sys] = [join(home.directory, 'proc'), join(home.directory, 'sys')];
  home.write(join(proc, 'self/status'), `Name:\tnode\nUid:\t0\t0\t0\t0\nCapBnd:\t${bounding}\n`);
  home.write(join(proc, 'self/loginuid'), '4294967295');
  home.write(join(sys, 'kernel/btf/vmlinux'), 'x');
  return { proc, sys };
}
