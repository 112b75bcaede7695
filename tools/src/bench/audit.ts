// SPDX-License-Identifier: Apache-2.0
// What reading the kernel's audit costs, by each way there is, against auditd alone: the same execs under one rule, counted in
// processor time of every process that the way needs and of the kernel's audit thread. Whole appliances, the vault included.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Failed } from '@strongroom/bytes';
import { Auditd, auditMissing, HostAudit, startAppliance, type Appliance } from '@strongroom/testing';
import { cpuSeconds, processTree } from './processes.ts';
import { markdown } from './report.ts';

const PROGRAM = join(import.meta.dirname, '../../../node_modules/.strongroom-native/strongroom-audit');
const READER_USER = '60650:60650';
const BACKLOG = 32_768;
/** Before each measurement, so that code is compiled. */
const WARM_EXECS = 2000;
/** For what is on its way at the end, and for the vault's own idle work to show. */
const SETTLE_MS = 4000;
/** At once, so that both processors have something to do. */
const SHELLS = 2;

const WAYS = ['audit off', 'auditd', 'strongroom, multicast', 'strongroom, multicast, beside auditd', 'strongroom, plugin of auditd'] as const;
type Way = (typeof WAYS)[number];
const PARTS = ['kauditd', 'auditd', 'reader', 'capture', 'vault'] as const;
type Part = (typeof PARTS)[number];

interface Result {
  readonly way: Way;
  /** Of one exec in its shell. */
  readonly wallUs: number;
  readonly perSecond: number;
  /** Processor time of an exec, in µs. */
  readonly us: Partial<Record<Part, number>>;
  readonly lost: number;
}

/** What runs for one way: the processes of each part. */
interface Running {
  readonly parts: Partial<Record<Part, readonly number[]>>;
  readonly appliance: Appliance | null;
  stop(): Promise<void>;
}

/** Measures all ways. Throws `Failed('bench.audit')` where the machine's audit is not ours to use. */
export async function measureAudit(execs: number, say: (line: string) => void): Promise<string> {
  const missing = auditMissing();
  if (missing !== false) throw new Failed('bench.audit', 'the audit of this machine cannot be measured', { why: missing, fix: 'run it as root where no auditd runs' });
  const host = new HostAudit();
  const results: Result[] = [];
  try {
    for (const way of WAYS) {
      say(way);
      results.push(await measured(way, execs, host));
    }
  } finally {
    host.restore();
  }
  return report(results, execs);
}

async function measured(way: Way, execs: number, host: HostAudit): Promise<Result> {
  const root = mkdtempSync(join(tmpdir(), 'strongroom-bench-audit-'));
  const running = await begin(way, root);
  try {
    if (way !== 'audit off') {
      host.limit('-b', BACKLOG);
      host.enable();
      host.add('always,exit -F arch=b64 -S execve -F key=strongroom-bench');
    }
    await storm(WARM_EXECS);
    const before = used(running);
    const seconds = await storm(execs);
    await delay(SETTLE_MS);
    const after = used(running);
    const us = Object.fromEntries(Object.entries(after).map(([part, cpu]) => [part, (cpu - before[part as Part]!) / execs * 1e6]));
    return { way, wallUs: seconds / execs * SHELLS * 1e6, perSecond: execs / seconds, us, lost: await lostOf(running.appliance) };
  } finally {
    host.remove();
    await running.stop();
    rmSync(root, { recursive: true });
  }
}

async function begin(way: Way, root: string): Promise<Running> {
  const strongroom = way.startsWith('strongroom');
  const plugin = way.includes('plugin');
  const appliance = strongroom ? await startAppliance({ config: { capture: { audit: { enabled: true, path: plugin ? 'plugin' : 'multicast' } } } }) : null;
  const auditd = way.includes('auditd') ? new Auditd(join(root, 'auditd')) : null;
  if (plugin) auditd!.plugin(PROGRAM, [appliance!.paths.readerSocket('audit'), `--plugin=${READER_USER}`]);
  await auditd?.start();
  if (plugin) await delay(1000); // for its reader to connect
  const services = appliance === null ? [] : (await appliance.status()).services;
  const of = (...names: string[]): number[] => services.flatMap(({ name, pid }) => (names.includes(name) && pid !== null ? processTree(pid) : []));
  const reader = plugin ? processTree(auditd!.pluginPid) : of('audit-reader');
  return {
    appliance,
    parts: {
      kauditd: [processNamed('kauditd')], ...(auditd === null ? {} : { auditd: [auditd.pid] }),
      ...(strongroom ? { reader, capture: of('capture'), vault: of('vault', 'keys', 'supervisor') } : {}),
    },
    stop: async () => { await auditd?.stop(); await appliance?.stop(); },
  };
}

function used({ parts }: Running): Partial<Record<Part, number>> {
  return Object.fromEntries(Object.entries(parts).map(([part, pids]) => [part, cpuSeconds(pids)]));
}

/** Seconds that so many execs took. */
async function storm(execs: number): Promise<number> {
  const from = performance.now();
  const loop = 'i=0; while [ $i -lt "$1" ]; do /bin/true; i=$((i + 1)); done';
  await Promise.all(Array.from({ length: SHELLS }, () => once(spawn('sh', ['-c', loop, 'sh', String(Math.round(execs / SHELLS))], { stdio: 'ignore' }), 'exit')));
  return (performance.now() - from) / 1000;
}

async function lostOf(appliance: Appliance | null): Promise<number> {
  if (appliance === null) return 0;
  const page = await (await fetch(`http://${appliance.addresses['metrics']}/metrics`)).text();
  return Number(/^strongroom_capture_audit_lost\{[^}]*\} (\d+)/m.exec(page)?.[1] ?? Number.NaN);
}

function processNamed(name: string): number {
  return Number(readdirSync('/proc').find((pid) => /^\d+$/.test(pid) && commandOf(pid) === name));
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'latin1').trim();
  } catch {
    return '';
  }
}

const cell = (value: number | undefined): string => (value === undefined ? '' : value.toFixed(0));

function report(results: readonly Result[], execs: number): string {
  const rows = results.map(({ way, wallUs, perSecond, us, lost }) => [
    way, ...PARTS.map((part) => cell(us[part])), cell(Object.values(us).reduce((sum, value) => sum + value, 0)), cell(wallUs), cell(perSecond), String(lost),
  ]);
  return [
    `${execs.toLocaleString('en')} execs in ${SHELLS} shells under one rule on execve; µs of processor time for each exec. *vault* is vault, keys and supervisor, their idle work in that time included:`, '',
    ...markdown(['', ...PARTS, 'sum', 'µs per exec in its shell', 'execs/s', 'lost'], rows), '',
  ].join('\n');
}
