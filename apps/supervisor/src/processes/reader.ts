// SPDX-License-Identifier: Apache-2.0
// A native reader of capture's, over all its lives: a small program that may what capture may not, moves octets to capture's
// socket, and speaks to nobody else. Started, watched, started again, ended.
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { makeEvent, type ServiceEvent } from '@strongroom/service';
import type { Command } from './command.ts';
import { restartDelayMs, type Ended } from './restart.ts';

const HISTORY_MAX = 20;
/** For what the kernel still holds. */
const STOP_MS = 3000;
/** One that has run for so long had begun to read. */
const SERVED_MS = 5000;

export interface ReaderPlan {
  /** Such as `audit`; shown as `audit-reader`. */
  readonly name: string;
  readonly command: Command;
  readonly environment: NodeJS.ProcessEnv;
}

export class Reader {
  readonly name: string;
  state: 'running' | 'starting' | 'stopped' = 'starting';
  reason: string | null = null;
  since = new Date();
  readonly ended: (Ended & { readonly signal: string | null })[] = [];
  readonly #plan: ReaderPlan;
  readonly #tell: (event: ServiceEvent) => void;
  #process: ChildProcess | null = null;
  #startedAtMs = 0;
  #stopping = false;
  #restart: NodeJS.Timeout | undefined;
  #gone: (() => void)[] = [];

  constructor(plan: ReaderPlan, tell: (event: ServiceEvent) => void) {
    this.name = `${plan.name}-reader`;
    this.#plan = plan;
    this.#tell = tell;
  }

  get pid(): number | null {
    return this.#process?.pid ?? null;
  }

  start(): void {
    if (this.#stopping) return;
    const { command, environment } = this.#plan;
    const child = spawn(command.file, command.args, { env: environment, stdio: ['ignore', 'pipe', 'pipe'], cwd: '/' });
    this.#process = child;
    this.#startedAtMs = Date.now();
    this.#enter('running', null);
    for (const output of [child.stdout, child.stderr]) createInterface(output).on('line', (line) => this.#say('reader.output', { line }));
    child.once('error', (error) => {
      this.#say('reader.output', { line: error.message });
      if (child.pid === undefined) this.#closed(child, null, null);
    });
    child.once('exit', (code, signal) => this.#closed(child, code, signal));
  }

  /** Asks it to read what is there and end; ends it when that takes too long. Resolves when it is gone. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#restart);
    const child = this.#process;
    if (child === null) return this.#enter('stopped', null);
    const late = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    const gone = new Promise<void>((resolve) => { this.#gone.push(resolve); });
    child.kill('SIGTERM');
    await gone;
    clearTimeout(late);
  }

  #closed(child: ChildProcess, code: number | null, signal: string | null): void {
    if (this.#process !== child) return;
    this.#process = null;
    this.ended.push({ atMs: Date.now(), code, signal, served: Date.now() - this.#startedAtMs >= SERVED_MS });
    if (this.ended.length > HISTORY_MAX) this.ended.shift();
    for (const resolve of this.#gone.splice(0)) resolve();
    if (this.#stopping) return this.#enter('stopped', null);
    const how = signal !== null ? `signal ${signal}` : code !== null ? `exit code ${code}` : 'no process';
    const delayMs = restartDelayMs(this.ended) ?? 30_000;
    this.#enter('starting', `it ended with ${how}; next start in ${delayMs} ms`);
    this.#say('reader.ended', { code, signal, restartInMs: delayMs });
    this.#restart = setTimeout(() => this.start(), delayMs);
  }

  #say(event: string, fields: Readonly<Record<string, string | number | null>>): void {
    this.#tell(makeEvent('supervisor', event, 'warn', { reader: this.name, ...fields }));
  }

  #enter(state: Reader['state'], reason: string | null): void {
    if (state !== this.state) this.since = new Date();
    this.state = state;
    this.reason = reason;
  }
}
