// SPDX-License-Identifier: Apache-2.0
// All that is told of one device's readings. Pure: the same readings at the same times tell the same.
import { grownBy, stateChanges } from '../power/changes.ts';
import type { Reading } from '../profiles/profile.ts';
import type { Planned } from '../profiles/plan.ts';
import type { Told } from '../records.ts';
import { Conditions, type Condition } from './conditions.ts';
import { Deadband } from './deadband.ts';
import { Minutes } from './minutes.ts';
import { isHeat, placeWords } from './places.ts';
import { Voltages, type VoltageTold } from './voltages.ts';

/** A record, and what it means for incidents and the pace. */
export interface Happening {
  readonly protocol: 'power' | 'heat';
  readonly told: Told;
  /** Out of the ordinary: sealed at once, and looked at more often. */
  readonly isEvent: boolean;
  /** What lasts from now on, or no longer. */
  readonly lasting?: { readonly reason: string; readonly on: boolean };
}

export interface Look {
  /** Seconds, monotonic, and the wall clock then. */
  readonly at: number;
  readonly nowMs: number;
  readonly readings: readonly Reading[];
  /** It booted since the look before: counters began anew. */
  readonly rebooted: boolean;
}

/** States that last as trouble. */
const TROUBLE: Readonly<Record<string, readonly string[]>> = { breaker: ['open'], supply: ['battery', 'none'], battery: ['low', 'depleted'] };

export class DeviceTrack {
  readonly #voltages: Voltages;
  readonly #conditions = new Conditions();
  readonly #deadband = new Deadband();
  readonly #minutes = { power: new Minutes(), heat: new Minutes() };
  readonly #energies = new Map<string, number>();
  /** What lasts: the words by which it began, which a new label does not change, and what it is of. */
  readonly #lasting = new Map<string, { readonly reason: string; readonly oid: string | null }>();
  #plan: readonly Planned[] | null = null;
  #before: readonly Reading[] = [];
  #isFirst = true;

  constructor(nominalVolts: number | null) {
    this.#voltages = new Voltages(nominalVolts);
  }

  /** Counters are wrapped in what the device counts, which `plan` tells. */
  take({ at, nowMs, readings, rebooted }: Look, plan: readonly Planned[]): Happening[] {
    const grown = this.#growth(readings, plan, rebooted);
    const [heat, power] = [readings.filter(isHeat), readings.filter((reading) => !isHeat(reading))];
    this.#minutes.power.take(power, nowMs, grown);
    if (heat.length > 0) this.#minutes.heat.take(heat, nowMs);
    const happenings: Happening[] = [
      ...(plan === this.#plan ? [] : this.#keep(plan, readings)),
      ...this.#voltages.take(power, at, nowMs).map((told) => this.#lasts(told)),
      ...this.#conditions.take(readings, (reading) => this.#voltages.nominalOf(reading)).map((told) => this.#lasts(told)),
      ...this.#states(readings),
      ...this.#deadband.take(readings).map((told) => ({ protocol: isHeat(told as unknown as Reading) ? 'heat' as const : 'power' as const, told, isEvent: false })),
    ];
    const time = new Date(nowMs).toISOString();
    const minutes = this.due(nowMs, this.#isFirst);
    [this.#before, this.#isFirst] = [readings, false];
    return [...happenings.map(({ told: { type, ...rest }, ...happening }) => ({ ...happening, told: { type, time, ...rest } })), ...minutes];
  }

  failed(nowMs: number): void {
    this.#minutes.power.failed(nowMs);
  }

  /** Minutes that are over. */
  due(nowMs: number, now = false): Happening[] {
    return (['power', 'heat'] as const).flatMap((protocol) => this.#minutes[protocol].due(nowMs, now).map((told) => ({ protocol, told: { ...told }, isEvent: false })));
  }

  /** A device that has other parts than before must neither fill our memory nor leave open what befell those that are gone. */
  #keep(plan: readonly Planned[], readings: readonly Reading[]): Happening[] {
    const before = new Set(this.#plan?.map(({ oid }) => oid));
    this.#plan = plan;
    // It is recognised each hour, and mostly as what it was.
    if (plan.length === before.size && plan.every(({ oid }) => before.has(oid))) return [];
    const oids = new Set([...plan, ...readings].map(({ oid }) => oid));
    for (const one of [this.#voltages, this.#conditions, this.#deadband]) one.keep(oids);
    for (const oid of this.#energies.keys()) if (!oids.has(oid)) this.#energies.delete(oid);
    return [...this.#lasting].filter(([, { oid }]) => oid === null || !oids.has(oid)).map(([key, { reason }]) => {
      this.#lasting.delete(key);
      return { protocol: 'power', told: { type: 'gone', reason }, isEvent: true, lasting: { reason, on: false } };
    });
  }

  #states(readings: readonly Reading[]): Happening[] {
    return stateChanges(this.#before, readings).map(({ oid, ...change }) => {
      const trouble = TROUBLE[change.quantity];
      const told = { type: change.quantity === 'switch' ? 'switched' : change.quantity, ...change };
      const reason = `${change.quantity} of ${placeWords(change)}`;
      const facts = { protocol: isHeat(change) ? 'heat' as const : 'power' as const, told, isEvent: true };
      return trouble === undefined ? facts : { ...facts, lasting: this.#last(`${change.quantity} ${oid}`, oid, reason, trouble.includes(change.to)) };
    });
  }

  #lasts({ oid, ...told }: (VoltageTold & { readonly place?: string }) | Condition): Happening {
    const isWarm = told.type === 'limit' && isHeat(told as unknown as Reading);
    const what = told.type === 'limit' ? `${told.quantity} beyond its limit` : told.type;
    const where = 'of' in told ? placeWords(told as unknown as Reading) : String(told.place);
    return { protocol: isWarm ? 'heat' : 'power', told, isEvent: true, lasting: this.#last(`${what} ${oid ?? where}`, oid, `${what}: ${where}`, told.what === 'began') };
  }

  #last(key: string, oid: string | null, reason: string, on: boolean): NonNullable<Happening['lasting']> {
    const known = this.#lasting.get(key);
    if (on) this.#lasting.set(key, { reason: known?.reason ?? reason, oid });
    else this.#lasting.delete(key);
    return { reason: known?.reason ?? reason, on };
  }

  #growth(readings: readonly Reading[], plan: readonly Planned[], rebooted: boolean): Map<string, number | null> {
    const factors = new Map(plan.filter(({ quantity }) => quantity === 'energy').map(({ oid, factor }) => [oid, factor]));
    const grown = new Map<string, number | null>();
    for (const { oid, value } of readings) {
      const factor = factors.get(oid);
      if (factor === undefined || value === null) continue;
      const counted = Math.round(value / factor);
      const before = this.#energies.get(oid);
      this.#energies.set(oid, counted);
      if (before === undefined) continue;
      const by = grownBy(before, counted, rebooted);
      grown.set(oid, by === null ? null : by * factor);
    }
    return grown;
  }
}
