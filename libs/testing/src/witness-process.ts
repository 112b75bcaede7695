// SPDX-License-Identifier: Apache-2.0
// A witness in a process of its own, as "strongroom witness serve" runs it.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Failed } from '@strongroom/bytes';

const STANDALONE = resolve(import.meta.dirname, '../../../apps/witness/src/standalone.ts');

export interface WitnessProcessOptions {
  readonly name: string;
  /** Verifier keys of the logs. */
  readonly logs: readonly string[];
  /** A state to go on with; without it a new one, which {@link WitnessProcess.stop} deletes. */
  readonly state?: string;
  /** 0: any free one. */
  readonly port?: number;
  readonly mirror?: string;
}

export class WitnessProcess implements AsyncDisposable {
  readonly state: string;
  vkey = '';
  url = '';
  /** Of the mirror, if it is one. */
  mirrorVkey = '';
  errors = '';
  readonly #options: WitnessProcessOptions;
  #process: ChildProcess | undefined;

  private constructor(options: WitnessProcessOptions) {
    this.#options = options;
    this.state = options.state ?? mkdtempSync(join(tmpdir(), 'strongroom-witness-'));
  }

  /** Resolves when it listens. Throws `Failed('testing.witness')` with what it said when it ends before. */
  static async start(options: WitnessProcessOptions): Promise<WitnessProcess> {
    const witness = new WitnessProcess(options);
    await witness.start();
    return witness;
  }

  /** Again after {@link kill}, at the same address. */
  async start(): Promise<void> {
    const { name, logs, port = 0, mirror } = this.#options;
    const listen = this.url === '' ? `127.0.0.1:${port}` : new URL(this.url).host;
    const child = spawn(process.execPath, [STANDALONE, JSON.stringify({ state: this.state, name, logs, listen, mirror })], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#process = child;
    const endWithUs = (): void => void child.kill('SIGKILL');
    process.once('exit', endWithUs);
    child.once('exit', () => process.off('exit', endWithUs));
    child.stderr.setEncoding('utf8').on('data', (text: string) => { this.errors += text; });
    let output = '';
    const gone = once(child, 'exit');
    for await (const text of child.stdout.setEncoding('utf8') as AsyncIterable<string>) {
      output += text;
      if (/^url .*\n/m.test(output)) break;
    }
    const said = (word: string): string => new RegExp(`^${word} (.*)$`, 'm').exec(output)?.[1] ?? '';
    if (said('url') === '') {
      await gone;
      throw new Failed('testing.witness', 'the witness did not start', { why: this.errors });
    }
    [this.vkey, this.url, this.mirrorVkey] = [said('vkey'), said('url'), said('mirror')];
    child.stdout.resume();
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** SIGKILL. Resolves when it is gone. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  async stop(): Promise<void> {
    await this.kill();
    if (this.#options.state === undefined) rmSync(this.state, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
