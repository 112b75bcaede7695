// SPDX-License-Identifier: Apache-2.0
// A real vault process on a home of the caller's, with software keys that follow from a secret: so a store can be gone on
// with anywhere, on this machine or on another that has its disk. A test is its supervisor, its producer and its reader.
import { fork, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Server } from 'node:tls';
import { Failed } from '@strongroom/bytes';
import type { Item } from '@strongroom/evidence';
import { RpcClient, SubmitClient, layout, loadIdentity, serviceId, type Config, type FromService, type Identity, type Layout, type Registry } from '@strongroom/service';
import { TestAuthority } from './certificate-authority.ts';
import { serveKeys } from './key-service.ts';
import { configFor } from './service-config.ts';
import { SoftwareKeys } from './software-keys.ts';

const VAULT = resolve(import.meta.dirname, '../../../apps/vault/src/main.ts');
const DEPLOYMENT = 'test.example';
const SEPARATION = { kind: 'nominal', reason: 'a test', groups: null } as const;

export interface VaultProcessOptions {
  readonly home: string;
  /** The same one finds the same keys again. */
  readonly secret: Buffer;
  /** Of {@link vaultConfig}. */
  readonly config: Config;
}

/** The configuration of a vault process whose `vault` section is this. */
export function vaultConfig(vault: Readonly<Record<string, unknown>>): Promise<Config> {
  return configFor({ deployment: DEPLOYMENT, vault });
}

export class VaultProcess implements AsyncDisposable {
  readonly paths: Layout;
  readonly keys: SoftwareKeys;
  /** What it said over its channel. */
  readonly said: FromService[] = [];
  /** A service that submits: `capture`, which may speak for itself. */
  readonly submitter: SubmitClient;
  readonly source: string;
  readonly #process: ChildProcess;
  readonly #keyServer: Server;
  readonly #reader: Identity;
  readonly #exit: Promise<number | null>;
  #output = '';

  private constructor(options: VaultProcessOptions, keys: SoftwareKeys, keyServer: Server, reader: Identity, registry: Registry) {
    [this.keys, this.#keyServer, this.#reader] = [keys, keyServer, reader];
    this.paths = layout(options.home);
    this.source = serviceId(DEPLOYMENT, 'capture');
    this.#process = fork(VAULT, { execArgv: ['--no-addons'], stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
    this.#exit = once(this.#process, 'exit').then(([code]) => code as number | null);
    for (const stream of [this.#process.stdout!, this.#process.stderr!]) stream.setEncoding('utf8').on('data', (text: string) => { this.#output += text; });
    this.#process.on('message', (message: FromService) => {
      if (message.kind === 'protect') this.#process.send({ kind: 'protect-done', path: message.path, flag: message.flag, ok: false, error: 'a test' });
      else this.said.push(message);
    });
    this.#process.send({ kind: 'start', home: options.home, config: options.config, deployment: DEPLOYMENT, registry, index: 0, separation: SEPARATION, kmsgFd: null });
    this.submitter = new SubmitClient({
      path: this.paths.submitSocket('capture'), identity: () => loadIdentity(this.paths.identity('capture'), this.paths.ca),
      vault: serviceId(DEPLOYMENT, 'vault'), instance: randomBytes(16), onFatal: (error) => { throw error; },
    });
  }

  /** Resolves when it serves. Throws `Failed('testing.vault')` with its output when it ends before. */
  static async start(options: VaultProcessOptions): Promise<VaultProcess> {
    const paths = layout(options.home);
    const authority = await TestAuthority.make();
    for (const directory of [paths.state, paths.runOf('vault'), paths.runOf('keys')]) mkdirSync(directory, { recursive: true });
    writeFileSync(paths.ca, authority.certificatePem);
    for (const service of ['vault', 'keys', 'capture'] as const) {
      const issued = await authority.issue({ uris: [serviceId(DEPLOYMENT, service)] });
      mkdirSync(paths.identity(service).directory, { recursive: true });
      writeFileSync(paths.identity(service).certificate, issued.certificatePem);
      writeFileSync(paths.identity(service).key, issued.keyPem);
    }
    const id = `spiffe://${DEPLOYMENT}/reader/test`;
    const issued = await authority.issue({ uris: [id] });
    const reader = { id, ...issued, caPem: authority.certificatePem, notAfter: new Date() };
    const now = new Date().toISOString();
    const registry = { sources: {}, readers: { test: { id, keyHash: issued.keyHash, serial: '00', enrolledAt: now, notAfter: now, revokedAt: null } }, custodians: {} } satisfies Registry;
    const keys = new SoftwareKeys(`${DEPLOYMENT}/log`, options.secret);
    const keyServer = await serveKeys(paths.keysVaultSocket, loadIdentity(paths.identity('keys'), paths.ca), keys);
    const vault = new VaultProcess(options, keys, keyServer, reader, registry);
    await vault.#ready();
    return vault;
  }

  /** What a search finds. */
  async search(query: Readonly<Record<string, unknown>>): Promise<Item[]> {
    const client = await RpcClient.connect(this.paths.readSocket, { identity: this.#reader, expected: serviceId(DEPLOYMENT, 'vault') });
    try {
      const found: Item[] = [];
      for await (const item of client.stream('search', query)) found.push(item as Item);
      return found;
    } finally {
      client.close();
    }
  }

  /** SIGKILL. Resolves when it is gone. */
  async kill(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.#close();
  }

  /** Asks for an orderly stop. Resolves with the exit code. */
  async stop(): Promise<number | null> {
    if (this.#process.connected) this.#process.send({ kind: 'stop' });
    return this.#close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  async #close(): Promise<number | null> {
    const code = await this.#exit;
    this.submitter.close();
    this.#keyServer.close();
    return code;
  }

  async #ready(): Promise<void> {
    const ready = new Promise<true>((resolve) => { this.#process.on('message', (message: FromService) => { if (message.kind === 'ready') resolve(true); }); });
    if (await Promise.race([ready, this.#exit]) === true) return;
    await this.#close();
    throw new Failed('testing.vault', `the vault ended before it served\n${this.#output}`, { why: JSON.stringify(this.said.filter(({ kind }) => kind === 'event').slice(-3)) });
  }
}
