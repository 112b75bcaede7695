// SPDX-License-Identifier: Apache-2.0
// litewitness, a witness of the C2SP protocol that nobody here wrote, run as its README says: its key in an ssh-agent, its
// logs in its database. Its witnessctl takes a module more to build; the two rows that that writes are written here.
import { spawnSync } from 'node:child_process';
import { hash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { StartedProgram } from '@strongroom/testing';
import { goProgram, withoutGo } from './go-programs.ts';

const PUBLISHED = 'filippo.io/torchwood/cmd/litewitness@v0.9.0';

/** Why there can be none here, for `skip`; false when there can. */
export function withoutLitewitness(): string | false {
  const goless = withoutGo();
  if (goless !== undefined) return goless;
  if (spawnSync('ssh-agent', ['-s', '-k']).error !== undefined) return 'machine: openssh-client is not installed, and litewitness keeps its key in an ssh-agent';
  try {
    goProgram(PUBLISHED);
    return false;
  } catch (error) {
    return `machine: litewitness cannot be built here: ${(error as Error).message.trim().split('\n').at(-1)}`;
  }
}

export class Litewitness implements AsyncDisposable {
  readonly name: string;
  readonly url: string;
  vkey = '';
  readonly #directory: string;
  readonly #listen: string;
  #fingerprint = '';
  #agent: StartedProgram | undefined;
  #program: StartedProgram | undefined;

  private constructor(name: string, port: number) {
    [this.name, this.#listen] = [name, `127.0.0.1:${port}`];
    this.url = `http://${this.#listen}`;
    this.#directory = mkdtempSync(join(tmpdir(), 'litewitness-'));
  }

  /** With a new key, knowing no log, listening. */
  static async start(name: string, port: number): Promise<Litewitness> {
    const witness = new Litewitness(name, port);
    await witness.#startAgent();
    await witness.start();
    return witness;
  }

  /** Again after {@link kill}: with the same key, database and address. */
  async start(): Promise<void> {
    const args = ['-name', this.name, '-db', this.#path('litewitness.db'), '-ssh-agent', this.#path('agent'), '-key', this.#fingerprint, '-listen', this.#listen];
    this.#program = new StartedProgram(goProgram(PUBLISHED), args);
    await this.#program.until(() => answers(this.url));
    this.vkey = /vkey="?([^"\s]+)/.exec(this.#program.said)?.[1] ?? '';
  }

  /** As "witnessctl add-log" and "witnessctl add-key". */
  learn(logVkey: string): void {
    const [origin = ''] = logVkey.split('+');
    const database = new DatabaseSync(this.#path('litewitness.db'));
    database.exec('PRAGMA busy_timeout = 5000');
    database.prepare('INSERT INTO log (origin, tree_size, tree_hash) VALUES (?, 0, ?)').run(origin, hash('sha256', '', 'base64'));
    database.prepare('INSERT INTO key (origin, key) VALUES (?, ?)').run(origin, logVkey);
    database.close();
  }

  /** SIGKILL. Resolves when it is gone. */
  async kill(): Promise<void> {
    await this.#program?.kill();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await this.#agent?.kill();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async #startAgent(): Promise<void> {
    this.#agent = new StartedProgram('ssh-agent', ['-D', '-a', this.#path('agent')]);
    await this.#agent.until(() => existsSync(this.#path('agent')));
    run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', this.#path('key')], {});
    run('ssh-add', ['-q', this.#path('key')], { SSH_AUTH_SOCK: this.#path('agent') });
    const blob = readFileSync(this.#path('key.pub'), 'utf8').split(' ')[1] ?? '';
    this.#fingerprint = `SHA256:${hash('sha256', Buffer.from(blob, 'base64'), 'base64').replace(/=+$/, '')}`;
  }

  #path(name: string): string {
    return join(this.#directory, name);
  }
}

function run(command: string, args: readonly string[], environment: Readonly<Record<string, string>>): void {
  const { status, stderr } = spawnSync(command, args, { env: { ...process.env, ...environment }, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command}: ${stderr}`);
}

async function answers(url: string): Promise<boolean> {
  return fetch(url).then((response) => response.body?.cancel().then(() => true) ?? true, () => false);
}
