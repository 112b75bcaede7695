// SPDX-License-Identifier: Apache-2.0
// A whole Strongroom in a temporary home, for tests: the real supervisor with its real services on free loopback ports.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Failed } from '@strongroom/bytes';
import { closeSocketDirectories, layout, RpcClient, type Layout } from '@strongroom/service';
import { keepCode, lendCode } from './code-cache.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const COMMAND = join(ROOT, 'apps/cli/bin/strongroom');
const SUPERVISOR = join(ROOT, 'apps/supervisor/src/main.ts');
/** Only so that a hung start or stop ends with its output; no test depends on how fast it is. */
const PATIENCE_MS = 300_000;
const POLL_MS = 50;
const OUTPUT_CHARACTERS_KEPT = 1_000_000;

export interface ApplianceStatus {
  readonly log: { readonly origin: string; readonly size: number; readonly rootHash: string; readonly vkey: string; readonly checkpointAt: string | null };
  readonly records: number;
  readonly batches: number;
  readonly bytes: number;
  readonly services: readonly { readonly name: string; readonly pid: number | null; readonly state: string; readonly since: string }[];
  readonly listeners: readonly { readonly protocol: string; readonly address: string }[];
  readonly notes: readonly string[];
  readonly incidents: readonly { readonly id: string; readonly subject: string; readonly reason: string; readonly count: number; readonly closedAt: string | null }[];
}

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ApplianceOptions {
  /** Merged over {@link TEST_CONFIG}: every port is free and nothing of the host is captured unless this says so. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** A home to go on with; without it a new one, which {@link Appliance.stop} deletes. */
  readonly home?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** What the supervisor runs under, such as `['strace', '-f', '-o', 'trace']`. */
  readonly wrapper?: readonly string[];
}

/** Loopback, free ports, no kernel messages, no journal, no audit, no eBPF, no files, and nobody watches the clock or the rack. */
export const TEST_CONFIG: Readonly<Record<string, unknown>> = {
  gateway: {
    listeners: { syslogTls: { address: '127.0.0.1', port: 0 }, relpTls: { address: '127.0.0.1', port: 0 } },
  },
  capture: { gatherMs: 1000, kmsg: false, journal: { enabled: false }, audit: { enabled: false }, ebpf: { enabled: false }, files: { enabled: false } },
  clock: { enabled: false },
  rack: { enabled: false },
  supervisor: { metrics: { port: 0 } },
};

/** Starts one and resolves when every service runs and every listener listens. Throws `Failed('appliance.start')`. */
export async function startAppliance(options: ApplianceOptions = {}): Promise<Appliance> {
  const appliance = new Appliance(options);
  try {
    await appliance.start();
    return appliance;
  } catch (error) {
    await appliance.stop();
    throw error;
  }
}

export class Appliance implements AsyncDisposable {
  readonly home: string;
  readonly paths: Layout;
  /** Where the listeners are, by protocol (`syslog-tls`, `relp-tls`): `127.0.0.1:41234`. */
  addresses: Readonly<Record<string, string>> = {};
  readonly #options: ApplianceOptions;
  readonly #directory: string;
  readonly #configFile: string;
  #supervisor: ChildProcess | undefined;
  #exit: Promise<number | null> = Promise.resolve(null);
  #output = '';
  /** A test that throws before it stops us shall leave nothing running. */
  readonly #endWithUs = (): void => signal(this.pid, 'SIGTERM');

