// SPDX-License-Identifier: Apache-2.0
// One process of a service, over all its lives: started, watched, started again, stopped in order.
import { spawn, type StdioOptions } from 'node:child_process';
import { closeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Failed } from '@strongroom/bytes';
import {
  fromRpcError, makeEvent, type FromService, type Listener, type ServiceEvent, type ServiceName, type ServiceState, type ServiceStats, type ToService,
} from '@strongroom/service';
import { isBelieved, isEvent } from './believed.ts';
import type { Command } from './command.ts';
import type { Doorway, ServiceProcess } from './doorway.ts';
import { restartDelayMs, type Ended } from './restart.ts';

const HISTORY_MAX = 20;
const KMSG_FD = 4;
/** What a service said of itself so long ago still holds. */
const PRESENT_MS = 250;
/** A service that does not answer by then is shown as it was. */
const MEASURE_MS = 500;

export interface ChildPlan {
  readonly service: ServiceName;
  readonly index: number;
  readonly command: Command;
  readonly environment: NodeJS.ProcessEnv;
  /** The locked descriptor of the home, the process's 5: the lock lasts as long as it lives. */
  readonly lock: number;
  /** Opens /dev/kmsg, the process's 4, anew for each life: an open file has its own place in the messages. */
  readonly openKmsg: () => number | null;
  /** Where it joins us when systemd starts it; without one we start it. */
  readonly doorway?: Doorway;
}

export interface ChildHooks {
  /** What to tell a new process; asked at each start. */
  start(child: Child, kmsgFd: number | null): ToService;
  /** A process is gone, whether or not another will follow. */
  ended(child: Child): void;
  message(child: Child, message: FromService): void;
  event(event: ServiceEvent): void;
  /** Configuration is wrong (exit 78): everything shall stop. */
  misconfigured(child: Child): void;
}

export class Child {
  readonly service: ServiceName;
  readonly index: number;
  state: ServiceState | 'stopped' = 'starting';
  reason: string | null = null;
  since = new Date();
  listeners: readonly Listener[] = [];
  stats: ServiceStats = { values: {} };
  statsAtMs = 0;
  /** How often it was started. */
  life = 0;
  readonly ended: (Ended & { readonly signal: string | null })[] = [];
  readonly #plan: ChildPlan;
  readonly #hooks: ChildHooks;
  readonly #ready = Promise.withResolvers<void>();
  #process: ServiceProcess | undefined;
  /** Whether the present process has come as far as serving. */
  #served = false;
  #stopping = false;
  /** The life in which it said something that nobody says. */
  #disbelievedIn = 0;
  #restart: NodeJS.Timeout | undefined;
  /** Orders that its present process has not answered. */
  readonly #orders = new Map<number, PromiseWithResolvers<unknown>>();
  #lastOrder = 0;
  #measuring: PromiseWithResolvers<void> | undefined;
  #gone: (() => void)[] = [];

  constructor(plan: ChildPlan, hooks: ChildHooks) {
    this.service = plan.service;
    this.index = plan.index;
    this.#plan = plan;
    this.#hooks = hooks;
  }

  get pid(): number | null {
    return this.#process?.pid ?? null;
  }

