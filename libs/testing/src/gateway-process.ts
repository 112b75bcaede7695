// SPDX-License-Identifier: Apache-2.0
// A real gateway process with a recording vault behind it, and certificates of all sorts for producers in front of it.
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { Failed } from '@strongroom/bytes';
import { layout, loadIdentity, serviceId, sourceId, type Config, type Enrolment, type FromService, type Layout, type ServiceEvent, type ServiceStats, type ToService } from '@strongroom/service';
import { TestAuthority, type CertificateWishes, type IssuedCertificate } from './certificate-authority.ts';
import { endOf, RecordingVault, type RecordedStream, type RecordingOptions } from './recording-vault.ts';
import { configFor } from './service-config.ts';

const GATEWAY = resolve(import.meta.dirname, '../../../apps/gateway');
const DEPLOYMENT = 'test';
/** It is asked so often how it stands, which else it says every few seconds. */
const MEASURE_MS = 100;
/** Only so that a wait in vain ends with what was seen. */
const PATIENCE_MS = 300_000;
const EVENTS_SHOWN = 10;
const SEPARATION = { kind: 'nominal', reason: 'a test', groups: null } as const;

export interface GatewayProcessOptions {
  /** The configuration's `gateway` section, over listeners on free loopback ports. */
  readonly gateway?: Readonly<Record<string, unknown>>;
  readonly vault?: RecordingOptions;
  /** Files in its home, which is where relative paths in `gateway.tls` start. */
  readonly files?: Readonly<Record<string, string>>;
  /** Further flags of Node. */
  readonly flags?: readonly string[];
}

export class GatewayProcess implements AsyncDisposable {
  readonly authority: TestAuthority;
  readonly paths: Layout;
  readonly vault: RecordingVault;
  /** Ports by protocol. */
  ports: Readonly<Record<string, number>> = {};
  /** All that it said over its channel. */
  readonly events: ServiceEvent[] = [];
  stats: ServiceStats = { values: {} };
  readonly #home: string;
  readonly #process: ChildProcess;
  readonly #sources: Record<string, Enrolment> = {};
  readonly #exit: Promise<number | null>;
  #output = '';
  #versions = 0;
  #waiters: (() => void)[] = [];