  constructor(options: ApplianceOptions = {}) {
    this.#options = options;
    this.#directory = mkdtempSync(join(tmpdir(), 'strongroom-appliance-'));
    chmodSync(this.#directory, 0o755); // services have users of their own when we are root
    this.home = resolve(options.home ?? join(this.#directory, 'home'));
    this.paths = layout(this.home);
    this.#configFile = join(this.#directory, 'strongroom.yaml');
    writeFileSync(this.#configFile, JSON.stringify(merged(TEST_CONFIG, options.config ?? {}))); // JSON is YAML
    chmodSync(this.#configFile, 0o644);
    lendCode(this.paths.codeCache);
    process.on('exit', this.#endWithUs);
  }

  /** All that the supervisor printed, its services' events included. */
  get output(): string {
    return this.#output;
  }

  /** The supervisor's process id; undefined when it is not running. */
  get pid(): number | undefined {
    return this.#supervisor?.exitCode === null && this.#supervisor.signalCode === null ? this.#supervisor.pid : undefined;
  }

  /** The environment in which commands find this appliance. */
  get environment(): NodeJS.ProcessEnv {
    const { NODE_OPTIONS: _, NODE_TEST_CONTEXT: __, NODE_COMPILE_CACHE: ___, NOTIFY_SOCKET: ____, WATCHDOG_USEC: _____, ...inherited } = process.env;
    return { ...inherited, ...this.#options.environment, STRONGROOM_HOME: this.home, STRONGROOM_CONFIG: this.#configFile };
  }

  /** Starts it, or starts it again after {@link halt} or a crash, on the same home. */
  async start(): Promise<void> {
    const [command = process.execPath, ...args] = [...(this.#options.wrapper ?? []), process.execPath, SUPERVISOR];
    const child = spawn(command, args, { env: this.environment, stdio: ['ignore', 'pipe', 'pipe'], cwd: ROOT });
    this.#supervisor = child;
    this.#exit = new Promise((done) => { child.once('exit', done); child.once('error', () => done(null)); });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => { this.#output = (this.#output + text).slice(-OUTPUT_CHARACTERS_KEPT); });
    }
    const status = await this.until((now) => isUp(now), 'every service to run');
    this.addresses = Object.fromEntries(status.listeners.map(({ protocol, address }) => [protocol, address]));
  }

  /** From now on nobody reads what the supervisor prints. */
  hangUp(): void {
    this.#supervisor?.stdout?.destroy();
    this.#supervisor?.stderr?.destroy();
  }

  /** What the supervisor says now. Throws `Failed('rpc.unreachable')` when it is not there. */
  async status(): Promise<ApplianceStatus> {
    const client = await RpcClient.connect(this.paths.controlSocket);
    try {
      return (await client.call('status')) as ApplianceStatus;
    } finally {
      client.close();
    }
  }

  /** Polls the status until it is as wished. Throws `Failed('appliance.start')` with the output when that never comes. */
  async until(wished: (status: ApplianceStatus) => boolean, what: string): Promise<ApplianceStatus> {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      const status = await this.status().catch(() => undefined);
      if (status !== undefined && wished(status)) return status;
      if (this.pid === undefined) throw this.#failed('the supervisor ended', `exit code ${await this.#exit}`);
      if (Date.now() > deadline) throw this.#failed(`waited in vain for ${what}`, JSON.stringify(status ?? null));
      await delay(POLL_MS);
    }
  }

  /** Waits until a service tells of this event, which costs less than to search for it again and again. Throws `Failed('appliance.start')` with the output when the supervisor ended, or that never comes. */
  async tells(event: string, ...facts: readonly string[]): Promise<void> {
    const wanted = [`"event":"${event}"`, ...facts];
    const deadline = Date.now() + PATIENCE_MS;
    while (!readFileSync(this.paths.events, 'utf8').split('\n').some((line) => wanted.every((part) => line.includes(part)))) {
      if (this.pid === undefined) throw this.#failed(`nobody told of ${wanted.join(' ')}`, `exit code ${await this.#exit}`);
      if (Date.now() > deadline) throw this.#failed(`waited in vain for ${wanted.join(' ')}`, 'nobody told of it');
      await delay(POLL_MS);
    }
  }

  /** Runs `strongroom …` on this home. */
  cli(...args: readonly string[]): Promise<CommandResult> {
    return this.cliWith({}, ...args);
  }

  /** The same with more environment, or with bytes for its standard input. */
  cliWith(given: { environment?: Readonly<Record<string, string>>; input?: string | Buffer }, ...args: readonly string[]): Promise<CommandResult> {
    const child = spawn(COMMAND, args, { env: { ...this.environment, ...given.environment }, stdio: ['pipe', 'pipe', 'pipe'] });
    const parts = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
    child.stdout.on('data', (part: Buffer) => parts.stdout.push(part));
    child.stderr.on('data', (part: Buffer) => parts.stderr.push(part));
    child.stdin.on('error', () => undefined).end(given.input ?? '');
    return new Promise((done, reject) => {
      child.once('error', reject);
      child.once('close', (code) => done({ code, stdout: Buffer.concat(parts.stdout).toString(), stderr: Buffer.concat(parts.stderr).toString() }));
    });
  }

  /** Enrols a source and returns the directory with cert.pem, key.pem, ca.pem. Throws `Failed('appliance.enrol')`. */
  async enrol(name: string, ...options: readonly string[]): Promise<string> {
    const out = join(this.#directory, 'enrolled', name);
    mkdirSync(join(this.#directory, 'enrolled'), { recursive: true });
    const { code, stderr } = await this.cli('enrol', name, '--out', out, ...options);
    if (code !== 0) throw new Failed('appliance.enrol', `"${name}" could not be enrolled`, { why: stderr });
    return out;
  }

  /**
   * SIGKILL to every process of a service. Resolves with their ids once the supervisor knows that they are gone, and starts
   * them again: whoever then waits for them to run does not take the dead for it.
   */
  async kill(service: string): Promise<readonly number[]> {
    const { services } = await this.status();
    const pids = services.filter((one) => one.name === service).map((one) => one.pid).filter((pid) => pid !== null);
    for (const pid of pids) signal(pid, 'SIGKILL');
    await this.until((now) => now.services.every(({ pid }) => pid === null || !pids.includes(pid)), `the end of ${service} to be noticed`);
    return pids;
  }

  /** SIGKILL to the supervisor, as a crash: its services lose their channel. Resolves when it and they are gone. */
  async crash(): Promise<void> {
    const { services } = await this.status();
    signal(this.pid, 'SIGKILL');
    await this.#exit;
    while (services.some(({ pid }) => pid !== null && isAlive(pid))) await delay(POLL_MS);
  }

  /** Stops it in order and keeps the home. Resolves with the supervisor's exit code. */
  async halt(): Promise<number | null> {
    const { pid } = this;
    if (pid === undefined) return this.#exit;
    signal(pid, 'SIGTERM');
    const late = setTimeout(() => signal(this.pid, 'SIGKILL'), PATIENCE_MS);
    const code = await this.#exit;
    clearTimeout(late);
    return code;
  }

  /** Stops it in order and deletes what it left, immutable files too; a home that was given stays. */
  async stop(): Promise<number | null> {
    const code = await this.halt();
    process.off('exit', this.#endWithUs);
    keepCode(this.paths.codeCache);
    closeSocketDirectories();
    spawnSync('chattr', ['-R', '-f', '-i', '-a', this.#directory], { stdio: 'ignore' });
    rmSync(this.#directory, { recursive: true, force: true });
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #failed(what: string, why: string): Failed {
    return new Failed('appliance.start', `${what}\n${this.#output.slice(-8000)}`, { why });
  }
}

function isUp({ services, listeners }: ApplianceStatus): boolean {
  const up = services.length > 0 && services.every(({ state }) => state !== 'starting' && state !== 'stopping');
  return up && listeners.length > 0;
}

function signal(pid: number | undefined, name: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** The second over the first, objects key by key. */
function merged(base: Readonly<Record<string, unknown>>, over: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const result: Record<string, unknown> = { ...base };
  for (const [name, value] of Object.entries(over)) {
    const below = result[name];
    result[name] = isObject(below) && isObject(value) ? merged(below, value) : value;
  }
  return result;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
