// SPDX-License-Identifier: Apache-2.0
// The gateway as a whole: what its parts are, what it does by the clock, and how it stops.
import { setTimeout as delay } from 'node:timers/promises';
import { Refused, type Failed } from '@strongroom/bytes';
import { EventSource, SubmitClient, errorFields, serviceId, type Listener, type ServiceContext, type ServiceStats } from '@strongroom/service';
import { Connections } from './connections.ts';
import { Datagrams } from './datagrams.ts';
import { Doors } from './doors.ts';
import { EVENTS, EventLimiter } from './events.ts';
import { Outbox } from './outbox.ts';
import { Sources } from './sources.ts';
import { loadTlsMaterial, type TlsMaterial } from './tls-material.ts';

const TICK_MS = 1000;
const TICKS_PER_HOUR = 3600;
/** Where several processes share what a source may use, each tells so often what it does. */
const USAGE_MS = 250;
/** So often skew-guard hears what producers claim, in each time of which it takes the least lag. */
const CLAIMS_PER_WINDOW = 6;
/** When we stop: for what is on its way to us, and again for peers to close. */
const GRACE_MS = 2000;
/** And for the vault to seal all that was taken; the supervisor allows somewhat more for everything. */
const SEAL_MS_MAX = 10_000;

export class Gateway {
  readonly #context: ServiceContext;
  readonly #line: SubmitClient;
  readonly #evidence: EventSource;
  readonly #events: EventLimiter;
  readonly #outbox: Outbox;
  readonly #sources: Sources;
  readonly #connections: Connections;
  readonly #doors = new Doors();
  #datagrams: Datagrams | undefined;
  #material: TlsMaterial;
  #hadLine = false;
  #ticks = 0;
  #timers: readonly NodeJS.Timeout[] = [];

