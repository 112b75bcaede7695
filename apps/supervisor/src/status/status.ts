// SPDX-License-Identifier: Apache-2.0
// What `status`, `watch`, metrics and health say, from what services said last.
import type { ClockFacts, Config, Health, Listener, ServiceIncident, ServiceStats, ServiceStatus, Separation, SourceStats, Status, UpkeepFacts, WatchItem } from '@strongroom/service';
import type { Child } from '../processes/child.ts';
import type { Reader } from '../processes/reader.ts';

/** A service that has said nothing of itself for so long does not answer; it does so every few seconds, and when it is asked. */
const STATS_FRESH_MS = 10_000;
/** What a heartbeat may be late. */
const COMMIT_GRACE_MS = 10_000;

interface ServiceHistory extends ServiceStatus {
  /** Ends of its processes since we started, newest last. */
  readonly ended: readonly { readonly at: string; readonly code: number | null; readonly signal: string | null }[];
}

export interface StatusFacts {
  readonly deployment: string;
  readonly home: string;
  readonly config: Config;
  readonly startedAt: Date;
  readonly stopping: boolean;
  readonly separation: Separation;
  readonly notes: readonly string[];
  readonly metricsAddress: string | null;
  readonly readers: readonly Reader[];
  readonly incidents: readonly ServiceIncident[];
}

export function statusOf(children: readonly Child[], facts: StatusFacts): Status {
  const vault = children.find(({ service }) => service === 'vault');
  const { log, worm, witness, timestamp, counter, upkeep, custody, values } = vault?.stats ?? ({ values: {} } as ServiceStats);
  return {
    log: log ?? null, records: values['records'] ?? 0, batches: values['batches'] ?? 0, bytes: values['bytes'] ?? 0,
    deployment: facts.deployment, home: facts.home,
    services: [supervisorStatus(facts), ...children.map(serviceStatus), ...facts.readers.map(readerStatus)],
    listeners: listenersOf(children, facts.metricsAddress),
    separation: { kind: facts.separation.kind, reason: facts.separation.reason }, worm: worm ?? null, witness: witness ?? null, timestamp: timestamp ?? null, counter: counter ?? null, clock: clockOf(children), upkeep: upkeep ?? null, custody: custody ?? null,
    health: healthOf(children, facts.config), incidents: facts.incidents, notes: [...notesOf(facts, vault?.stats ?? ({ values: {} } as ServiceStats)), ...auditNotes(children), ...clockNotes(children), ...rackNotes(children)],
  };
}

function supervisorStatus({ startedAt, stopping }: StatusFacts): ServiceHistory {
  const state = stopping ? 'stopping' : 'running';
  return { name: 'supervisor', index: 0, pid: process.pid, state, reason: null, since: startedAt.toISOString(), ended: [] };
}

function serviceStatus(child: Child): ServiceHistory {
  return {
    name: child.service, index: child.index, pid: child.pid, state: child.state, reason: child.reason, since: child.since.toISOString(), saidAt: child.statsAtMs === 0 ? null : new Date(child.statsAtMs).toISOString(),
    ended: child.ended.map(({ atMs, code, signal }) => ({ at: new Date(atMs).toISOString(), code, signal })),
  };
}

function readerStatus({ name, pid, state, reason, since, ended }: Reader): ServiceHistory {
  return { name, index: 0, pid, state, reason, since: since.toISOString(), ended: ended.map(({ atMs, code, signal }) => ({ at: new Date(atMs).toISOString(), code, signal })) };
}

/** Nobody else may, whatever they say. */
const LISTENING: ReadonlySet<string> = new Set(['gateway', 'witness', 'rack-monitor']);

/** Where others find us, each once though several processes share it, and our own metrics. */
export function listenersOf(children: readonly Child[], metricsAddress: string | null): Listener[] {
  const all = children.filter(({ service }) => LISTENING.has(service)).flatMap(({ listeners }) => listeners);
  if (metricsAddress !== null) all.push({ protocol: 'metrics', address: metricsAddress });
  return [...new Map(all.map((one) => [`${one.protocol} ${one.address}`, one])).values()];
}

function notesOf({ separation, notes, config }: StatusFacts, { worm, upkeep, custody }: ServiceStats): string[] {
  return [
    ...notes,
    ...(config.witness.policy === undefined ? ['No witnesses are configured: who controls this machine could replace its history unnoticed.'] : []),
    ...(separation.reason === null ? [] : [`Separation is nominal: ${separation.reason}.`]),
    ...(worm === undefined || worm.reason === null ? [] : [`Segments are not held immutable: ${worm.reason}.`]),
    ...(upkeep === undefined ? [] : checksumNotes(upkeep.checksums, config.vault.checksums !== undefined)),
    ...(custody === undefined || custody.failure === null ? [] : [`An order cannot be carried out, and is tried again: ${custody.failure}.`]),
  ];
}

function clockOf(children: readonly Child[]): ClockFacts | null {
  return children.find(({ service }) => service === 'skew-guard')?.stats.clock ?? null;
}

