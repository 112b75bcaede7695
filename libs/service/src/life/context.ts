// SPDX-License-Identifier: Apache-2.0
// What a running service has at hand: its place, its identity, and its line to the supervisor.
import { randomBytes } from 'node:crypto';
import { Failed } from '@strongroom/bytes';
import { toRpcError } from '../calls/rpc-lines.ts';
import { AnchoredClock } from '../clock/anchored-clock.ts';
import type { ReceiptClock } from '../clock/clock.ts';
import type { Config } from '../config/config-schema.ts';
import { eventLine, makeEvent, type Fields, type Level } from '../facts/events.ts';
import type { FromService, Listener, ProtectFlag, Separation, ServiceState, ServiceStats, StartMessage, ToService } from '../facts/messages.ts';
import { layout, type Layout, type ServiceName } from '../files/layout.ts';
import { loadIdentity, type Identity } from '../identity/identity.ts';
import type { Registry } from '../identity/registry.ts';
import { notifier, watchdog } from './notify.ts';

type MessageOf<K extends ToService['kind']> = Extract<ToService, { kind: K }>;

export interface ServiceContext {
  readonly name: ServiceName;
  /** Which of several processes of the same service, from 0. */
  readonly index: number;
  readonly home: string;
  readonly paths: Layout;
  readonly config: Config;
  readonly deployment: string;
  readonly separation: Separation;
  /** Descriptor of /dev/kmsg (capture), or null. */
  readonly kmsgFd: number | null;
  /** Our certificate and key, read anew after a reload. Throws `Failed('identity.unreadable')`. */
  readonly identity: Identity;
  /** As last sent by the supervisor. */
  readonly registry: Registry;
  /** Stamps what is received, with the error bound of this machine's clock. */
  readonly clock: ReceiptClock;
  /** 16 random bytes: this life of this service. */
  readonly instance: Buffer;
  /** Aborted when the service shall stop in order; its reason says why. */
  readonly stop: AbortSignal;
  /** Resolves when {@link stop} is aborted, also if it already was. */
  readonly stopped: Promise<void>;
  /** Serving has begun. */
  ready(listeners?: readonly Listener[]): void;
  state(state: ServiceState, reason?: string): void;
  /** `measure` is called whenever somebody asks, every few seconds, and once at {@link ready}. */
  stats(measure: () => ServiceStats): void;
  event(event: string, level: Level, fields?: Fields): void;
  /** Asks for `chattr +a` or `+i`; false when the supervisor may not or the file system cannot. */
  protect(path: string, flag: ProtectFlag): Promise<boolean>;
  /** Returns once the listener has run: the supervisor counts on a revocation being in force then. */
  onRegistry(listener: (registry: Registry) => void): void;
  onMessage<K extends ToService['kind']>(kind: K, listener: (message: MessageOf<K>) => void): void;
  /** What is done when the supervisor orders `name`: its result or error is the answer. */
  onOrder(name: string, handle: (args: unknown) => Promise<unknown>): void;
  /**
   * For the watchdog of systemd: how long what must advance has stood still, in ms. It is fed while that is less than the
   * watchdog allows, or while we said that we are stalled: what is waited for knowingly does not come of a restart. A
   * service that says nothing here is alive while its event loop turns.
   */
  advancing(standstillMs: () => number): void;
  send(message: FromService): void;
}

export interface ServiceLife {
  readonly context: ServiceContext;
  stop(reason: string): void;
  close(): void;
}

/** Told without being asked, so that the supervisor sees that we live; each telling wakes two processes. */
const STATS_INTERVAL_MS = 4000;

function send(message: FromService): void {
  if (process.connected) process.send!(message);
}

