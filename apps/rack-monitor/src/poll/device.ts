// SPDX-License-Identifier: Apache-2.0
// One device over the life of the service: recognised, asked again and again, away and back, booted, replaced.
import { errorFields, type Fields, type RackDevice, type RackEngine } from '@strongroom/service';
import { discover, type Discovered } from '../profiles/discover.ts';
import { oidsOf, readingsOf } from '../profiles/plan.ts';
import type { Reading } from '../profiles/profile.ts';
import { securityWords } from '../settings.ts';
import { SnmpSession } from '../snmp/session.ts';
import { isAuthenticated, type SnmpTarget } from '../snmp/target.ts';
import { DeviceTrack, type Happening } from '../track/device-track.ts';
import type { EventName } from '../events.ts';
import { Questions, UP_TIME, upTicksOf } from './ask.ts';
import type { Beat, Sleep } from './beat.ts';
import type { Gate } from './gate.ts';
import { Pace } from './pace.ts';
import { bootBetween, type Boot, type Life } from './uptime.ts';

/** A device is recognised anew so often: somebody may have plugged a sensor in. */
const RECOGNISE_MS = 3_600_000;
const NUDGE_MS = 1000;
const EVENT_OF = { rebooted: 'rack.device-rebooted', 'set-back': 'rack.device-set-back', replaced: 'rack.device-replaced' } as const satisfies Record<Boot, EventName>;

/** Who waits for what hangs must not keep who answers waiting: so each has a gate of its own. */
export interface Gates {
  readonly answering: Gate;
  readonly recognising: Gate;
  readonly away: Gate;
}

export interface DeviceHooks {
  happened(device: Device, happening: Happening): void;
  say(event: EventName, fields: Fields): void;
}

export class Device {
  readonly name: string;
  readonly target: SnmpTarget;
  readonly #gates: Gates;
  readonly #beat: Beat;
  readonly #hooks: DeviceHooks;
  readonly #track: DeviceTrack;
  readonly #pace: Pace;
  #session: SnmpSession | undefined;
  #known: Discovered | undefined;
  #questions = new Questions([]);
  #knownAt = 0;
  #life: Life | null = null;
  #readings: readonly Reading[] = [];
  #state: RackDevice['state'] = 'starting';
  #failure: { readonly code: string; readonly why: string } | null = null;
  #since = new Date();
  #lookedAt: Date | null = null;
  #tookMs: number | null = null;
  #sleep: Sleep | undefined;
  #nudged = false;
  #lookedMs = -Infinity;
  readonly counts = { looks: 0, failed: 0, unsigned: 0, garbage: 0, foreign: 0, rebooted: 0 };

  constructor(name: string, target: SnmpTarget, facts: { readonly gates: Gates; readonly beat: Beat; readonly hooks: DeviceHooks; readonly calmMs: number; readonly nominalVolts: number | null }) {
    this.name = name;
    this.target = target;
    this.#gates = facts.gates;
    this.#beat = facts.beat;
    this.#hooks = facts.hooks;
    this.#track = new DeviceTrack(facts.nominalVolts);
    this.#pace = new Pace(facts.calmMs);
  }

  get facts(): RackDevice {
    const { address, port, security } = this.target;
    return {
      name: this.name, address, port, security: securityWords(security), authenticated: isAuthenticated(this.target), state: this.#state, code: this.#failure?.code ?? null, why: this.#failure?.why ?? null,
      since: this.#since.toISOString(), profiles: this.#known?.profiles.map(({ name }) => name) ?? [], system: this.#known?.system ?? null, description: this.#known?.description ?? null, engine: this.#life?.engine ?? null,
      lookedAt: this.#lookedAt?.toISOString() ?? null, tookMs: this.#tookMs, intervalMs: this.#pace.intervalMs,
    };
  }

  /** What is looked at each second takes no more than this. */
  get state(): RackDevice['state'] {
    return this.#state;
  }

  /** Those of the last look that was answered. */
  get readings(): readonly Reading[] {
    return this.#readings;
  }

  /** The engine that answered last; null: none did, or it is of v2c. */
  get engine(): RackEngine | null {
    return this.#life?.engine ?? null;
  }

