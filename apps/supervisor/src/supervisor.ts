// SPDX-License-Identifier: Apache-2.0
// Starts the services in order, watches them, answers them, and stops them in order.
import { readFileSync } from 'node:fs';
import { X509Certificate } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Failed } from '@strongroom/bytes';
import { logOrigin, writeDurably, type ClaimsMessage, type ClockSetMessage, type Config, type FromService, type Layout, type Separation, type ServiceName, type StartMessage } from '@strongroom/service';
import type { EventLog } from './events/event-log.ts';
import type { OwnEvents } from './events/own-events.ts';
import { isCondemned } from './flags/condemned.ts';
import { Protector } from './flags/protect.ts';
import { ensureCertificates, wantedCertificates } from './identities/certificates.ts';
import type { Enrolments } from './identities/enrolments.ts';
import { KeysAdmin } from './identities/keys-admin.ts';
import { serverNames } from './identities/server-names.ts';
import type { IncidentBook } from './incidents/incident-book.ts';
import type { Accounts } from './place/accounts.ts';
import type { Place } from './place/place.ts';
import { asOurs, seenByServices } from './place/view.ts';
import { Broadcast } from './processes/broadcast.ts';
import { Child, type ChildPlan } from './processes/child.ts';
import { Reader, type ReaderPlan } from './processes/reader.ts';
import { Shares } from './processes/shares.ts';

/** A service that has not put a changed registry in force by then is ended: nothing revoked may go on. */
const REGISTRY_MS = 5000;
const STOP_MS = 30_000;
const OWN_STREAM_MS = 3000;

export interface SupervisorFacts {
  readonly place: Place;
  readonly paths: Layout;
  readonly config: Config;
  readonly deployment: string;
  readonly users: Accounts | null;
  readonly separation: Separation;
  readonly plans: readonly ChildPlan[];
  readonly readers: readonly ReaderPlan[];
  readonly compiled: { readonly keys: Promise<void>; readonly others: Promise<void> };
  readonly enrolments: Enrolments;
  readonly log: EventLog;
  readonly events: OwnEvents;
  readonly incidents: IncidentBook;
  /** Whether evidence can be taken may have changed: a service came, went, or says that it is stalled. */
  readonly onChange: () => void;
  /** A service refused its configuration. */
  readonly onMisconfigured: (service: string) => void;
}

export class Supervisor {
  readonly children: readonly Child[];
  readonly readers: readonly Reader[];
  readonly keys: KeysAdmin;
  readonly #facts: SupervisorFacts;
  readonly #broadcast = new Broadcast();
  readonly #protector: Protector;
  readonly #shares: Shares;
  #stopped: Promise<boolean> | undefined;

  constructor(facts: SupervisorFacts) {
    this.#facts = facts;
    this.keys = new KeysAdmin(facts.paths.keysAdminSocket);
    this.#protector = new Protector(facts.paths.store, (segment) => isCondemned({ paths: facts.paths, origin: logOrigin(facts.paths, facts.deployment), registry: facts.enrolments.registry }, segment));
    this.#shares = new Shares(facts.config.gateway.perSource, facts.config.gateway.processes);
    this.children = facts.plans.map((plan) => new Child(plan, {
      start: (child, kmsgFd) => this.#startMessage(child, kmsgFd),
      message: (child, message) => this.#take(child, message),
      event: (event) => (event.service === 'supervisor' ? facts.events.event(event.event, event.level, event.fields) : facts.log.add(event)),
      ended: (child) => this.#ended(child),
      misconfigured: (child) => facts.onMisconfigured(child.service),
    }));
    this.readers = facts.readers.map((plan) => new Reader(plan, ({ event, level, fields }) => facts.events.event(event, level, fields)));
  }

  get stopping(): boolean {
    return this.#stopped !== undefined;
  }

