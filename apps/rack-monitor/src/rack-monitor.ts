// SPDX-License-Identifier: Apache-2.0
// One life of rack-monitor: asks devices, reads heat, takes traps, and has all of it sealed.
import { setTimeout as delay } from 'node:timers/promises';
import { errorFields, voiceOf, withLine, type EventSource, type Incidents, type RackAnswer, type RackHeat, type ServiceContext, type SubmitClient } from '@strongroom/service';
import { EVENTS, type Say } from './events.ts';
import { devicesOf } from './facts.ts';
import { Feeds } from './feeds.ts';
import { HeatWatch, probesOf } from './heat/heat-watch.ts';
import { readHeat } from './heat/zones.ts';
import { HOST, Lasting } from './lasting.ts';
import { Beat } from './poll/beat.ts';
import { Device, type Gates } from './poll/device.ts';
import { Gate } from './poll/gate.ts';
import { Twins } from './poll/twins.ts';
import { Records } from './records.ts';
import { targetOf } from './settings.ts';
import type { Happening } from './track/device-track.ts';
import { startTraps, type Traps } from './traps/traps.ts';

const DRAIN_MS_MAX = 5000;
/** At once: of devices that answer, of those that are walked to recognise them, and of those that do not answer. */
const GATES = { answering: 64, recognising: 16, away: 8 } as const;
const AWAY_NAMED_MAX = 5;

/** Runs until `context.stop` is aborted. Rejects with `Failed('submit.vault-forgot')` or `Failed('rack.traps')`. */
export async function rackMonitor(context: ServiceContext): Promise<void> {
  await withLine(context, 'rack-monitor', (client) => live(context, client));
}

async function live(context: ServiceContext, client: SubmitClient): Promise<void> {
  const { id, keyHash } = context.identity;
  const { rack } = context.config;
  const { evidence, say, incidents } = voiceOf(context, client, 'rack-monitor', EVENTS);
  const lasting = new Lasting(incidents);
  const open = (protocol: 'power' | 'heat'): Records => new Records(client, protocol, { id, keyHash, clock: context.clock }, (count) => say('rack.records-lost', { protocol, count }));
  const records = { power: open('power'), heat: open('heat') };
  const seal = (subject: string, { protocol, told, ...happening }: Happening): void => {
    const { type, ...rest } = told;
    const whose = subject === HOST ? {} : { device: subject, ...(authenticated.has(subject) ? {} : { authenticated: false }), ...feeds.of(subject, told) };
    records[protocol].add({ type, ...whose, ...rest }, happening.isEvent);
    lasting.take(subject, { protocol, told, ...happening }, Date.now());
  };
  const feeds = new Feeds(rack.devices);
  const probes = new Map<string, HeatWatch>();
  const unusable: string[] = [];
  const devices = makeDevices(context, say, (device, happening) => seal(device.name, happening), (device) => {
    unusable.push(device);
    lasting.begin(device, 'its secret cannot be used');
  });
  const authenticated = new Set(devices.filter(({ facts }) => facts.authenticated).map(({ name }) => name));
  for (const { name, facts } of devices) if (!facts.authenticated) say('rack.unauthenticated', { device: name, address: facts.address });
  const traps = rack.traps.enabled ? await startTraps(rack.traps, devices, id, { seal: (subject, happening) => seal(subject, happening), say }) : null;
  const heat = new HeatWatch();
  const twins = new Twins();
  let lastHeat: RackHeat = { zones: [], throttled: null };

  context.onOrder('rack', async (args) => ({
    ...devicesOf(devices, (device) => lasting.of(device), nameOf(args)), counts: countsOf(devices), unusable, heat: { ...lastHeat, warnings: heat.warnings, lasting: lasting.of(HOST) }, traps: traps?.facts ?? null,
  } satisfies RackAnswer));
  context.stats(() => ({
    incidents: incidents.look(), values: { ...valuesOf(devices), ...records.power.values, ...records.heat.values, ...traps?.values, lasting: lasting.size, ...incidents.values() },
    rack: { devices: devices.length, away: awayOf(devices), trouble: lasting.words },
  }));
  say('rack.started', { devices: devices.length, authenticated: authenticated.size, traps: traps?.facts.address ?? null, heat: rack.heat.enabled });
  context.ready(traps === null ? [] : [{ protocol: 'snmp-trap', address: traps.facts.address! }]);
  const calmMs = rack.pollSeconds * 1000;
  const looking = devices.map((device, at) => device.run(context.stop, (at * calmMs) / devices.length));
  while (!context.stop.aborted) {
    const [at, nowMs] = [performance.now() / 1000, Date.now()];
    if (rack.heat.enabled) {
      lastHeat = readHeat(rack.heat.root);
      for (const happening of heat.take(at, nowMs, lastHeat)) seal(HOST, happening);
    }
    for (const twin of twins.take(devices)) {
      say('rack.device-twin', twin);
      lasting.begin(twin.device, `has the engine of ${twin.other}`, nowMs);
    }
    for (const device of devices) followProbes(device, probes, rack.heat.probeCelsius, at, nowMs, seal);
    traps?.tick(nowMs);
    await delay(rack.heat.seconds * 1000, undefined, { signal: context.stop }).catch(() => undefined);
  }
  await end(context, { looking, traps, heat, seal, incidents, records, evidence });
}

