// SPDX-License-Identifier: Apache-2.0
// omniwitness, the transparency.dev project's witness: another implementation of the C2SP protocol that nobody here wrote. It
// asks nobody and distributes nothing unless it is told to; the logs of others in its configuration stay untouched.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { cosignerVkey } from '@strongroom/evidence';
import { goProgram, withoutGo } from './go-programs.ts';
import { goNoteKey } from './go-note-key.ts';

const PUBLISHED = 'github.com/transparency-dev/witness/cmd/omniwitness@v0.0.0-20260720115447-2e1c6971d19e';
const POLL_MS = 20;

/** Why there can be none here, for `skip`; false when there can. */
export function withoutOmniwitness(): string | false {
  const goless = withoutGo();
  if (goless !== undefined) return goless;
  try {
    goProgram(PUBLISHED);
    return false;
  } catch (error) {
    return `machine: omniwitness cannot be built here: ${(error as Error).message.trim().split('\n').at(-1)}`;
  }
}

export class Omniwitness implements AsyncDisposable {
  readonly url: string;
  readonly vkey: string;
  readonly #listen: string;
  readonly #directory: string;
  #process: ChildProcess | undefined;

  private constructor(name: string, port: number, logVkeys: readonly string[]) {
    this.#listen = `127.0.0.1:${port}`;
    this.url = `http://${this.#listen}`;
    this.#directory = mkdtempSync(join(tmpdir(), 'omniwitness-'));
    const { secret, spki } = goNoteKey(name);
    this.vkey = cosignerVkey(name, spki);
    writeFileSync(join(this.#directory, 'key'), secret);
    const logs = logVkeys.map((vkey) => `  - Origin: ${vkey.split('+')[0]}\n    URL: http://127.0.0.1:1/\n    PublicKey: ${vkey}\n`);
    writeFileSync(join(this.#directory, 'logs.yaml'), `Logs:\n${logs.join('')}`);
  }

  static async start(name: string, port: number, logVkeys: readonly string[]): Promise<Omniwitness> {
    const witness = new Omniwitness(name, port, logVkeys);
    await witness.start();
    return witness;
  }

  /** Again after {@link kill}: with the same key, database and address. */
  async start(): Promise<void> {
    const of = (name: string): string => join(this.#directory, name);
    const child = spawn(goProgram(PUBLISHED), ['-listen', this.#listen, '-metrics_listen', '', '-db_file', of('checkpoints.db'), '-db_max_conns', '4', '-private_key_path', of('key'), '-additional_logs', of('logs.yaml')], { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#process = child;
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => { said = (said + text).slice(-10_000); });
    const endWithUs = (): void => void child.kill('SIGKILL');
    process.once('exit', endWithUs);
    child.once('exit', () => process.off('exit', endWithUs));
    while (!await fetch(this.url).then((response) => response.text().then(() => true), () => false)) {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`omniwitness ended: ${said}`);
      await delay(POLL_MS);
    }
  }

  /** SIGKILL. Resolves when it is gone. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