/** A clock of which nothing can be said, or too little. */
export function clockNotes(children: readonly Child[]): string[] {
  const clock = clockOf(children);
  if (clock === null) return [];
  if (clock.boundNs === null) return [`Times in receipts have no error bound: ${clock.reason} ("strongroom clock" tells more).`];
  return clock.grade === 'limit' || clock.falsetickers.length > 0 ? [`The clock is ${clock.state}: ${clock.reason} ("strongroom clock" tells more).`] : [];
}

/** Devices that do not answer, and what is out of the ordinary. */
export function rackNotes(children: readonly Child[]): string[] {
  const rack = children.find(({ service }) => service === 'rack-monitor')?.stats.rack;
  if (rack === undefined) return [];
  return [
    ...(rack.away.length === 0 ? [] : [`Of ${rack.devices} power devices these do not answer: ${rack.away.join(', ')} ("strongroom rack" tells more).`]),
    ...(rack.trouble.length === 0 ? [] : [`Power or heat is out of the ordinary: ${rack.trouble.join('; ')} ("strongroom rack" tells more).`]),
  ];
}

/** A reader that hears nothing because there is nothing to hear. */
export function auditNotes(children: readonly Child[]): string[] {
  const { values } = children.find(({ service }) => service === 'capture')?.stats ?? { values: {} };
  return values['auditReading'] === 1 && values['auditEnabled'] === 0 ? ['The kernel\'s audit is switched off, so it reports nothing ("auditctl -e 1" switches it on).'] : [];
}

function checksumNotes({ directory, away, sharesVolume }: UpkeepFacts['checksums'], isChosen: boolean): string[] {
  if (away !== null) return [`Checksums of closed segments wait for their volume: ${directory}: ${away}.`];
  return isChosen && sharesVolume === true ? [`The checksum database in ${directory} lies on the same file system as the store: one failure takes both.`] : [];
}

/** Whether cycles commit. */
export function healthOf(children: readonly Child[], config: Config, nowMs = Date.now()): Health {
  const vault = children.find(({ service }) => service === 'vault');
  if (vault === undefined) return bad('there is no vault');
  // Degraded: it seals, and somebody should look at what it has sealed.
  if (vault.state !== 'running' && vault.state !== 'degraded') return bad(`the vault is ${vault.state}${vault.reason === null ? '' : `: ${vault.reason}`}`);
  if (nowMs - vault.statsAtMs > STATS_FRESH_MS) return bad('the vault does not answer');
  const limitMs = config.vault.heartbeatSeconds * 1000 + COMMIT_GRACE_MS;
  const ageMs = vault.stats.values['lastCommitAgeMs'];
  if (ageMs === undefined) return bad('the vault has committed nothing yet');
  if (ageMs > limitMs) return bad(`the last commit was ${ageMs} ms ago, at most ${limitMs} ms are in order`);
  return { ok: true, reason: null, degraded: unattested(vault.stats) };
}

/** Sealing goes on without witnesses and timestamps; that they are out of reach is no reason to stop. */
function unattested({ witness, timestamp }: ServiceStats): string | null {
  const out = [['unwitnessed', witness?.since], ['untimestamped', timestamp?.since]].filter(([, since]) => typeof since === 'string').map(([what, since]) => `${what} since ${since}`);
  const ahead = (witness?.comparison.ahead ?? []).map((name) => `the witness ${name} says that it has seen more of this log than there is`);
  return out.length + ahead.length === 0 ? null : [...out, ...ahead].join('; ');
}

function bad(reason: string): Health {
  return { ok: false, reason, degraded: null };
}

/** One second of `watch`. Several processes of a service are summed. */
export function watchItem(children: readonly Child[], incidents: readonly ServiceIncident[]): WatchItem {
  const services: Record<string, Record<string, number>> = {};
  const states: Record<string, string> = {};
  const sources: Record<string, SourceStats> = {};
  for (const { service, state, stats } of children) {
    states[service] = states[service] === undefined || states[service] === 'running' ? state : states[service];
    const sums = (services[service] ??= {});
    for (const [name, value] of Object.entries(stats.values)) sums[name] = (sums[name] ?? 0) + value;
    for (const [id, facts] of Object.entries(stats.sources ?? {})) sources[id] = merged(sources[id], facts);
  }
  const { log, witness } = children.find(({ service }) => service === 'vault')?.stats ?? {};
  return { time: new Date().toISOString(), services, states, sources, log: log ?? null, witness: witness ?? null, incidents: incidents.filter(({ closedAt }) => closedAt === null) };
}

function merged(a: SourceStats | undefined, b: SourceStats): SourceStats {
  if (a === undefined) return b;
  return {
    events: a.events + b.events, bytes: a.bytes + b.bytes, ackedBytes: a.ackedBytes + b.ackedBytes, lagMs: Math.max(a.lagMs, b.lagMs),
    connections: a.connections + b.connections, waiting: a.waiting + b.waiting,
  };
}