function makeDevices(context: ServiceContext, say: Say, happened: (device: Device, happening: Happening) => void, unusable: (device: string) => void): Device[] {
  const { devices, pollSeconds } = context.config.rack;
  const gates: Gates = { answering: new Gate(GATES.answering), recognising: new Gate(GATES.recognising), away: new Gate(GATES.away) };
  const beat = new Beat();
  return Object.entries(devices).flatMap(([name, device]) => {
    try {
      return [new Device(name, targetOf(name, device, context.paths.rackSecret), { gates, beat, hooks: { happened, say }, calmMs: pollSeconds * 1000, nominalVolts: device.nominalVolts ?? null })];
    } catch (error) {
      // The others go on: that one is not asked is evidence, and no reason to stop.
      say('rack.device-unusable', { device: name, ...errorFields(error) });
      unusable(name);
      return [];
    }
  });
}

/** Temperature probes that hang on a device. */
function followProbes(device: Device, probes: Map<string, HeatWatch>, limit: number, at: number, nowMs: number, seal: (subject: string, happening: Happening) => void): void {
  const heat = probesOf(device.readings, limit);
  if (heat.zones.length === 0 && !probes.has(device.name)) return;
  const watch = probes.get(device.name) ?? new HeatWatch(device.name);
  probes.set(device.name, watch);
  for (const happening of watch.take(at, nowMs, heat)) seal(device.name, happening);
}

interface Ending {
  readonly looking: readonly Promise<void>[];
  readonly traps: Traps | null;
  readonly heat: HeatWatch;
  readonly seal: (subject: string, happening: Happening) => void;
  readonly incidents: Incidents;
  readonly records: Readonly<Record<'power' | 'heat', Records>>;
  readonly evidence: EventSource;
}

async function end(context: ServiceContext, { looking, traps, heat, seal, incidents, records, evidence }: Ending): Promise<void> {
  await traps?.close();
  await Promise.all(looking);
  for (const happening of heat.due(Date.now(), true)) seal(HOST, happening);
  incidents.close();
  const reason = String(context.stop.reason);
  const sealed = Promise.all([records.power.close(reason), records.heat.close(reason), evidence.close(reason)]);
  await Promise.race([sealed, delay(DRAIN_MS_MAX, undefined, { ref: false })]);
}

function nameOf(args: unknown): string | null {
  const device = (args as { device?: unknown } | null)?.device;
  return typeof device === 'string' ? device : null;
}

function awayOf(devices: readonly Device[]): string[] {
  const away = devices.filter(({ state }) => state === 'away').map(({ name }) => name);
  return away.length <= AWAY_NAMED_MAX ? away : [...away.slice(0, AWAY_NAMED_MAX), `and ${away.length - AWAY_NAMED_MAX} more`];
}

function countsOf(devices: readonly Device[]): RackAnswer['counts'] {
  const { devicesAway: away = 0, readings = 0, looks = 0, looksFailed: failed = 0 } = valuesOf(devices);
  return { answering: devices.filter(({ state }) => state === 'answering').length, away, readings, looks, failed };
}

function valuesOf(devices: readonly Device[]): Record<string, number> {
  const sum = (of: (device: Device) => number): number => devices.reduce((total, device) => total + of(device), 0);
  return {
    devices: devices.length, devicesAway: sum(({ state }) => (state === 'away' ? 1 : 0)), readings: sum(({ readings }) => readings.length), looks: sum(({ counts }) => counts.looks),
    looksFailed: sum(({ counts }) => counts.failed), answersUnsigned: sum(({ counts }) => counts.unsigned), answersGarbage: sum(({ counts }) => counts.garbage),
    answersForeign: sum(({ counts }) => counts.foreign), rebooted: sum(({ counts }) => counts.rebooted),
  };
}