  /** Keys, certificates, vault, then what submits to it. Returns early, without an error, when a stop comes between. */
  async start(): Promise<void> {
    const { paths, deployment, events, compiled } = this.#facts;
    await compiled.keys;
    await this.#bringUp('keys');
    if (this.stopping) return;
    await this.renew();
    await compiled.others;
    // The vault hears from the witnesses before it serves, so who speaks with them starts with it.
    this.#startAll('witness');
    await this.#bringUp('vault');
    if (this.stopping) return;
    events.connect(paths, deployment);
    await Promise.all([this.#bringUp('gateway'), this.#bringUpCapture(), this.#bringUp('skew-guard'), this.#bringUp('rack-monitor')]);
  }

  /** Issues certificates that are missing or due, and tells the services whose they are. */
  async renew(): Promise<void> {
    const { paths, deployment, users, config, enrolments, events } = this.#facts;
    const { caPem } = await this.keys.info();
    if (readOr(paths.ca) !== caPem) await writeDurably(paths.ca, caPem, 0o644);
    const wanted = wantedCertificates(paths, deployment, serverNames(config.gateway.serverNames), users);
    const changed = await ensureCertificates(wanted, this.keys, caPem);
    for (const service of new Set(changed.map((one) => one.service))) {
      if (service !== null) this.#each(service, (child) => child.send({ kind: 'reload' }));
    }
    for (const { commonName } of changed) events.event('supervisor.certificate-issued', 'info', { commonName });
    const operator = new X509Certificate(readFileSync(paths.identity('operator').certificate));
    if (await enrolments.adopt('readers', 'operator', operator)) await this.publishRegistry();
  }

  /** Has every service say how it stands now. */
  async measure(): Promise<void> {
    await Promise.all(this.children.map((child) => child.measure()));
  }

  /** Has every service put the present registry in force. Resolves when all have; who does not is ended. */
  async publishRegistry(): Promise<void> {
    const late = await this.#broadcast.send(this.children, this.#facts.enrolments.registry, REGISTRY_MS);
    for (const child of late) {
      this.#facts.events.event('supervisor.registry-late', 'error', { service: child.service, index: child.index, afterMs: REGISTRY_MS });
      child.kill();
    }
  }

  /** Has the vault read everything that is sealed again, now. */
  scrub(): void {
    this.#each('vault', (child) => child.send({ kind: 'scrub' }));
  }

  /** Has the vault do something, and hands back what it answers. */
  orderVault(name: string, args: unknown): Promise<unknown> {
    return this.children.find(({ service }) => service === 'vault')!.order(name, args);
  }

  /** What others outside are asked for now and not later; there is a witness service where anybody is configured. */
  orderWitness(name: string, args: unknown): Promise<unknown> {
    return this.children.find(({ service }) => service === 'witness')!.order(name, args);
  }

  /** How the clock stands, and how it stood. Rejects with `Failed('supervisor.clock-unwatched')` where nobody watches it. */
  async orderClock(): Promise<unknown> {
    const guard = this.children.find(({ service }) => service === 'skew-guard');
    if (guard === undefined) throw new Failed('supervisor.clock-unwatched', 'nobody watches the clock', { why: 'clock.enabled is false', fix: 'set clock.enabled to true, then start again' });
    return guard.order('clock', {});
  }

  /** How power and heat stand. Rejects with `Failed('supervisor.rack-unwatched')` where nobody watches them. */
  async orderRack(args: unknown): Promise<unknown> {
    const monitor = this.children.find(({ service }) => service === 'rack-monitor');
    if (monitor === undefined) {
      throw new Failed('supervisor.rack-unwatched', 'nobody watches power and heat', {
        why: 'rack.enabled is false, or no device is configured and this machine tells no temperature', fix: 'add a device below rack.devices ("strongroom rack probe" tries one), then start again',
      });
    }
    return monitor.order('rack', args);
  }

  reload(): void {
    for (const child of this.children) child.send({ kind: 'reload' });
  }

  /** Stops in order: what takes evidence, then the vault, then keys. Resolves with whether all ended in time. */
  stop(): Promise<boolean> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<boolean> {
    const orderly = (async (): Promise<boolean> => {
      // Readers first: what the kernel still holds for them goes to capture.
      const captured = Promise.all(this.readers.map((reader) => reader.stop())).then(() => this.#stopAll('capture'));
      await Promise.all([this.#stopAll('gateway'), this.#stopAll('rack-monitor'), captured]);
      // Last of those that submit: the others' receipts want its word to their end.
      await this.#stopAll('skew-guard');
      await this.#facts.events.close(OWN_STREAM_MS);
      await this.#stopAll('vault');
      await this.#stopAll('witness');
      await this.#stopAll('keys');
      return true;
    })();
    const late = new AbortController();
    const inTime = await Promise.race([orderly, delay(STOP_MS, false, { signal: late.signal }).catch(() => false)]);
    late.abort();
    if (!inTime) {
      for (const child of this.children) child.kill();
      await orderly;
    }
    return inTime;
  }

  #startAll(service: string): void {
    this.#each(service, (child) => child.start());
  }

  /** Its readers come when it listens for them. */
  async #bringUpCapture(): Promise<void> {
    await this.#bringUp('capture');
    if (!this.stopping) for (const reader of this.readers) reader.start();
  }

  async #bringUp(service: string): Promise<void> {
    const ready: Promise<void>[] = [];
    this.#each(service, (child) => {
      child.start();
      ready.push(child.ready);
    });
    const up = new AbortController();
    await Promise.race([Promise.all(ready), this.#whenStopping(up.signal)]);
    up.abort();
  }

  /** Start and stop can cross: whoever waits for a service looks for the stop too, until it is up. */
  async #whenStopping(up: AbortSignal): Promise<void> {
    while (!this.stopping && !up.aborted) await delay(100, undefined, { ref: false });
  }

  async #stopAll(service: string): Promise<void> {
    const gone: Promise<void>[] = [];
    this.#each(service, (child) => gone.push(child.stop()));
    await Promise.all(gone);
  }

