// SPDX-License-Identifier: Apache-2.0
// A real rsyslog of our own: in the foreground, in a directory of its own, with nothing of the host's.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Failed } from '@strongroom/bytes';

/** Only so that a hung rsyslog ends with its output. */
const PATIENCE_MS = 120_000;
const NEEDED = ['lmnsd_ossl.so', 'omrelp.so'];

/** Why a real rsyslog cannot be run here, or null. */
export function rsyslogMissing(): string | null {
  if (spawnSync('rsyslogd', ['-v']).error !== undefined) return 'machine: rsyslogd is not installed';
  const directory = '/usr/lib/x86_64-linux-gnu/rsyslog';
  const found = spawnSync('sh', ['-c', `ls ${directory} /usr/lib/*/rsyslog 2>/dev/null`]).stdout.toString();
  const missing = NEEDED.filter((module) => !found.includes(module));
  return missing.length === 0 ? null : `machine: rsyslog lacks ${missing.join(', ')}`;
}

/** Follows one file and sends each of its lines as `enrolled` (a configuration that `strongroom enrol` wrote) says. */
export class Rsyslog {
  readonly #directory: string;
  readonly #config: string;
  readonly #input: string;
  #process: ChildProcess | undefined;
  #output = '';

  constructor(directory: string, enrolled: string) {
    mkdirSync(directory, { recursive: true });
    this.#directory = directory;
    this.#input = join(directory, 'input.log');
    this.#config = join(directory, 'rsyslog.conf');
    writeFileSync(this.#input, '');
    writeFileSync(this.#config, [
      `global(workDirectory="${directory}" maxMessageSize="256k")`, 'module(load="imfile" mode="polling" pollingInterval="1")',
      `input(type="imfile" file="${this.#input}" tag="suite" severity="info" facility="local0")`,
      readFileSync(enrolled, 'utf8'),
    ].join('\n'));
  }

  start(): void {
    const child = spawn('rsyslogd', ['-n', '-f', this.#config, '-i', join(this.#directory, 'pid')], { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => { this.#output += text; });
    this.#process = child;
  }

  /** Lines for rsyslog to send. */
  write(lines: readonly string[]): void {
    appendFileSync(this.#input, lines.map((line) => `${line}\n`).join(''));
  }

  get output(): string {
    return this.#output;
  }

  /** In order: it sends what it has, or saves it to go on with. */
  async stop(): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise<void>((resolve) => { child.once('exit', () => resolve()); });
    child.kill('SIGTERM');
    const late = delay(PATIENCE_MS, 'late', { ref: false });
    if ((await Promise.race([gone, late])) === 'late') {
      child.kill('SIGKILL');
      throw new Failed('rsyslog.stop', 'rsyslog did not end', { why: this.#output.slice(-4000) });
    }
  }
}