  /** It said something of its own accord: it is looked at now, and more often for a while. */
  nudge(): void {
    if (this.#nudged) return;
    this.#nudged = true;
    // However often it says something, it is asked once in this time.
    const restMs = NUDGE_MS - (performance.now() - this.#lookedMs);
    if (restMs <= 0) this.#sleep?.wake();
    else setTimeout(() => this.#sleep?.wake(), restMs).unref();
  }

  /** Looks again and again until `stop`; the first time after `waitMs`, so that not all are asked at once. */
  async run(stop: AbortSignal, waitMs: number): Promise<void> {
    stop.addEventListener('abort', () => this.#end(), { once: true });
    if (!stop.aborted) await this.#rest(waitMs);
    while (!stop.aborted) {
      const { tookMs, happened } = await this.#gate().pass(() => (stop.aborted ? Promise.resolve({ tookMs: 0, happened: false }) : this.look()));
      const isNudged = this.#nudged;
      [this.#nudged, this.#lookedMs] = [false, performance.now()];
      if (!stop.aborted) await this.#rest(this.#pace.next(performance.now(), tookMs, happened || isNudged));
    }
    for (const happening of this.#track.due(Date.now(), true)) this.#hooks.happened(this, happening);
  }

  async #rest(ms: number): Promise<void> {
    this.#sleep = this.#beat.sleep(ms);
    await this.#sleep.woken;
  }

  #end(): void {
    this.#drop();
    this.#sleep?.wake();
  }

  /** Looks once. Never rejects. */
  async look(): Promise<{ readonly tookMs: number; readonly happened: boolean }> {
    const beganAt = performance.now();
    let happened = false;
    try {
      happened = await this.#ask();
      this.counts.looks += 1;
      happened = this.#back() || happened;
    } catch (error) {
      this.counts.failed += 1;
      this.#away(error as Error & { readonly code?: string; readonly why?: string });
    }
    this.#count();
    this.#tookMs = Math.round(performance.now() - beganAt);
    return { tookMs: this.#tookMs, happened };
  }

  #gate(): Gate {
    if (this.#state === 'away') return this.#gates.away;
    return this.#isKnown() ? this.#gates.answering : this.#gates.recognising;
  }

  #isKnown(): boolean {
    return this.#known !== undefined && performance.now() - this.#knownAt < RECOGNISE_MS;
  }

  async #ask(): Promise<boolean> {
    const session = this.#session ??= new SnmpSession(this.target);
    // Of one that was away a single question tells whether it is there.
    if (this.#state === 'away') await session.get([UP_TIME]);
    if (!this.#isKnown()) await this.#recognise(session);
    const { plan } = this.#known!;
    const found = await this.#questions.ask(session);
    const [at, nowMs] = [performance.now() / 1000, Date.now()];
    const boot = this.#live({ engine: session.engine, upTicks: upTicksOf(found) });
    this.#lookedAt = new Date(nowMs);
    this.#readings = readingsOf(plan, found);
    const happenings = this.#track.take({ at, nowMs, readings: this.#readings, rebooted: boot !== null }, plan);
    for (const happening of happenings) this.#hooks.happened(this, happening);
    return boot !== null || happenings.some(({ isEvent }) => isEvent);
  }

  async #recognise(session: SnmpSession): Promise<void> {
    const known = await discover(session);
    const isNew = this.#known === undefined || this.#known.system !== known.system || this.#known.plan.length !== known.plan.length;
    [this.#known, this.#knownAt, this.#questions] = [known, performance.now(), new Questions([UP_TIME, ...oidsOf(known.plan)])];
    if (!isNew) return;
    const { system, description, profiles, plan } = known;
    const facts = { device: this.name, system, description, profiles: profiles.map(({ name }) => name).join(','), values: plan.length };
    this.#hooks.say(plan.length === 0 ? 'rack.device-unknown' : 'rack.device-understood', facts);
  }

  /** After a boot its rows may be others: it is recognised anew. */
  #live(life: Life): Boot | null {
    const before = this.#life;
    this.#life = life;
    const boot = before === null ? null : bootBetween(before, life);
    if (boot === null) return null;
    this.counts.rebooted += 1;
    this.#knownAt = -Infinity;
    const facts = { device: this.name, engine: life.engine?.id ?? null, engineBefore: before!.engine?.id ?? null, boots: life.engine?.boots ?? null, bootsBefore: before!.engine?.boots ?? null, upSeconds: life.upTicks === null ? null : life.upTicks / 100 };
    this.#tell({ type: 'device', state: boot, ...facts });
    this.#hooks.say(EVENT_OF[boot], facts);
    return boot;
  }

  /** Whether it was away. */
  #back(): boolean {
    if (this.#state === 'answering') return false;
    const wasAway = this.#state === 'away';
    const sinceMs = this.#since.getTime();
    [this.#state, this.#failure, this.#since] = ['answering', null, new Date()];
    const life = this.#life?.engine ?? null;
    this.#tell({ type: 'device', state: 'answering', ...(wasAway ? { awaySince: new Date(sinceMs).toISOString() } : {}), security: securityWords(this.target.security), engine: life?.id ?? null, boots: life?.boots ?? null }, wasAway ? { reason: 'away', on: false } : undefined);
    if (wasAway) this.#hooks.say('rack.device-back', { device: this.name });
    return wasAway;
  }

  #away(error: Error & { readonly code?: string; readonly why?: string }): void {
    const code = error.code ?? 'snmp.garbage';
    if (code === 'snmp.closed') return;
    this.#track.failed(Date.now());
    for (const happening of this.#track.due(Date.now())) this.#hooks.happened(this, happening);
    // A session that lost count of the device's time, or speaks with another engine, begins anew.
    this.#drop();
    const isNew = this.#state !== 'away' || this.#failure?.code !== code;
    this.#failure = { code, why: `${error.message}: ${error.why ?? ''}` };
    if (!isNew) return;
    if (this.#state !== 'away') this.#since = new Date();
    this.#state = 'away';
    this.#tell({ type: 'device', state: 'away', code, why: error.why ?? error.message }, { reason: 'away', on: true });
    this.#hooks.say('rack.device-away', { device: this.name, ...errorFields(error) });
  }

  #tell(told: Happening['told'], lasting?: Happening['lasting']): void {
    this.#hooks.happened(this, { protocol: 'power', told: { ...told, time: new Date().toISOString() }, isEvent: true, ...(lasting === undefined ? {} : { lasting }) });
  }

  #drop(): void {
    this.#count();
    this.#session?.close();
    this.#session = undefined;
  }

  #count(): void {
    const counted = this.#session?.takeCounts();
    if (counted === undefined) return;
    this.counts.unsigned += counted.forged;
    this.counts.garbage += counted.garbage;
    this.counts.foreign += counted.foreign;
  }
}
