// SPDX-License-Identifier: Apache-2.0
// A TPM 2.0 by swtpm, in a process of its own, which takes commands at a Unix socket.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Failed } from '@strongroom/bytes';

const POLL_MS = 20;

/** Why there can be no TPM here, for `skip`; false when there can. */
export function withoutTpm(): string | false {
  return spawnSync('swtpm', ['--version']).error === undefined ? false : 'machine: swtpm is not installed';
}

export class TpmProcess implements AsyncDisposable {
  /** Where it takes commands; everybody may. */
  readonly socket: string;
  readonly #directory: string;
  #process: ChildProcess | undefined;

  private constructor() {
    this.#directory = mkdtempSync(join(tmpdir(), 'strongroom-tpm-'));
    chmodSync(this.#directory, 0o755);
    this.socket = join(this.#directory, 'tpm.sock');
  }

  /** A new one. Throws `Failed('testing.tpm')`. */
  static async start(): Promise<TpmProcess> {
    const tpm = new TpmProcess();
    await tpm.start();
    return tpm;
  }

  /** Again after {@link halt}: what it keeps is what it had. */
  async start(): Promise<void> {
    rmSync(this.socket, { force: true });
    const child = spawn('swtpm', ['socket', '--tpm2', '--tpmstate', `dir=${this.#directory}`, '--server', `type=unixio,path=${this.socket},mode=0666`, '--ctrl', `type=unixio,path=${this.socket}.ctrl`, '--flags', 'not-need-init,startup-clear'], { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#process = child;
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => { said += text; });
    const endWithUs = (): void => void child.kill('SIGKILL');
    process.once('exit', endWithUs);
    child.once('exit', () => process.off('exit', endWithUs));
    // It makes the socket first, and lets everybody use it then.
    while ((statSync(this.socket, { throwIfNoEntry: false })?.mode ?? 0) % 0o1000 !== 0o666) {
      if (child.exitCode !== null || child.signalCode !== null) throw new Failed('testing.tpm', 'swtpm did not start', { why: said });
      await delay(POLL_MS);
    }
  }

  /** SIGKILL, as when the power goes. Resolves when it is gone. */
  async halt(): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.halt();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
