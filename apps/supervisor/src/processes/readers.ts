// SPDX-License-Identifier: Apache-2.0
// Which native readers there are, what each may, and why one is not started.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Config, Layout } from '@strongroom/service';
import { readerAccount, type Accounts } from '../place/accounts.ts';
import type { Place } from '../place/place.ts';
import { asSeen, seenByServices } from '../place/view.ts';
import { serviceEnvironment, type Command } from './command.ts';
import type { ReaderPlan } from './reader.ts';

const PROGRAMS = 'node_modules/.strongroom-native';
/** To join the multicast group; to ask for the status; to have a buffer as large as configured. It gives them up. */
const AUDIT_CAPABILITIES = ['audit_read', 'audit_control', 'net_admin'];

/** To load the probe, to have it read kernel memory, and to find watched trees that its user cannot. It gives them up. */
const EBPF_CAPABILITIES = ['bpf', 'perfmon', 'dac_read_search'];
/** For the marks of fanotify, which it gives up but for a child that marks what is mounted later; and to read what is not its own, which it keeps. */
const FILES_CAPABILITIES = ['sys_admin', 'dac_read_search'];
const TYPE_INFORMATION = '/sys/kernel/btf/vmlinux';

export interface ReaderFacts {
  readonly place: Place;
  readonly paths: Layout;
  readonly config: Config;
  readonly users: Accounts | null;
}

/** All that are to be started. */
export function readerPlans(facts: ReaderFacts): readonly ReaderPlan[] {
  return [
    ...(auditWanted(facts.config) && auditMissing(facts) === null ? [audit(facts)] : []),
    ...(facts.config.capture.ebpf.enabled && ebpfMissing(facts) === null ? [ebpf(facts)] : []),
    ...(facts.config.capture.files.enabled && integrityMissing(facts) === null ? [files(facts)] : []),
  ];
}

/** Why kernel events cannot be collected by eBPF though they shall, or null. */
export function ebpfMissing({ place, config, users }: Omit<ReaderFacts, 'paths'>): string | null {
  if (!config.capture.ebpf.enabled) return null;
  if (users === null) return 'it takes root, and users of their own for its readers';
  if (!existsSync(TYPE_INFORMATION)) return `this kernel says nothing of its types (${TYPE_INFORMATION} is not there)`;
  return existsSync(join(place.code, PROGRAMS, 'strongroom-probe')) ? null : 'strongroom-probe was not built at set-up (tools/setup/setup.sh says why)';
}

function ebpf({ place, paths, config }: ReaderFacts): ReaderPlan {
  const { watch, ringBytes, holdBytes } = config.capture.ebpf;
  const program = join(seenByServices(place).code, PROGRAMS, 'strongroom-probe');
  const args = [
    asSeen(place, paths.readerSocket('ebpf')), ...own(process.pid), '--ring-bytes', String(ringBytes), '--hold-bytes', String(holdBytes), ...watch.flatMap((directory) => ['--watch', directory]),
  ];
  return { name: 'ebpf', command: readerCommand(program, args, EBPF_CAPABILITIES), environment: serviceEnvironment('') };
}

/** The probe takes children of `supervisor` for ours. The first process of a machine or container is the parent of everybody's orphans too. */
export function own(supervisor: number): string[] {
  return supervisor === 1 ? [] : ['--own', String(supervisor)];
}

/** Why watched files and executables are not hashed though they shall be, or null. */
export function integrityMissing({ place, config, users }: Omit<ReaderFacts, 'paths'>): string | null {
  if (!config.capture.files.enabled) return null;
  if (users === null) return 'it takes root, and users of their own for its readers';
  return existsSync(join(place.code, PROGRAMS, 'strongroom-files')) ? null : 'strongroom-files was not built at set-up (tools/setup/setup.sh says why)';
}

function files({ place, paths, config }: ReaderFacts): ReaderPlan {
  const { watch, everyHours, executables } = config.capture.files;
  const program = join(seenByServices(place).code, PROGRAMS, 'strongroom-files');
  const args = [
    asSeen(place, paths.readerSocket('files')), '--state', asSeen(place, paths.filesState), '--home', paths.home, '--every', String(everyHours * 3600),
    ...(executables ? [] : ['--no-executables']), ...watch.flatMap((directory) => ['--watch', directory]),
  ];
  return { name: 'files', command: readerCommand(program, args, FILES_CAPABILITIES), environment: serviceEnvironment('') };
}

/** Why the audit cannot be read though it shall, or null. */
export function auditMissing({ place, config, users }: Omit<ReaderFacts, 'paths'>): string | null {
  if (!auditWanted(config)) return null;
  if (users === null) return 'reading it takes root, and users of their own for its readers';
  return existsSync(join(place.code, PROGRAMS, 'strongroom-audit')) ? null : 'strongroom-audit was not built at set-up (tools/setup/setup.sh says why)';
}

/** auditd starts the reader itself where it is its plugin. */
function auditWanted({ capture: { audit: { enabled, path } } }: Config): boolean {
  return enabled && path === 'multicast';
}

function audit({ place, paths, config }: ReaderFacts): ReaderPlan {
  const { own, receiveBytes } = config.capture.audit;
  const program = join(seenByServices(place).code, PROGRAMS, 'strongroom-audit');
  const args = [asSeen(place, paths.readerSocket('audit')), '--receive-bytes', String(receiveBytes), ...(own ? ['--own'] : [])];
  return { name: 'audit', command: readerCommand(program, args, AUDIT_CAPABILITIES), environment: serviceEnvironment('') };
}

/** prlimit (no core dumps) → setpriv (user, these capabilities and no others, no new privileges) → the program. */
export function readerCommand(program: string, args: readonly string[], capabilities: readonly string[]): Command {
  const { uid, gid } = readerAccount();
  const kept = ['-all', ...capabilities.map((name) => `+${name}`)].join(',');
  return {
    file: 'prlimit',
    args: [
      '--core=0:0', 'setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', `--bounding-set=${kept}`, `--inh-caps=${kept}`, `--ambient-caps=${kept}`,
      '--no-new-privs', program, ...args,
    ],
  };
}
