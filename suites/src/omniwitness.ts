// SPDX-License-Identifier: Apache-2.0
// omniwitness, the transparency.dev project's witness: another implementation of the C2SP protocol that nobody here wrote. It
// asks nobody and distributes nothing unless it is told to; the logs of others in its configuration stay untouched.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cosignerVkey } from '@strongroom/evidence';
import { StartedProgram } from '@strongroom/testing';
import { goProgram, withoutGo } from './go-programs.ts';
import { goNoteKey } from './go-note-key.ts';

const PUBLISHED = 'github.com/transparency-dev/witness/cmd/omniwitness@v0.0.0-20260720115447-2e1c6971d19e';

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
  #program: StartedProgram | undefined;

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
    this.#program = new StartedProgram(goProgram(PUBLISHED), ['-listen', this.#listen, '-metrics_listen', '', '-db_file', of('checkpoints.db'), '-db_max_conns', '4', '-private_key_path', of('key'), '-additional_logs', of('logs.yaml')]);
    await this.#program.until(() => fetch(this.url).then((response) => response.text().then(() => true), () => false));
  }

  /** SIGKILL. Resolves when it is gone. */
  async kill(): Promise<void> {
    await this.#program?.kill();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
