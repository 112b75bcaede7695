// SPDX-License-Identifier: Apache-2.0
// The units of appliance/units, booted: systemd is the first process of a container whose /usr is this machine's, and which
// has its own processes, network and everything else. It is looked into from outside, by nsenter.
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Failed } from '@strongroom/bytes';
import { missingOnMachine, runCommand, StartedProgram, unpackedEnvironment, unpackedPackage, type CommandResult } from '@strongroom/testing';

export const ROOT = join(import.meta.dirname, '../..');
const CODE = '/opt/strongroom';
const SYSTEMD = '/usr/lib/systemd/systemd';
/** Only so that what hangs ends with its output; no test depends on how fast it is. */
const PATIENCE_MS = 180_000;
const POLL_MS = 100;
/** Of a Debian they are not ours, and would wait for hardware or a network. */
const MASKED = ['console-getty', 'getty@tty1', 'systemd-resolved', 'systemd-networkd', 'systemd-timesyncd', 'systemd-logind', 'rsyslog', 'cron', 'chrony', 'auditd', 'snmpd', 'ssh', 'dbus', 'e2scrub_reap', 'ldconfig'];

export interface BootOptions {
  readonly config: Readonly<Record<string, unknown>>;
  /** By unit: lines of [Service] that the test needs otherwise. */
  readonly dropIns?: Readonly<Record<string, readonly string[]>>;
}

/** Why no container can be booted here, or false. */
export function bootMissing(): string | false {
  if (process.getuid!() !== 0) return 'machine: a container takes root';
  if (!existsSync(SYSTEMD)) return `machine: there is no ${SYSTEMD}`;
  return missingOnMachine(nspawn) ?? false;
}

/** Why its memory cannot be limited, or false. */
export function memoryGroupMissing(): string | false {
  return !isSystemdHere() && existsSync('/sys/fs/cgroup/memory/memory.limit_in_bytes') ? false : 'machine: there is no control group for memory (version 1) that a test may make';
}

/** Debian's own, of the machine or unpacked aside. */
function nspawn(): { readonly file: string; readonly environment: NodeJS.ProcessEnv } {
  if (existsSync('/usr/bin/systemd-nspawn')) return { file: '/usr/bin/systemd-nspawn', environment: process.env };
  const root = unpackedPackage('systemd-container');
  const environment = unpackedEnvironment(root);
  return { file: join(root, 'usr/bin/systemd-nspawn'), environment };
}

export class BootedContainer implements AsyncDisposable {
  readonly #directory: string;
  readonly #name: string;
  #machine: StartedProgram | null = null;
  #init = 0;