  #each(service: string, act: (child: Child) => void): void {
    for (const child of this.children) if (child.service === service) act(child);
  }

  /** Tells those who stop later whom to wait for, should we be gone. */
  #tellOrder(): void {
    const pids = (...names: string[]): number[] =>
      this.children.flatMap(({ service, pid }) => (pid !== null && names.includes(service) ? [pid] : []));
    this.#each('vault', (child) => child.send({ kind: 'before', pids: pids('gateway', 'capture', 'rack-monitor', 'skew-guard') }));
    this.#each('witness', (child) => child.send({ kind: 'before', pids: pids('gateway', 'capture', 'rack-monitor', 'skew-guard', 'vault') }));
    this.#each('keys', (child) => child.send({ kind: 'before', pids: pids('gateway', 'capture', 'rack-monitor', 'skew-guard', 'vault', 'witness') }));
  }

  #startMessage(child: Child, kmsgFd: number | null): StartMessage {
    const { place, config, deployment, separation, enrolments } = this.#facts;
    const { home } = seenByServices(place);
    return { kind: 'start', home, config, deployment, registry: enrolments.registry, index: child.index, separation, kmsgFd };
  }

  #take(child: Child, message: FromService): void {
    if (message.kind === 'ready' || message.kind === 'state') this.#changed();
    if (message.kind === 'ready') this.#tellOrder();
    else if (message.kind === 'registry-done') this.#broadcast.confirmed(child, message.version);
    else if (message.kind === 'usage') child.send({ kind: 'allowance', sources: this.#shares.report(child.index, message.sources) });
    else if (message.kind === 'claims') this.#handOn(child, 'gateway', message);
    else if (message.kind === 'clock-set') this.#handOn(child, 'capture', message);
    else if (message.kind === 'stats') this.#facts.incidents.take(child, message);
    else if (message.kind === 'event') this.#facts.incidents.told(child, message);
    else if (message.kind === 'protect') void this.#protect(child, message);
  }

  /** What a service may tell skew-guard, which nobody else can reach. */
  #handOn(child: Child, from: ServiceName, message: ClaimsMessage | ClockSetMessage): void {
    if (child.service === from) this.#each('skew-guard', (guard) => guard.send(message));
  }

  async #protect(child: Child, { path, flag }: Extract<FromService, { kind: 'protect' }>): Promise<void> {
    const error = child.service === 'vault' ? await this.#protector.protect(asOurs(this.#facts.place, path), flag) : 'only the vault may ask';
    child.send({ kind: 'protect-done', path, flag, ok: error === null, error });
  }

  #ended(child: Child): void {
    this.#broadcast.gone(child);
    if (child.service === 'gateway') this.#shares.forget(child.index);
    this.#changed();
  }

  /** Once the child has entered its new state. Who is stopped in order says so itself. */
  #changed(): void {
    setImmediate(() => { if (!this.stopping) this.#facts.onChange(); });
  }
}

function readOr(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
