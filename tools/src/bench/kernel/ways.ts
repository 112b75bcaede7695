// SPDX-License-Identifier: Apache-2.0
// The ways to have a kernel's events, each as a user has it: whole appliances, and the real auditd with the same rules.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { configOf } from '@strongroom/service/config';
import { Auditd, HostAudit, startAppliance, type Appliance } from '@strongroom/testing';
import { cpuSeconds, processTree } from '../processes.ts';

const PROGRAM = join(import.meta.dirname, '../../../../node_modules/.strongroom-native/strongroom-audit');
const READER_USER = '60650:60650';
const BACKLOG = 32_768;
const STATISTICS = '/proc/sys/kernel/bpf_stats_enabled';

export const WAYS = ['off', 'auditd', 'audit, multicast', 'audit, plugin of auditd', 'eBPF', 'audit and eBPF'] as const;
/** An appliance is there in each. */
export const QUIET_WAYS = ['no kernel events', 'audit, multicast', 'eBPF', 'audit and eBPF'] as const;
export type Way = (typeof WAYS)[number] | (typeof QUIET_WAYS)[number];
export const PARTS = ['kauditd', 'auditd', 'readers', 'capture', 'vault', 'keys', 'supervisor', 'gateway'] as const;
export type Part = (typeof PARTS)[number];

/** What is counted, so far. */
export interface Reading {
  /** Processor seconds. */
  readonly cpu: Readonly<Partial<Record<Part, number>>>;
  /** Seconds of programs of eBPF, in whoever's call they ran. */
  readonly probeSeconds: number;
  readonly events: number;
  readonly lost: number;
}

export interface Running {
  read(): Promise<Reading>;
  stop(): Promise<void>;
}

/** Starts one way. `watched`: a directory whose files are told of; `host`: rules go here, and are taken back at the stop. */
export async function begin(way: Way, watched: string, host: HostAudit): Promise<Running> {
  const root = mkdtempSync(join(watched, '../auditd-'));
  const [audit, ebpf, plugin] = [way.startsWith('audit, ') || way === 'audit and eBPF', way.includes('eBPF'), way.includes('plugin')];
  const { gatherMs } = configOf({}).capture;
  const capture = { gatherMs, audit: { enabled: audit, path: plugin ? 'plugin' : 'multicast' }, ebpf: { enabled: ebpf, watch: ['/etc', '/boot', '/usr', watched] } };
  const appliance = audit || ebpf || way === 'no kernel events' ? await startAppliance({ config: { capture } }) : null;
  const auditd = way.includes('auditd') ? new Auditd(join(root, 'auditd')) : null;
  if (plugin) auditd!.plugin(PROGRAM, [appliance!.paths.readerSocket('audit'), `--plugin=${READER_USER}`]);
  await auditd?.start();
  if (plugin) await delay(1000); // for its reader to connect
  if (audit || auditd !== null) watch(host, watched);
  if (ebpf) writeFileSync(STATISTICS, '1');
  const parts = await partsOf(appliance, auditd, plugin);
  return {
    read: async () => ({ cpu: usedBy(parts), probeSeconds: ebpf ? probeSeconds(parts.readers) : 0, ...await counted(appliance, auditd) }),
    stop: async () => {
      if (ebpf) writeFileSync(STATISTICS, '0');
      host.remove();
      await auditd?.stop();
      await appliance?.stop();
      rmSync(root, { recursive: true });
    },
  };
}

/** What the eBPF events tell of, as far as rules can say it. */
function watch(host: HostAudit, watched: string): void {
  host.limit('-b', BACKLOG);
  host.enable();
  host.add('always,exit -F arch=b64 -S execve -F key=strongroom-bench');
  host.add(`always,exit -F dir=${watched} -F perm=wa -F key=strongroom-bench`);
}

type Parts = Readonly<Record<Part, readonly number[]>>;

async function partsOf(appliance: Appliance | null, auditd: Auditd | null, plugin: boolean): Promise<Parts> {
  const services = appliance === null ? [] : (await appliance.status()).services;
  const of = (...names: string[]): number[] => services.flatMap(({ name, pid }) => (names.includes(name) && pid !== null ? processTree(pid) : []));
  return {
    kauditd: [processNamed('kauditd')], auditd: auditd === null ? [] : [auditd.pid], readers: [...of('audit-reader', 'ebpf-reader'), ...(plugin ? processTree(auditd!.pluginPid) : [])],
    capture: of('capture'), vault: of('vault'), keys: of('keys'), gateway: of('gateway'), supervisor: appliance?.pid === undefined ? [] : [appliance.pid],
  };
}

function usedBy(parts: Parts): Partial<Record<Part, number>> {
  return Object.fromEntries(Object.entries(parts).map(([part, pids]) => [part, cpuSeconds(pids)]));
}

/** The probe holds its programs open, and the kernel tells of each how long it ran: bpf(2). */
function probeSeconds(readers: readonly number[]): number {
  let ns = 0;
  for (const pid of readers) {
    for (const fd of readdirSync(`/proc/${pid}/fdinfo`)) ns += Number(/^run_time_ns:\s+(\d+)$/m.exec(textOf(`/proc/${pid}/fdinfo/${fd}`))?.[1] ?? 0);
  }
  return ns / 1e9;
}

async function counted(appliance: Appliance | null, auditd: Auditd | null): Promise<{ events: number; lost: number }> {
  const kernelLost = auditd === null ? 0 : HostAudit.status()['lost']!;
  if (appliance === null) return { events: auditd === null ? 0 : new Set(auditd.log().map((line) => /msg=audit\(([^)]*)\)/.exec(line)?.[1])).size, lost: kernelLost };
  const page = await (await fetch(`http://${appliance.addresses['metrics']}/metrics`)).text();
  const sum = (name: string): number => [...page.matchAll(new RegExp(`^strongroom_capture_(?:audit|ebpf)_${name}\\{[^}]*\\} (\\d+)`, 'gm'))].reduce((total, [, value]) => total + Number(value), 0);
  return { events: sum('received'), lost: kernelLost + sum('lost') };
}

function processNamed(name: string): number {
  return Number(readdirSync('/proc').find((pid) => /^\d+$/.test(pid) && textOf(`/proc/${pid}/comm`).trim() === name));
}

/** Nothing, where the process is gone. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
