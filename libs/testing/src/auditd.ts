// SPDX-License-Identifier: Apache-2.0
// For tests: the kernel's audit as it is on this machine, put back as it was afterwards; and the real auditd, from packages
// that are unpacked aside. Nothing is installed, and no service of the machine is touched.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { missingOnMachine, runCommand, unpackedEnvironment, unpackedPackage } from './unpacked-package.ts';

/** Audit of a kernel that somebody else uses, or locked, is left alone. */
export function auditMissing(): string | false {
  if (process.getuid?.() !== 0) return 'the audit of this machine takes root';
  const missing = missingOnMachine(() => unpackedPackage('auditd'));
  if (missing !== null) return missing;
  const reading = missingOnMachine(() => HostAudit.status());
  if (reading !== null) return reading;
  const { enabled, pid } = HostAudit.status();
  if (enabled === 2) return 'the audit of this machine is locked until its next boot';
  return pid === 0 ? false : `process ${pid} owns the audit of this machine`;
}

function root(): string {
  return unpackedPackage('auditd');
}

function environment(): NodeJS.ProcessEnv {
  return unpackedEnvironment(root());
}

type Numbers = Readonly<Record<string, number>>;

/** What tests may change of the machine's audit. `restore` undoes exactly that. */
export class HostAudit {
  readonly #before: Numbers = HostAudit.status();
  readonly #rules: string[][] = [];
  #loaded = false;

  /** As auditctl shows it: enabled, failure, pid, rate_limit, backlog_limit, lost … */
  static status(): Numbers {
    return Object.fromEntries([...HostAudit.auditctl('-s').matchAll(/^(\w+) (\d+)/gm)].map(([, name, value]) => [name!, Number(value)]));
  }

  static rules(): string {
    return HostAudit.auditctl('-l').trim();
  }

  static auditctl(...args: string[]): string {
    return runCommand([join(root(), 'sbin/auditctl'), ...args], '/', environment());
  }

  /** What the real augenrules makes of rule files, loaded. For a kernel without rules: the files may say that all go first. */
  load(files: readonly string[], directory: string): { status: number | null; output: string } {
    const [source, script] = [join(directory, 'rules.d'), join(directory, 'augenrules')];
    mkdirSync(source, { recursive: true });
    for (const file of files) copyFileSync(file, join(source, basename(file)));
    const places = { '/etc/audit/audit.rules': join(directory, 'audit.rules'), '/etc/audit/rules.d': source, '/sbin/auditctl': join(root(), 'sbin/auditctl') };
    const text = Object.entries(places).reduce((part, [from, to]) => part.replaceAll(from, to), readFileSync(join(root(), 'sbin/augenrules'), 'latin1'));
    writeFileSync(script, text, { mode: 0o755 });
    this.#loaded = true;
    const { status, stdout, stderr } = spawnSync(script, ['--load'], { env: environment(), encoding: 'utf8' });
    return { status, output: `${stdout}${stderr}` };
  }

  enable(): void {
    HostAudit.auditctl('-e', '1');
  }

  limit(name: '-b' | '-r', value: number): void {
    HostAudit.auditctl(name, String(value));
  }

  /** Adds a rule such as `always,exit -F arch=b64 -S execve -F key=x`. */
  add(rule: string): void {
    const words = rule.split(' ');
    HostAudit.auditctl('-a', ...words);
    this.#rules.push(words);
  }

  remove(): void {
    if (this.#loaded) HostAudit.auditctl('-D');
    this.#loaded = false;
    for (const words of this.#rules.splice(0).toReversed()) HostAudit.auditctl('-d', ...words);
  }

  restore(): void {
    this.remove();
    HostAudit.auditctl('-b', String(this.#before['backlog_limit']));
    HostAudit.auditctl('-r', String(this.#before['rate_limit']));
    // A process that owned the socket and was killed is forgotten at the next record.
    if (HostAudit.status()['pid'] !== this.#before['pid']) HostAudit.auditctl('-e', '1');
    HostAudit.auditctl('-e', String(this.#before['enabled']));
  }
}

/** One line of auditd's log. */
export const serialIn = (line: string): number => Number(/msg=audit\(\d+\.\d+:(\d+)\)/.exec(line)?.[1]);

export class Auditd {
  readonly directory: string;
  #child: ChildProcess | null = null;

  /** `directory` must be root's alone: auditd insists. `queue`: events that it holds for its plugins. */
  constructor(directory: string, queue = 2000) {
    this.directory = directory;
    mkdirSync(join(directory, 'plugins.d'), { recursive: true, mode: 0o750 });
    mkdirSync(join(directory, 'log'), { mode: 0o750 });
    writeFileSync(join(directory, 'auditd.conf'), CONFIGURATION(directory, queue), { mode: 0o640 });
  }

  /** Has auditd start `program` with `args` as its plugin. auditd takes none that others could write, or not of mode 0750. */
  plugin(program: string, args: readonly string[]): void {
    const path = join(this.directory, 'strongroom-audit');
    copyFileSync(program, path);
    chmodSync(path, 0o750);
    writeFileSync(join(this.directory, 'plugins.d/strongroom.conf'), ['active = yes', 'direction = out', `path = ${path}`, 'type = always', `args = ${args.join(' ')}`, 'format = string', ''].join('\n'), { mode: 0o640 });
  }

  get pid(): number {
    return this.#child!.pid!;
  }

  /** The process of its plugin. */
  get pluginPid(): number {
    return Number(readFileSync(`/proc/${this.pid}/task/${this.pid}/children`, 'latin1').trim().split(' ').at(-1));
  }

  /** Resolves when it owns the socket. */
  async start(): Promise<void> {
    // A test that is killed takes it along: whoever owns the audit keeps all others from it.
    const child = spawn('setpriv', ['--pdeathsig', 'TERM', join(root(), 'sbin/auditd'), '-n', '-c', this.directory, '-s', 'nochange'], { env: environment(), stdio: 'ignore' });
    this.#child = child;
    while (HostAudit.status()['pid'] !== child.pid) {
      if (child.exitCode !== null) throw new Error(`auditd ended with ${child.exitCode}`);
      await delay(20);
    }
  }

  /** In order: it writes down what it has. */
  async stop(): Promise<void> {
    if (this.#child === null || this.#child.exitCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await ended;
  }

  /** Lines of its log, oldest first. */
  log(): string[] {
    return readdirSync(join(this.directory, 'log')).toSorted((a, b) => b.localeCompare(a, 'en', { numeric: true }))
      .flatMap((name) => readFileSync(join(this.directory, 'log', name), 'latin1').split('\n')).filter((line) => line !== '');
  }
}

const CONFIGURATION = (directory: string, queue: number): string => Object.entries({
  local_events: 'yes', write_logs: 'yes', log_file: join(directory, 'log/audit.log'), log_group: 'root', log_format: 'RAW', flush: 'INCREMENTAL_ASYNC', freq: 50,
  max_log_file: 50, num_logs: 5, priority_boost: 4, name_format: 'NONE', max_log_file_action: 'ROTATE', space_left: 5, space_left_action: 'IGNORE',
  admin_space_left: 2, admin_space_left_action: 'IGNORE', disk_full_action: 'IGNORE', disk_error_action: 'IGNORE', use_libwrap: 'no', q_depth: queue,
  overflow_action: 'SYSLOG', max_restarts: 10, plugin_dir: join(directory, 'plugins.d'), end_of_event_timeout: 2,
}).map(([name, value]) => `${name} = ${value}\n`).join('');