  /** Resolves when a process served for the first time; a crash before that only makes it later. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  start(): void {
    const { doorway } = this.#plan;
    if (doorway === undefined) return this.#spawn();
    const child = doorway.next();
    this.#attend(child, 'its unit is awaited');
    child.once('joined', () => this.send(this.#hooks.start(this, null)));
  }

  #spawn(): void {
    const { command, environment, lock, openKmsg } = this.#plan;
    const kmsg = openKmsg();
    const stdio: StdioOptions = ['ignore', 'pipe', 'pipe', 'ipc', kmsg ?? 'ignore', lock];
    const child = spawn(command.file, command.args, { env: environment, stdio, cwd: '/' });
    createInterface(child.stdout!).on('line', (line) => this.#printed(line, 'info'));
    createInterface(child.stderr!).on('line', (line) => this.#printed(line, 'warn'));
    child.once('error', (error) => {
      this.#printed(error.message, 'error');
      if (child.pid === undefined) this.#closed(child, null, null);
    });
    this.#attend(child, null);
    if (kmsg !== null) closeSync(kmsg);
    this.send(this.#hooks.start(this, kmsg === null ? null : KMSG_FD));
  }

  #attend(child: ServiceProcess, reason: string | null): void {
    this.life += 1;
    this.#process = child;
    this.#enter('starting', reason);
    child.on('message', (message) => (isBelieved(message) ? this.#take(message) : this.#disbelieve()));
    // Not 'close': that waits for output, which a process that a service started may hold open.
    child.once('exit', (code, signal) => this.#closed(child, code, signal));
  }

  send(message: ToService): void {
    // A process that is just ending has no channel any more; its end is told by its own event.
    if (this.#process?.connected === true) this.#process.send(message, () => undefined);
  }

  /** Has the service do something once. Rejects with its error, and with `Failed('supervisor.service-ended')` when it ends before it answers. */
  order(name: string, args: unknown): Promise<unknown> {
    if (this.#process?.connected !== true) return Promise.reject(ended(this.service, 'it does not run'));
    const [id, answer] = [++this.#lastOrder, Promise.withResolvers<unknown>()];
    this.#orders.set(id, answer);
    this.send({ kind: 'order', id, name, args });
    return answer.promise;
  }

  /** Has it say how it stands. Resolves when {@link stats} are of now, or when it takes too long to answer. */
  async measure(): Promise<void> {
    if (!this.#served || Date.now() - this.statsAtMs < PRESENT_MS) return;
    if (this.#measuring === undefined) this.send({ kind: 'measure' });
    const measuring = this.#measuring ??= Promise.withResolvers<void>();
    const late = setTimeout(() => this.#measured(), MEASURE_MS);
    await measuring.promise;
    clearTimeout(late);
  }

  #measured(): void {
    this.#measuring?.resolve();
    this.#measuring = undefined;
  }

  /** Asks for an orderly stop. Resolves when the process is gone. */
  stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#restart);
    if (this.#process === undefined || (this.#plan.doorway !== undefined && !this.#process.connected)) {
      this.#enter('stopped', this.reason);
      return Promise.resolve();
    }
    this.send({ kind: 'stop' });
    return new Promise((resolve) => { this.#gone.push(resolve); });
  }

  /** Ends the present process at once. */
  kill(): void {
    this.#process?.kill('SIGKILL');
  }

  #take(message: FromService): void {
    if (message.kind === 'ready') {
      this.listeners = message.listeners;
      this.#served = true;
      if (this.state === 'starting') this.#enter('running', null);
      this.#ready.resolve();
    } else if (message.kind === 'state') {
      this.#enter(message.state, message.reason);
    } else if (message.kind === 'stats') {
      this.stats = message;
      this.statsAtMs = Date.now();
      this.#measured();
    } else if (message.kind === 'order-done') {
      const answer = this.#orders.get(message.id);
      this.#orders.delete(message.id);
      if (message.error === undefined) answer?.resolve(message.result);
      else answer?.reject(fromRpcError(message.error));
    } else if (message.kind === 'event') {
      const { time, level, event, fields } = message;
      this.#hooks.event({ time, service: this.service, level, event, fields });
    }
    this.#hooks.message(this, message);
  }

  /** A line on the process's own output: one of our events, or something of Node's. */
  #printed(line: string, level: 'info' | 'warn' | 'error'): void {
    let event: unknown = null;
    try {
      event = JSON.parse(line);
    } catch {
      // Not ours: passed on as it is.
    }
    // Whoever it says that it is from: what is the supervisor's is sealed as such.
    if (isEvent(event)) this.#hooks.event({ time: event.time, service: this.service, level: event.level, event: event.event, fields: event.fields });
    else if (line !== '') this.#hooks.event(makeEvent(this.service, 'service.output', level, { line }));
  }

  /** Told once in each life: who speaks so may do it for ever. */
  #disbelieve(): void {
    if (this.#disbelievedIn === this.life) return;
    this.#disbelievedIn = this.life;
    this.#hooks.event(makeEvent('supervisor', 'supervisor.service-disbelieved', 'error', { service: this.service, index: this.index }));
  }

  #closed(child: ServiceProcess, code: number | null, signal: string | null): void {
    if (this.#process !== child) return;
    this.#process = undefined;
    for (const answer of this.#orders.values()) answer.reject(ended(this.service, 'it ended before it answered'));
    this.#orders.clear();
    this.#measured();
    this.listeners = [];
    this.ended.push({ atMs: Date.now(), code, signal, served: this.#served });
    this.#served = false;
    if (this.ended.length > HISTORY_MAX) this.ended.shift();
    for (const resolve of this.#gone.splice(0)) resolve();
    this.#hooks.ended(this);
    if (this.#stopping) return this.#enter('stopped', null);
    const how = signal !== null ? `signal ${signal}` : code !== null ? `exit code ${code}` : 'no process';
    const delayMs = restartDelayMs(this.ended);
    if (delayMs === null) {
      this.#enter('stopped', `it refused its configuration (${how})`);
      return this.#hooks.misconfigured(this);
    }
    this.#enter('starting', `it ended with ${how}; next start in ${delayMs} ms`);
    const facts = { service: this.service, index: this.index, code, signal, restartInMs: delayMs };
    this.#hooks.event(makeEvent('supervisor', 'supervisor.service-ended', 'warn', facts));
    this.#restart = setTimeout(() => this.start(), delayMs);
  }

  #enter(state: ServiceState | 'stopped', reason: string | null): void {
    if (state !== this.state) this.since = new Date();
    this.state = state;
    this.reason = reason;
  }
}

function ended(service: ServiceName, why: string): Failed {
  return new Failed('supervisor.service-ended', `${service} did not do what was ordered`, { why, fix: 'see "strongroom status" for what became of it, then repeat the command' });
}