  private constructor(home: string, authority: TestAuthority, vault: RecordingVault, config: Config, options: GatewayProcessOptions) {
    this.#home = home;
    this.paths = layout(home);
    this.authority = authority;
    this.vault = vault;
    const execArgv = [`--openssl-config=${join(GATEWAY, 'openssl.cnf')}`, '--no-addons', '--external-memory-accounted-in-global-limit', '--external-memory-max-growing-factor=3', '--initial-old-space-size=64', ...(options.flags ?? [])];
    this.#process = fork(join(GATEWAY, 'src/main.ts'), { cwd: home, execArgv, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
    this.#exit = once(this.#process, 'exit').then(([code]) => code as number | null);
    for (const stream of [this.#process.stdout!, this.#process.stderr!]) stream.setEncoding('utf8').on('data', (text: string) => { this.#output += text; });
    this.#process.on('message', (message) => this.#take(message as FromService));
    this.#process.on('exit', () => this.#wake());
    setInterval(() => { if (this.#process.connected) this.#process.send({ kind: 'measure' }, () => undefined); }, MEASURE_MS).unref();
    this.send({ kind: 'start', home, config, deployment: DEPLOYMENT, registry: this.#registry, index: 0, separation: SEPARATION, kmsgFd: null });
  }

  /** Resolves when it listens. Throws `Failed('testing.gateway')` with its output when it ends before. */
  static async start(options: GatewayProcessOptions = {}): Promise<GatewayProcess> {
    const home = mkdtempSync(join(tmpdir(), 'strongroom-gateway-'));
    const authority = await TestAuthority.make();
    const paths = layout(home);
    for (const directory of [paths.state, paths.identity('gateway').directory, paths.identity('vault').directory, paths.runOf('vault')]) mkdirSync(directory, { recursive: true });
    writeFileSync(paths.ca, authority.certificatePem);
    for (const [name, text] of Object.entries(options.files ?? {})) writeFileSync(join(home, name), text);
    for (const service of ['gateway', 'vault'] as const) {
      const { certificatePem, keyPem } = await authority.issue({ uris: [serviceId(DEPLOYMENT, service)] });
      writeFileSync(paths.identity(service).certificate, certificatePem);
      writeFileSync(paths.identity(service).key, keyPem);
    }
    const vault = await RecordingVault.listen(paths.submitSocket('gateway'), loadIdentity(paths.identity('vault'), paths.ca), serviceId(DEPLOYMENT, 'gateway'), options.vault);
    const server = await authority.issue({ dns: ['localhost'], ips: ['127.0.0.1'], usages: ['server'] });
    writeFileSync(paths.gatewayServerCertificate, server.certificatePem);
    writeFileSync(paths.gatewayServerKey, server.keyPem);
    const listeners = { syslogTls: { address: '127.0.0.1', port: 0 }, relpTls: { address: '127.0.0.1', port: 0 }, syslogTcp: { address: '127.0.0.1', port: 0 }, syslogUdp: { address: '127.0.0.1', port: 0 } };
    const config = await configFor({ deployment: DEPLOYMENT, gateway: { listeners, ...options.gateway } });
    const gateway = new GatewayProcess(home, authority, vault, config, options);
    await gateway.until(() => Object.keys(gateway.ports).length > 0);
    return gateway;
  }

  get pid(): number {
    return this.#process.pid!;
  }

  /** The SPIFFE ID of a source. */
  idOf(name: string): string {
    return sourceId(DEPLOYMENT, name);
  }

  /** Shows the gateway a new server certificate's files; {@link send} `reload` makes it look. */
  placeServer(issued: Pick<IssuedCertificate, 'certificatePem' | 'keyPem'>): void {
    writeFileSync(this.paths.gatewayServerCertificate, issued.certificatePem);
    writeFileSync(this.paths.gatewayServerKey, issued.keyPem);
  }

  /** Issues a certificate for a source and enrols it. */
  async enrol(name: string, wishes: CertificateWishes = {}, authority: TestAuthority = this.authority): Promise<IssuedCertificate> {
    const issued = await authority.issue({ uris: [this.idOf(name)], ...wishes });
    this.#sources[name] = { id: this.idOf(name), keyHash: issued.keyHash, serial: '00', enrolledAt: new Date().toISOString(), notAfter: new Date().toISOString(), revokedAt: null };
    await this.#publish();
    return issued;
  }

  /** Resolves when the gateway has said that the revocation is in force. */
  async revoke(name: string): Promise<void> {
    this.#sources[name] = { ...this.#sources[name]!, revokedAt: new Date().toISOString() };
    await this.#publish();
  }

  /** A TLS connection as a producer; resolves after the handshake as the client sees it. */
  async connect(protocol: string, shown: IssuedCertificate | undefined, options: ConnectionOptions = {}): Promise<TLSSocket> {
    const identity = shown === undefined ? {} : { cert: shown.certificatePem, key: shown.keyPem };
    const socket = connect({ host: '127.0.0.1', port: this.ports[protocol]!, ca: this.authority.certificatePem, ...identity, ...options });
    socket.on('error', () => undefined); // a test looks at what arrived; gateways end with connections open
    await once(socket, 'secureConnect');
    return socket;
  }

  send(message: ToService): void {
    this.#process.send(message);
  }

  /** The events of one name. */
  eventsOf(name: string): ServiceEvent[] {
    return this.events.filter(({ event }) => event === name);
  }

  /** Resolves when it has said this so often. */
  said(event: string, times = 1): Promise<void> {
    return this.until(() => this.eventsOf(event).length >= times);
  }

  /** Resolves with the streams of a source once there are `count` and all have ended. */
  async ended(source: string, count: number): Promise<RecordedStream[]> {
    const streams = (): RecordedStream[] => this.vault.of(this.idOf(source));
    await this.vault.until(() => streams().length >= count && streams().every((stream) => endOf(stream) !== undefined));
    return streams();
  }

  /** Resolves once `wished` holds; it is asked after each message. Throws `Failed('testing.gateway')` when the process ends before, or that never comes. */
  async until(wished: () => boolean): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS; // measures come all the time
    while (!wished()) {
      if (performance.now() > deadline) throw new Failed('testing.gateway', `waited in vain for ${String(wished)}`, { why: `${JSON.stringify([this.stats.values, this.events.slice(-EVENTS_SHOWN)])}\n${this.#output.slice(-4000)}` });
      if (this.#process.exitCode !== null || this.#process.signalCode !== null) throw new Failed('testing.gateway', `the gateway ended: ${this.#output}`);
      await new Promise<void>((wake) => { this.#waiters.push(wake); });
    }
  }

  /** Asks for an orderly stop. Resolves with the exit code. */
  async stop(): Promise<number | null> {
    if (this.#process.exitCode === null && this.#process.connected) this.send({ kind: 'stop' });
    return this.#exit;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.vault.release();
    this.#process.kill('SIGKILL');
    await this.#exit;
    await this.vault.close();
    rmSync(this.#home, { recursive: true });
  }

  get #registry() {
    return { sources: this.#sources, readers: {}, custodians: {} };
  }

  async #publish(): Promise<void> {
    this.#versions += 1;
    const version = this.#versions;
    const { promise, resolve: done } = Promise.withResolvers<void>();
    const listener = (message: unknown): void => {
      const { kind, version: seen } = message as { kind: string; version?: number };
      if (kind === 'registry-done' && seen === version) done();
    };
    this.#process.on('message', listener);
    this.send({ kind: 'registry', registry: this.#registry, version });
    await promise;
    this.#process.off('message', listener);
  }

  #take(message: FromService): void {
    if (message.kind === 'ready') this.ports = Object.fromEntries(message.listeners.map(({ protocol, address }) => [protocol, Number(address.slice(address.lastIndexOf(':') + 1))]));
    if (message.kind === 'stats') this.stats = message;
    if (message.kind === 'event') this.events.push(message);
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiters.splice(0)) wake();
  }
}
