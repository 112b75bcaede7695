// SPDX-License-Identifier: Apache-2.0
// From ready directories to the last service's end: services, control socket, metrics, signals, start screen.
import { rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { EXIT, exitCodeFor, notifier, openMetrics, SERVICES, type Config, type Fields, type Layout, type Separation, type ServiceName, type Status } from '@strongroom/service';
import { EventLog } from './events/event-log.ts';
import { OwnEvents } from './events/own-events.ts';
import { Enrolments } from './identities/enrolments.ts';
import { serverNames } from './identities/server-names.ts';
import { IncidentBook } from './incidents/incident-book.ts';
import { IncidentFile } from './incidents/incident-file.ts';
import { Life } from './life/life.ts';
import type { Accounts } from './place/accounts.ts';
import type { Place } from './place/place.ts';
import { Doorways, startedBySystemd } from './processes/doorway.ts';
import { filesMissing, kmsgMissing, plans } from './processes/plans.ts';
import { auditMissing, ebpfMissing, integrityMissing, readerPlans } from './processes/readers.ts';
import { addressOf, serveHealth } from './status/health.ts';
import { healthOf, statusOf } from './status/status.ts';
import { say, threeLines } from './terminal/say.ts';
import { startScreen } from './terminal/screen.ts';
import { serveControl } from './control.ts';
import { Supervisor } from './supervisor.ts';

const RENEW_INTERVAL_MS = 3_600_000;
const ALIVE_INTERVAL_MS = 10_000;

/** When the code of services is compiled; the key service goes first, and the others while it starts. */
export interface Compiled {
  readonly keys: Promise<void>;
  readonly others: Promise<void>;
}

export interface Ready {
  readonly place: Place;
  readonly paths: Layout;
  readonly config: Config;
  /** The locked descriptor of the home. */
  readonly lock: number;
  /** Users of the services; null when separation is nominal. */
  readonly users: Accounts | null;
  readonly deployment: string;
  readonly compiled: Compiled;
}

/** Runs until a signal, or a service that refuses its configuration. Resolves with our exit code. */
export async function live(ready: Ready): Promise<number> {
  const { paths, config, deployment } = ready;
  const log = new EventLog(paths.events);
  const events = new OwnEvents(log);
  const file = new IncidentFile(paths.incidents, ({ message }) => events.event('supervisor.incidents-not-kept', 'warn', { path: paths.incidents, message }));
  const incidents = bookOf(file, events);
  const enrolments = new Enrolments(paths.registry, deployment);
  const separation = separationOf(ready);
  const misconfigured = Promise.withResolvers<string>();
  const doorways = startedBySystemd() ? new Doorways(paths, separation.groups) : null;
  const supervisor = new Supervisor({
    ...ready, separation, enrolments, log, events, incidents, plans: plans({ ...ready, doorways }), readers: readerPlans(ready), onMisconfigured: misconfigured.resolve, onChange: () => life.changed(),
  });
  const life = new Life({ children: supervisor.children, book: incidents, events, config, deployment, habits: paths.habits, orderVault: (name, args) => supervisor.orderVault(name, args) });
  const stopAsked = stopSignal(supervisor);
  const http = await serveHealth(config.supervisor.metrics.address, config.supervisor.metrics.port, {
    measure: () => supervisor.measure(),
    metrics: () => openMetrics(supervisor.children.map(({ service, index, stats: { values, sources } }) => ({ service, index, values, sources }))),
    health: () => healthOf(supervisor.children, config),
  });
  const facts = { deployment, home: paths.home, config, separation, startedAt: new Date(), notes: notesOf(ready), metricsAddress: addressOf(http) };
  const status = (): Status => statusOf(supervisor.children, { ...facts, readers: supervisor.readers, incidents: incidents.list(), stopping: supervisor.stopping });
  const control = await serveControl({ paths, supervisor, enrolments, events, incidents, status, habits: () => life.habits(), serverNames: () => serverNames(config.gateway.serverNames) });
  events.event('supervisor.started', 'info', { pid: process.pid, node: process.version, deployment, separation: separation.kind });

  const end = await Promise.race([
    stopAsked.then((signal): End => ({ why: signal, code: EXIT.stopped })),
    misconfigured.promise.then((service): End => (
      { why: `${service} refused its configuration or what it found, see the lines above`, code: EXIT.configuration })),
    collect(supervisor, life, events, config, status).catch((error: unknown): End => {
      process.stderr.write(threeLines(error));
      return { why: 'starting failed', code: exitCodeFor(error) };
    }),
  ]);
  say(`${end.why}: stopping in order: listeners, what is under way, vault, keys`);
  notifier().stopping();
  events.event('supervisor.stopping', 'info', { why: end.why });
  const inTime = await supervisor.stop();
  if (inTime) incidents.stopped();
  await file.settled();
  http.close();
  control.close();
  doorways?.close();
  await log.close();
  rmSync(paths.controlSocket, { force: true });
  say(`${inTime ? 'stopped' : 'some services did not stop in time and were ended'}; everything that was acknowledged is sealed`);
  return end.code === EXIT.stopped && !inTime ? EXIT.bug : end.code;
}

/** What our own life before left open is in it. */
function bookOf(file: IncidentFile, events: OwnEvents): IncidentBook {
  const end = (fields: Fields): Promise<void> => {
    events.event('incident.closed', 'info', fields);
    return events.settled();
  };
  return new IncidentBook({ end, keep: (kept) => file.keep(kept) }, file.read());
}

/** Why everything stops, and what we shall exit with. */
interface End {
  readonly why: string;
  readonly code: number;
}

/** Starts all, tells so, and keeps certificates fresh and the watchdog fed. Never resolves; rejects when starting fails. */
async function collect(supervisor: Supervisor, life: Life, events: OwnEvents, config: Config, status: () => Status): Promise<never> {
  const notify = notifier();
  // Where services have watchdogs of their own, ours says only that we turn, and begins before they come.
  const feed = (): void => { if (startedBySystemd() || healthOf(supervisor.children, config).ok) notify.alive(); };
  if (notify.watchdogMs !== null) setInterval(feed, Math.min(notify.watchdogMs, ALIVE_INTERVAL_MS)).unref();
  // Units of services start once we are ready for them.
  if (startedBySystemd()) notify.ready('waiting for the services');
  await supervisor.start();
  if (!supervisor.stopping) await life.begin();
  if (!supervisor.stopping) {
    process.stdout.write(startScreen(status()));
    notify.ready('collecting');
  }
  for (;;) {
    await delay(RENEW_INTERVAL_MS, undefined, { ref: false });
    await supervisor.renew().catch((error: Error) => events.event('supervisor.renewal-failed', 'error', { message: error.message }));
  }
}

/** Resolves at the first signal to stop; later ones are told that it is going on. */
function stopSignal(supervisor: Supervisor): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        if (supervisor.stopping) say('still stopping: what was received is being sealed; please wait');
        resolve(signal);
      });
    }
  });
}

function separationOf({ place, users }: Ready): Separation {
  if (users === null) return { kind: 'nominal', reason: place.nominal, groups: null };
  return { kind: 'users', reason: null, groups: Object.fromEntries(SERVICES.map((name) => [name, users[name].gid])) as Record<ServiceName, number> };
}

function notesOf(ready: Ready): string[] {
  const { config } = ready;
  const kmsg = kmsgMissing(config);
  const audit = auditMissing(ready);
  const ebpf = ebpfMissing(ready);
  const integrity = integrityMissing(ready);
  const files = filesMissing(config);
  return [
    ...(kmsg === null ? [] : [`Kernel messages are not collected: ${kmsg}.`]),
    ...(audit === null ? [] : [`The kernel's audit is not collected: ${audit}.`]),
    ...(ebpf === null ? [] : [`Kernel events are not collected by eBPF: ${ebpf}.`]),
    ...(integrity === null ? [] : [`Watched files are not looked at: ${integrity}.`]),
    ...(files === null ? [] : [`Fewer connections are possible than configured: ${files}.`]),
  ];
}