/** Makes the context of a service from the supervisor's `start` message. */
export function createContext(name: ServiceName, start: StartMessage): ServiceLife {
  const paths = layout(start.home);
  const stopping = new AbortController();
  const listeners: [string, (message: never) => void][] = [];
  const stopped = Promise.withResolvers<void>();
  const orders = new Map<string, (args: unknown) => Promise<unknown>>();
  /** By flag and path, in the order of the questions: each is answered. */
  const protecting = new Map<string, ((ok: boolean) => void)[]>();
  let registry = start.registry;
  let identity: Identity | undefined;
  let measure: (() => ServiceStats) | undefined;
  let standstillMs: (() => number) | undefined;
  let present: ServiceState = 'starting';
  const notify = notifier();
  const watching = watchdog(notify, () => (present === 'stalled' ? 0 : standstillMs?.() ?? 0));

  const report = (): void => { if (measure !== undefined) send({ kind: 'stats', ...measure() }); };
  const clock = new AnchoredClock(paths.anchor);
  const timer = setInterval(report, STATS_INTERVAL_MS).unref();
  const stop = (reason: string): void => {
    if (stopping.signal.aborted) return;
    stopping.abort(reason);
    stopped.resolve();
    notify.stopping();
    send({ kind: 'state', state: 'stopping', reason });
  };

  const onProcessMessage = (message: ToService): void => {
    if (message.kind === 'stop') stop('stop was asked for');
    if (message.kind === 'registry') registry = message.registry;
    if (message.kind === 'reload') identity = undefined;
    if (message.kind === 'protect-done') {
      const key = `${message.flag} ${message.path}`;
      const [first, ...rest] = protecting.get(key) ?? [];
      if (rest.length === 0) protecting.delete(key);
      else protecting.set(key, rest);
      first?.(message.ok);
    }
    if (message.kind === 'measure') report();
    if (message.kind === 'order') void obey(message.id, message.name, orders.get(message.name), message.args);
    for (const [kind, listener] of listeners) if (kind === message.kind) (listener as (message: ToService) => void)(message);
    if (message.kind === 'registry') send({ kind: 'registry-done', version: message.version });
  };
  process.on('message', onProcessMessage);
  process.once('disconnect', () => { for (const resolve of [...protecting.values()].flat()) resolve(false); });

  const context: ServiceContext = {
    name, index: start.index, home: paths.home, paths, config: start.config, deployment: start.deployment,
    separation: start.separation, kmsgFd: start.kmsgFd, clock, instance: randomBytes(16), stop: stopping.signal,
    stopped: stopped.promise, send,
    get identity() { return identity ??= loadIdentity(paths.identity(name), paths.ca); },
    get registry() { return registry; },
    ready: (addresses = []) => {
      if (present === 'starting') present = 'running';
      send({ kind: 'ready', listeners: addresses });
      report();
      notify.ready(present);
    },
    state: (state, reason) => {
      present = state;
      send({ kind: 'state', state, reason: reason ?? null });
      notify.status(reason === undefined ? state : `${state}: ${reason}`);
    },
    advancing: (how) => { standstillMs = how; },
    stats: (next) => { measure = next; },
    event: (event, level, fields) => {
      const made = makeEvent(name, event, level, fields);
      if (process.connected) send({ kind: 'event', ...made });
      else process.stdout.write(eventLine(made));
    },
    protect: (path, flag) => new Promise((resolve) => {
      if (!process.connected) return resolve(false);
      const key = `${flag} ${path}`;
      protecting.set(key, [...protecting.get(key) ?? [], resolve]);
      send({ kind: 'protect', path, flag });
    }),
    onOrder: (order, handle) => { orders.set(order, handle); },
    onRegistry: (listener) => { listeners.push(['registry', () => listener(registry)]); },
    onMessage: (kind, listener) => { listeners.push([kind, listener as (message: never) => void]); },
  };
  return { context, stop, close: () => { clearInterval(timer); clearInterval(watching); process.off('message', onProcessMessage); } };
}

async function obey(id: number, name: string, handle: ((args: unknown) => Promise<unknown>) | undefined, args: unknown): Promise<void> {
  try {
    if (handle === undefined) throw new Failed('service.order', `the service cannot "${name}" now`, { why: 'it is starting, or knows no such order', fix: 'try again when "strongroom status" shows it running' });
    send({ kind: 'order-done', id, result: await handle(args) ?? null });
  } catch (error) {
    send({ kind: 'order-done', id, error: toRpcError(error) });
  }
}
