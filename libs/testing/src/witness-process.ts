// SPDX-License-Identifier: Apache-2.0
// A witness in a process of its own, as "strongroom witness serve" runs it.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { StartedProgram } from './started-program.ts';

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
  readonly #options: WitnessProcessOptions;
  #program: StartedProgram | undefined;

  private constructor(options: WitnessProcessOptions) {
    this.#options = options;
    this.state = options.state ?? mkdtempSync(join(tmpdir(), 'strongroom-witness-'));
  }

  /** Resolves when it listens. Throws `Failed('testing.program')` with what it said when it ends before. */
  static async start(options: WitnessProcessOptions): Promise<WitnessProcess> {
    const witness = new WitnessProcess(options);
    await witness.start();
    return witness;
  }

  /** Again after {@link kill}, at the same address. */
  async start(): Promise<void> {
    const { name, logs, port = 0, mirror } = this.#options;
    const listen = this.url === '' ? `127.0.0.1:${port}` : new URL(this.url).host;
    const program = new StartedProgram(process.execPath, [STANDALONE, JSON.stringify({ state: this.state, name, logs, listen, mirror })]);
    this.#program = program;
    await program.until(() => /^url .*\n/m.test(program.said));
    const said = (word: string): string => new RegExp(`^${word} (.*)$`, 'm').exec(program.said)?.[1] ?? '';
    [this.vkey, this.url, this.mirrorVkey] = [said('vkey'), said('url'), said('mirror')];
  }

  get pid(): number | undefined {
    return this.#program?.pid;
  }

  /** What it wrote in this life. */
  get said(): string {
    return this.#program?.said ?? '';
  }

  /** SIGKILL. Resolves when it is gone. */
  async kill(): Promise<void> {
    await this.#program?.kill();
  }

  async stop(): Promise<void> {
    await this.kill();
    if (this.#options.state === undefined) rmSync(this.state, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