  /** Nothing runs yet: {@link boot}. */
  constructor(options: BootOptions) {
    this.#directory = mkdtempSync(join(tmpdir(), 'strongroom-boot-'));
    this.#name = basename(this.#directory).toLowerCase();
    plant(this.#directory, options);
  }

  /** Starts systemd. Resolves when it answers. Throws `Failed('testing.program')` with its console when it ends. */
  async boot(): Promise<void> {
    const { file, environment } = nspawn();
    for (const group of this.#groups) mkdirSync(group, { recursive: true });
    const enter = this.#groups.map((group) => `echo $$ > '${group}/cgroup.procs' && `).join('');
    const args = [
      '--quiet', '--register=no', ...(isSystemdHere() ? [] : ['--keep-unit']), `--machine=${this.#name}`, '--private-network', '--capability=all', '--system-call-filter=fanotify_init fanotify_mark bpf perf_event_open', '--resolv-conf=off', '--timezone=off', '--link-journal=no',
      '-D', this.#directory, '--bind-ro=/usr', `--bind-ro=${ROOT}:${CODE}`, '--console=pipe', '--boot',
    ];
    // A test that is killed takes the container with it: nspawn has it power off, since it outlives a nspawn that is killed.
    this.#machine = new StartedProgram('sh', ['-c', `${enter}exec setpriv --pdeathsig TERM "$@"`, 'sh', file, ...args], { env: environment });
    await this.#machine.until(() => this.#findInit());
    await this.#machine.until(() => this.run('systemctl', 'show', '--property=Version').then(({ code }) => code === 0));
  }

  /** The end of what systemd wrote to its console. */
  get console(): string {
    return this.#machine?.said ?? '';
  }

  /** Runs a program in it, as root. */
  run(...command: readonly string[]): Promise<CommandResult> {
    return this.runWith('', ...command);
  }

  runWith(input: string, ...command: readonly string[]): Promise<CommandResult> {
    const environment = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root', LC_ALL: 'C.UTF-8', STRONGROOM_HOME: '/var/lib/strongroom', STRONGROOM_CONFIG: '/etc/strongroom.yaml' };
    const child = spawn('/usr/bin/nsenter', ['--target', String(this.#init), '--all', '--', ...command], { env: environment, stdio: ['pipe', 'pipe', 'pipe'], timeout: PATIENCE_MS });
    const parts = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
    child.stdout.on('data', (part: Buffer) => parts.stdout.push(part));
    child.stderr.on('data', (part: Buffer) => parts.stderr.push(part));
    child.stdin.on('error', () => undefined).end(input);
    return new Promise((done, reject) => {
      child.once('error', reject);
      child.once('close', (code) => done({ code, stdout: Buffer.concat(parts.stdout).toString(), stderr: Buffer.concat(parts.stderr).toString() }));
    });
  }

  strongroom(...args: readonly string[]): Promise<CommandResult> {
    return this.run(`${CODE}/apps/cli/bin/strongroom`, ...args);
  }

  /** Properties of a unit. */
  async show(unit: string, ...properties: readonly string[]): Promise<Readonly<Record<string, string>>> {
    const { stdout } = await this.run('systemctl', 'show', `--property=${properties.join(',')}`, unit);
    return Object.fromEntries(stdout.trim().split('\n').map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
  }

  /** Waits until it is so. Throws `Failed('testing.container')` with the journal's end when that never comes. */
  async until(isSo: () => Promise<boolean>, what: string): Promise<void> {
    const deadline = Date.now() + PATIENCE_MS;
    while (!await isSo()) {
      if (Date.now() > deadline || this.#machine?.isOver !== false) throw new Failed('testing.container', `waited in vain for ${what}`, { why: `${this.console}\n${await this.journal('-n', '60')}` });
      await delay(POLL_MS);
    }
  }

  async journal(...args: readonly string[]): Promise<string> {
    return (await this.run('journalctl', '--no-pager', '-o', 'short-monotonic', ...args)).stdout;
  }

  /** A control group that holds all of its processes; see {@link memoryGroupMissing}. */
  get memoryGroup(): string {
    return join('/sys/fs/cgroup/memory', this.#name);
  }

  /** What its processes hold, without what the kernel would let go of. */
  get memoryHeld(): number {
    return Number(/^total_rss (\d+)$/m.exec(readFileSync(join(this.memoryGroup, 'memory.stat'), 'utf8'))![1]);
  }

  /** Takes all that there is, swap too. */
  limitMemory(bytes: number): void {
    for (const file of ['memory.limit_in_bytes', 'memory.memsw.limit_in_bytes']) if (existsSync(join(this.memoryGroup, file))) writeFileSync(join(this.memoryGroup, file), String(bytes));
  }

  /** The journal of the boot that is over. */
  journalOfTheLast(): string {
    return runCommand(['journalctl', '--no-pager', '-o', 'short-monotonic', '--boot', `--directory=${this.path('var/log/journal')}`], this.#directory);
  }

  /** Whether systemd in it can lower what OOMScoreAdjust= says: CAP_SYS_RESOURCE, 24, which not every root has. */
  get mayLowerScores(): boolean {
    const bounding = /^CapBnd:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))![1]!;
    return ((BigInt(`0x${bounding}`) >> 24n) & 1n) === 1n;
  }

  /** As somebody who presses the button: systemd stops everything. Resolves when the machine is off. */
  async powerOff(): Promise<void> {
    const machine = this.#machine!;
    await this.run('systemctl', '--no-block', 'poweroff');
    for (const deadline = Date.now() + PATIENCE_MS; !machine.isOver; await delay(POLL_MS)) {
      if (Date.now() > deadline) throw new Failed('testing.container', 'it was never off', { why: this.console });
    }
  }

  /** What is kept below a path of its own. */
  path(inside: string): string {
    return join(this.#directory, inside);
  }

  /** Nothing stays: no process, no group, no file. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#machine?.isOver === false) {
      if (this.#init > 0) spawnSync('kill', ['-KILL', String(this.#init)]);
      await this.#machine.kill();
    }
    for (const group of this.#groups) await removeGroup(group);
    const { dev, ino } = statSync(this.#directory);
    for (const left of [`propagate/${this.#name}`, `unix-export/${this.#name}`, `locks/inode-${dev}:${ino}`]) rmSync(join('/run/systemd/nspawn', left), { recursive: true, force: true });
    spawnSync('chattr', ['-R', '-f', '-i', '-a', this.#directory], { stdio: 'ignore' });
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** Control groups of the test's own, where no systemd of this machine makes them. */
  get #groups(): string[] {
    if (isSystemdHere()) return [];
    return ['/sys/fs/cgroup/unified', '/sys/fs/cgroup/systemd', '/sys/fs/cgroup/memory'].filter((path) => existsSync(path)).map((path) => join(path, this.#name));
  }

  #findInit(): boolean {
    this.#init = childrenOf(this.#machine!.pid!).find((pid) => readFileSync(`/proc/${pid}/comm`, 'utf8') === 'systemd\n') ?? 0;
    return this.#init > 0;
  }
}

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter((text) => text !== '').map(Number);
}

function isSystemdHere(): boolean {
  return existsSync('/run/systemd/system');
}

/** A Debian of as little as systemd and Strongroom want, installed by what docs/OPERATING.md says. */
function plant(root: string, { config, dropIns = {} }: BootOptions): void {
  chmodSync(root, 0o755);
  for (const path of ['usr', 'etc/systemd/system/multi-user.target.wants', 'etc/sysusers.d', 'etc/default', 'etc/ssl', 'var/lib', 'var/log/journal', 'var/tmp', 'opt/strongroom', 'proc', 'sys', 'dev', 'run', 'tmp', 'root']) mkdirSync(join(root, path), { recursive: true });
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) symlinkSync(`usr/${name}`, join(root, name));
  const write = (path: string, text: string): void => { mkdirSync(dirname(join(root, path)), { recursive: true }); writeFileSync(join(root, path), text); };
  write('etc/passwd', 'root:x:0:0:root:/root:/bin/sh\n');
  write('etc/group', 'root:x:0:\nsystemd-journal:x:190:\n');
  write('etc/nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files\n');
  write('etc/hosts', '127.0.0.1 localhost\n::1 localhost\n');
  write('etc/hostname', 'strongroom\n');
  write('etc/machine-id', '');
  for (const path of ['ld.so.cache', 'alternatives', 'softhsm', 'ssl/openssl.cnf', 'localtime']) if (existsSync(join('/etc', path))) cpSync(join('/etc', path), join(root, 'etc', path), { recursive: true, verbatimSymlinks: true });
  cpSync('/usr/lib/os-release', join(root, 'etc/os-release'));
  for (const name of MASKED) symlinkSync('/dev/null', join(root, `etc/systemd/system/${name}.service`));
  cpSync(join(ROOT, 'appliance/units'), join(root, 'etc/systemd/system'), { recursive: true });
  cpSync(join(ROOT, 'appliance/sysusers.d'), join(root, 'etc/sysusers.d'), { recursive: true });
  for (const target of globSync('*.target', { cwd: join(ROOT, 'appliance/units') })) symlinkSync(`../${target}`, join(root, 'etc/systemd/system/multi-user.target.wants', target));
  for (const [unit, lines] of Object.entries(dropIns)) write(`etc/systemd/system/${unit}.d/test.conf`, `[Service]\n${lines.join('\n')}\n`);
  write('etc/default/strongroom', 'STRONGROOM_CONFIG=/etc/strongroom.yaml\n');
  write('etc/strongroom.yaml', JSON.stringify(config)); // JSON is YAML
  runCommand(['systemd-sysusers', `--root=${root}`], root);
}

/** What lies below first; processes that are just ending keep a group for a moment. */
async function removeGroup(group: string): Promise<void> {
  const groups = [...globSync('**/', { cwd: group }).map((below) => join(group, below)).toSorted().toReversed(), group];
  for (const one of new Set(groups)) {
    for (let tries = 0; existsSync(one) && tries < 100; tries += 1) {
      try {
        rmdirSync(one);
      } catch {
        await delay(POLL_MS);
      }
    }
  }
}