  /** Throws `Refused('gateway.tls-material')`. `fatal` is told when the vault contradicts what it acknowledged. */
  constructor(context: ServiceContext, fatal: (error: Failed) => void) {
    this.#context = context;
    this.#material = loadTlsMaterial(context);
    this.#line = new SubmitClient({
      path: context.paths.submitSocket('gateway'), identity: () => context.identity, vault: serviceId(context.deployment, 'vault'), instance: context.instance,
      onLine: (up, why) => this.#lineChanged(up, why), onReady: () => this.#goOn(), onFatal: fatal,
    });
    this.#evidence = new EventSource(this.#line, { service: 'gateway', id: context.identity.id, keyHash: context.identity.keyHash, clock: context.clock });
    this.#events = new EventLimiter((event, fields) => {
      context.event(event, EVENTS[event], fields);
      this.#evidence.seal(event, EVENTS[event], fields);
    });
    this.#outbox = new Outbox(this.#line);
    this.#sources = new Sources(context.config.gateway);
    this.#connections = new Connections(context, this.#outbox, this.#sources, this.#events.say, () => this.#line.full);
    context.onRegistry((registry) => this.#connections.checkStanding(registry));
    context.onMessage('allowance', ({ sources }) => this.#sources.allow(sources));
    context.onMessage('reload', () => this.#reload());
    context.stats(() => this.#stats());
  }

  /** Opens the listeners. Throws `Failed('gateway.listen')`. */
  async open(): Promise<readonly Listener[]> {
    const { config, deployment } = this.#context;
    const { say } = this.#events;
    await this.#doors.open(config.gateway, this.#connections.max, this.#material, say, this.#connections);
    const { enabled, ...place } = config.gateway.listeners.syslogUdp;
    if (enabled) this.#datagrams = await Datagrams.listen(place, deployment, this.#connections.around, this.#sources);
    this.#timers = [setInterval(() => this.#tick(), TICK_MS), ...(config.gateway.processes > 1 ? [setInterval(() => this.#tellUsage(), USAGE_MS)] : [])];
    const datagrams = this.#datagrams === undefined ? [] : [{ protocol: 'syslog-udp', address: this.#datagrams.address }];
    const listeners = [...this.#doors.listeners, ...datagrams];
    say('gateway.started', Object.fromEntries(listeners.map(({ protocol, address }) => [protocol, address])));
    if (!process.execArgv.some((flag) => flag.startsWith('--openssl-config='))) {
      say('gateway.session-tickets', { why: 'Node was started without --openssl-config: session tickets are sent, and a producer that closes without reading them can lose its last records' });
    }
    this.#checkCertificate();
    return listeners;
  }

  /**
   * Stops in order: nobody new; what is on its way is taken until all have closed or the grace is over; end records;
   * everything sealed and answered; closed. A vault that does not seal in time is told of, and not waited for.
   */
  async close(): Promise<void> {
    this.#doors.close();
    this.#datagrams?.stop();
    await Promise.race([this.#connections.beginStop(), delay(GRACE_MS)]);
    this.#connections.finishStop();
    for (const timer of this.#timers) clearInterval(timer);
    const inTime = await Promise.race([this.#seal(), delay(SEAL_MS_MAX, false, { ref: false })]);
    this.#connections.destroy();
    if (!inTime) this.#events.say('gateway.unsealed', { bytes: this.#line.unackedBytes + this.#outbox.bytes });
    this.#line.close();
  }

  /** Resolves with true once all is sealed, answered and closed. */
  async #seal(): Promise<true> {
    while (!this.#outbox.isEmpty) {
      await this.#line.whenReady();
      this.#outbox.flush();
    }
    await this.#line.drain();
    await Promise.race([this.#connections.allClosed(), delay(GRACE_MS)]);
    this.#events.settle(true);
    await this.#evidence.close('stopping');
    return true;
  }

  #tick(): void {
    this.#ticks += 1;
    this.#connections.checkDeadlines();
    if (this.#ticks % Math.ceil(this.#context.config.clock.producerSeconds / CLAIMS_PER_WINDOW) === 0) this.#tellClaims();
    this.#events.settle();
    this.#datagrams?.tick(performance.now());
    if (this.#ticks % TICKS_PER_HOUR === 0) this.#checkCertificate();
  }

  #tellClaims(): void {
    const sources = this.#sources.claims();
    if (this.#context.config.clock.enabled && Object.keys(sources).length > 0) this.#context.send({ kind: 'claims', sources });
  }

  #tellUsage(): void {
    this.#context.send({ kind: 'usage', sources: this.#sources.usage() });
  }

  #goOn(): void {
    this.#outbox.flush();
    this.#connections.goOn();
  }

  #lineChanged(up: boolean, why: string | null): void {
    const isNews = this.#hadLine;
    this.#hadLine = true;
    if (!isNews) return; // the first time
    this.#events.say(up ? 'gateway.vault-back' : 'gateway.vault-lost', { unackedBytes: this.#line.unackedBytes, ...(why === null ? {} : { why }) });
    this.#context.state(up ? 'running' : 'stalled', up ? undefined : `the vault is away: ${why}`);
  }

  #reload(): void {
    try {
      const material = loadTlsMaterial(this.#context);
      if (material.notAfter <= new Date()) {
        throw new Refused('gateway.certificate-over', 'the new server certificate has expired', { why: `it was valid until ${material.notAfter.toISOString()}` });
      }
      this.#doors.show(material);
      this.#material = material;
      this.#events.say('gateway.reloaded', { notAfter: material.notAfter.toISOString() });
    } catch (error) {
      this.#events.say('gateway.reload-refused', { ...errorFields(error), kept: 'the certificates in use stay', keptNotAfter: this.#material.notAfter.toISOString() });
    }
  }

  #checkCertificate(): void {
    const { notAfter } = this.#material;
    if (notAfter > new Date()) return;
    this.#events.say('gateway.server-certificate-expired', { notAfter: notAfter.toISOString(), fix: 'renew the server certificate: producers do not accept it any more' });
  }

  #stats(): ServiceStats {
    const { events, bytes, ackedBytes } = this.#sources.totals;
    return {
      values: {
        connections: this.#connections.count, pausedConnections: this.#connections.around.paused.size, events, bytes, ackedBytes,
        waitingBytes: this.#outbox.bytes, unackedBytes: this.#line.unackedBytes, frameBytes: this.#connections.frameBytes,
        certificateNotAfter: Math.floor(this.#material.notAfter.getTime() / 1000),
      },
      sources: this.#sources.stats(),
    };
  }
}
