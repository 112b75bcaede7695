// SPDX-License-Identifier: Apache-2.0
// What of this host cannot be captured, and what is missing for it.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { check, type Say } from '../check.ts';
import type { Config } from '@strongroom/service/client';
import { unanswered, type Patient } from '../patient.ts';

const LESS = 'what would be told by it is not in evidence';

const CODES = {
  'capture.absent': { severity: 'weak', seen: 'something of this host that shall be captured is not', why: LESS },
  'kernel.btf': { severity: 'weak', seen: 'the kernel has no type information (BTF)', why: `kernel events cannot be collected by eBPF: ${LESS}` },
  'kernel.audit': { severity: 'weak', seen: 'the kernel has no audit', why: LESS },
  'kernel.capability': { severity: 'weak', seen: 'a right that a reader of the kernel needs cannot be had here, as in a container', why: `that reader does not start: ${LESS}` },
} as const;
type Code = keyof typeof CODES;

/** Numbers of linux/capability.h, and what needs them. */
const CAPABILITIES = [
  ['CAP_AUDIT_READ', 37, 'audit'], ['CAP_BPF', 39, 'ebpf'], ['CAP_PERFMON', 38, 'ebpf'], ['CAP_SYS_ADMIN', 21, 'files'], ['CAP_DAC_READ_SEARCH', 2, 'files'],
] as const;

/** How the supervisor begins what it says of them. */
const NOTES = /^(Kernel messages|The kernel's audit|Kernel events|Watched files|Fewer connections)/;

export const kernelCheck = check({
  name: 'kernel',
  codes: CODES,
  look(patient, say: Say<Code>) {
    const { status, config, machine: { proc, sys } } = patient;
    if (status === null) say.unseen(unanswered(patient), 'capture.absent');
    for (const note of (status?.notes ?? []).filter((one) => NOTES.test(one))) say.found('capture.absent', { what: note.replace(/\.$/, ''), fix: 'strongroom config explain (give it what it lacks, or switch it off under capture)', evidence: { note } });
    if (config === null) return say.unseen('the configuration is not valid', 'kernel.btf', 'kernel.audit', 'kernel.capability');
    if (config.capture.ebpf.enabled && !existsSync(join(sys, 'kernel/btf/vmlinux'))) say.found('kernel.btf', { what: `${join(sys, 'kernel/btf/vmlinux')} is not there`, fix: 'uname -r (take a kernel that is built with CONFIG_DEBUG_INFO_BTF, as Debian\'s are, or set capture.ebpf.enabled: false)' });
    if (config.capture.audit.enabled && !existsSync(join(proc, 'self/loginuid'))) say.found('kernel.audit', { what: `${join(proc, 'self/loginuid')} is not there: the kernel is built without its audit`, fix: 'uname -r (take a kernel that is built with CONFIG_AUDIT, as Debian\'s are, or set capture.audit.enabled: false)' });
    judgeCapabilities(patient, config, say);
  },
});

/** Of the supervisor where it runs: what it may not, nobody below it may. */
function judgeCapabilities({ status, machine: { proc } }: Patient, { capture }: Config, say: Say<Code>): void {
  const pid = status?.services.find(({ name }) => name === 'supervisor')?.pid ?? 'self';
  const said = readOr(join(proc, String(pid), 'status'));
  const [bounding, uid] = [/^CapBnd:\s*([0-9a-f]+)$/m.exec(said)?.[1], /^Uid:\s*(\d+)/m.exec(said)?.[1]];
  if (bounding === undefined || uid !== '0') return say.unseen('only a Strongroom that root starts has readers of the kernel', 'kernel.capability');
  const missing = CAPABILITIES.filter(([, number, part]) => capture[part].enabled && ((BigInt(`0x${bounding}`) >> BigInt(number)) & 1n) === 0n);
  for (const part of new Set(missing.map(([, , one]) => one))) {
    const names = missing.filter(([, , one]) => one === part).map(([name]) => name).join(', ');
    say.found('kernel.capability', { what: `${names} is not in the bounding set: capture.${part} cannot be had`, fix: `grep CapBnd /proc/${pid}/status (a container: --cap-add ${names.replaceAll('CAP_', '').replaceAll(', ', ' --cap-add ')}; or set capture.${part}.enabled: false)`, evidence: { missing: names, part } });
  }
}

function readOr(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
