// SPDX-License-Identifier: Apache-2.0
// For tests: one life of capture as a process of its own, started as the supervisor does.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync } from 'node:fs';
import { join } from 'node:path';
import { EMPTY_REGISTRY, type Config, type FromService, type ServiceEvent, type ServiceStats } from '@strongroom/service';

const MAIN = join(import.meta.dirname, '../main.ts');
const KMSG_FD = 4;
/** It is asked so often how it stands, which else it says every few seconds. */
const MEASURE_MS = 100;

export interface CaptureStart {
  readonly home: string;
  readonly deployment: string;
  readonly config: Config;
}

/** A descriptor of /dev/kmsg as the supervisor opens it, or null. */
export function openKmsg(): number | null {
  try {
    return openSync('/dev/kmsg', constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return null;
  }
}

export class CaptureProcess {
  readonly events: ServiceEvent[] = [];
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  stats: ServiceStats = { values: {} };
  isReady = false;
  output = '';
  readonly #child: ChildProcess;

  constructor({ home, deployment, config }: CaptureStart) {
    const kmsg = config.capture.kmsg ? openKmsg() : null;
    this.#child = spawn(process.execPath, ['--no-addons', MAIN], { stdio: ['ignore', 'pipe', 'pipe', 'ipc', kmsg ?? 'ignore'] });
    if (kmsg !== null) closeSync(kmsg);
    this.ended = once(this.#child, 'exit').then(([code, signal]) => ({ code: code as number | null, signal: signal as NodeJS.Signals | null }));
    for (const stream of [this.#child.stdout!, this.#child.stderr!]) stream.setEncoding('utf8').on('data', (text: string) => { this.output += text; });
    this.#child.on('message', (message) => this.#take(message as FromService));
    this.#child.on('error', () => undefined); // a message to a process that has just been killed
    setInterval(() => { if (this.#child.connected) this.#child.send({ kind: 'measure' }, () => undefined); }, MEASURE_MS).unref();
    this.#child.send({
      kind: 'start', home, config, deployment, registry: EMPTY_REGISTRY, index: 0,
      separation: { kind: 'nominal', reason: 'a test', groups: null }, kmsgFd: kmsg === null ? null : KMSG_FD,
    });
  }

  get pid(): number {
    return this.#child.pid!;
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.ended;
  }

  /** In order. Resolves with the exit code. */
  async stop(): Promise<number | null> {
    if (this.#child.connected) this.#child.send({ kind: 'stop' });
    return (await this.ended).code;
  }

  #take(message: FromService): void {
    if (message.kind === 'ready') this.isReady = true;
    if (message.kind === 'stats') this.stats = message;
    if (message.kind === 'event') this.events.push(message);
  }
}
