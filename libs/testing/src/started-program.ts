// SPDX-License-Identifier: Apache-2.0
// A program that a test starts: it ends with the test, and what it said is at hand.
import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { Failed } from '@strongroom/bytes';

const POLL_MS = 20;
const SAID_CHARACTERS_MAX = 100_000;
/** Only so that a program that hangs ends its test with what it said. */
const PATIENCE_MS = 300_000;

export class StartedProgram {
  /** The end of what it wrote to standard error, or to standard output too. */
  said = '';
  readonly #child: ChildProcess;
  readonly #name: string;

  constructor(file: string, args: readonly string[], options: Omit<SpawnOptions, 'stdio'> = {}) {
    this.#name = file.split('/').at(-1)!;
    this.#child = spawn(file, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    const endWithUs = (): void => void this.#child.kill('SIGKILL');
    process.once('exit', endWithUs);
    this.#child.once('error', (error) => { this.said += error.message; });
    this.#child.once('exit', () => process.off('exit', endWithUs));
    for (const output of [this.#child.stdout!, this.#child.stderr!]) {
      output.setEncoding('utf8').on('data', (text: string) => { this.said = (this.said + text).slice(-SAID_CHARACTERS_MAX); });
    }
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get isOver(): boolean {
    return this.#child.pid === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Resolves when `isReady` says so. Throws `Failed('testing.program')` with what it said when it ends before, or that never comes. */
  async until(isReady: () => boolean | Promise<boolean>): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS;
    while (!await isReady()) {
      if (this.isOver) throw new Failed('testing.program', `${this.#name} did not start`, { why: this.said });
      if (performance.now() > deadline) throw new Failed('testing.program', `waited in vain for ${this.#name}`, { why: this.said });
      await delay(POLL_MS);
    }
  }

  /** SIGKILL, as when the power goes. Resolves when it is gone. */
  async kill(): Promise<void> {
    if (this.isOver) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await gone;
  }
}
