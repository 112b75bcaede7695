// SPDX-License-Identifier: Apache-2.0
// A real log shipper in the foreground that follows one file and sends its lines: what rsyslog.ts and syslog-ng.ts share.
import { spawn, type ChildProcess } from 'node:child_process';
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Failed } from '@strongroom/bytes';

/** Only so that a hung shipper ends with its output. */
const PATIENCE_MS = 120_000;

export interface SenderCommand {
  readonly program: string;
  readonly args: readonly string[];
  readonly environment?: NodeJS.ProcessEnv;
}

export abstract class FileSender {
  protected readonly directory: string;
  /** The file that is followed. */
  protected readonly input: string;
  #process: ChildProcess | undefined;
  #output = '';

  constructor(directory: string) {
    mkdirSync(directory, { recursive: true });
    this.directory = directory;
    this.input = join(directory, 'input.log');
    writeFileSync(this.input, '');
  }

  protected abstract command(): SenderCommand;

  start(): void {
    const { program, args, environment } = this.command();
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: environment ?? process.env, cwd: this.directory });
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => { this.#output += text; });
    this.#process = child;
  }

  /** Lines to send. */
  write(lines: readonly string[]): void {
    appendFileSync(this.input, lines.map((line) => `${line}\n`).join(''));
  }

  get output(): string {
    return this.#output;
  }

  /** In order: it sends what it has, or saves it to go on with. Throws `Failed('sender.stop')`. */
  async stop(): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise<void>((resolve) => { child.once('exit', () => resolve()); });
    child.kill('SIGTERM');
    const late = delay(PATIENCE_MS, 'late', { ref: false });
    if ((await Promise.race([gone, late])) === 'late') {
      child.kill('SIGKILL');
      throw new Failed('sender.stop', `${child.spawnfile} did not end`, { why: this.#output.slice(-4000) });
    }
  }
}
