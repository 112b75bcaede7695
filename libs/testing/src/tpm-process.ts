// SPDX-License-Identifier: Apache-2.0
// A TPM 2.0 by swtpm, in a process of its own, which takes commands at a Unix socket.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StartedProgram } from './started-program.ts';

/** Why there can be no TPM here, for `skip`; false when there can. */
export function withoutTpm(): string | false {
  return spawnSync('swtpm', ['--version']).error === undefined ? false : 'machine: swtpm is not installed';
}

export class TpmProcess implements AsyncDisposable {
  /** Where it takes commands; everybody may. */
  readonly socket: string;
  readonly #directory: string;
  #program: StartedProgram | undefined;

  private constructor() {
    this.#directory = mkdtempSync(join(tmpdir(), 'strongroom-tpm-'));
    chmodSync(this.#directory, 0o755);
    this.socket = join(this.#directory, 'tpm.sock');
  }

  /** A new one. Throws `Failed('testing.program')`. */
  static async start(): Promise<TpmProcess> {
    const tpm = new TpmProcess();
    await tpm.start();
    return tpm;
  }

  /** Again after {@link halt}: what it keeps is what it had. */
  async start(): Promise<void> {
    rmSync(this.socket, { force: true });
    const socket = `type=unixio,path=${this.socket}`;
    this.#program = new StartedProgram('swtpm', [
      'socket', '--tpm2', '--tpmstate', `dir=${this.#directory}`, '--server', `${socket},mode=0666`, '--ctrl', `${socket}.ctrl`, '--flags', 'not-need-init,startup-clear',
    ]);
    // It makes the socket first, and lets everybody use it then.
    await this.#program.until(() => (statSync(this.socket, { throwIfNoEntry: false })?.mode ?? 0) % 0o1000 === 0o666);
  }

  /** SIGKILL, as when the power goes. Resolves when it is gone. */
  async halt(): Promise<void> {
    await this.#program?.kill();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.halt();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
