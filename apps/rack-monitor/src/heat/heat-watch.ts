// SPDX-License-Identifier: Apache-2.0
// What is told of temperatures: a minute's least, mean and most, warnings before a trip point, trips, and throttling.
import type { RackHeat, RackZone, TripWarning } from '@strongroom/service';
import { Minutes } from '../track/minutes.ts';
import type { Reading } from '../profiles/profile.ts';
import type { Happening } from '../track/device-track.ts';
import { HeatTrend } from './trend.ts';

/** A warning is over when so many looks on end find nothing to warn of. */
const QUIET_LOOKS = 12;

interface Followed {
  readonly kind: string;
  readonly trend: HeatTrend;
  /** What was told of it: the trip point, and whether it is passed. */
  told: { readonly trip: string; readonly isPassed: boolean } | null;
  quiet: number;
}

export class HeatWatch {
  readonly #zones = new Map<string, Followed>();
  readonly #minutes = new Minutes();
  readonly #device: string | null;
  #throttled: RackHeat['throttled'] = null;
  #isFirst = true;
  #warnings: readonly TripWarning[] = [];

  /** `device`: whose probes these are; null: this machine's own. */
  constructor(device: string | null = null) {
    this.#device = device;
  }

  /** As of the last look. */
  get warnings(): readonly TripWarning[] {
    return this.#warnings;
  }

  /** `at`: seconds, monotonic. */
  take(at: number, nowMs: number, { zones, throttled }: RackHeat): Happening[] {
    this.#warnings = [];
    const happenings = [...this.#gone(nowMs, zones), ...zones.flatMap((zone) => this.#follow(at, nowMs, zone))];
    if (this.#device !== null) return happenings;
    this.#minutes.take(zones.flatMap(readingOf), nowMs);
    const slowed = this.#throttling(nowMs, throttled);
    const minutes = this.due(nowMs, this.#isFirst);
    this.#isFirst = false;
    return [...happenings, ...slowed, ...minutes];
  }

  due(nowMs: number, now = false): Happening[] {
    return this.#minutes.due(nowMs, now).map((told) => ({ protocol: 'heat', told: { ...told }, isEvent: false }));
  }

  #follow(at: number, nowMs: number, zone: RackZone): Happening[] {
    let followed = this.#zones.get(zone.id);
    if (followed === undefined) this.#zones.set(zone.id, followed = { kind: zone.kind, trend: new HeatTrend(), told: null, quiet: 0 });
    const warning = followed.trend.take(at, zone);
    if (warning !== null) this.#warnings = [...this.#warnings, warning];
    if (warning === null) return this.#quieter(followed, nowMs, zone);
    const told = { trip: warning.trip.kind, isPassed: warning.seconds === 0 };
    const before = followed.told;
    followed.quiet = 0;
    if (before !== null && before.trip === told.trip && before.isPassed === told.isPassed) return [];
    followed.told = told;
    return [...(before === null ? [] : [this.#ended(nowMs, zone, before)]), this.#began(nowMs, warning)];
  }

  /** A sensor that is there no more warns of nothing, after a while, and is forgotten. */
  #gone(nowMs: number, zones: readonly RackZone[]): Happening[] {
    if (this.#zones.size === 0) return [];
    const there = new Set(zones.map(({ id }) => id));
    return [...this.#zones].filter(([id]) => !there.has(id)).flatMap(([id, followed]) => {
      const over = this.#quieter(followed, nowMs, { id, kind: followed.kind, celsius: null, trips: [] });
      if (followed.told === null) this.#zones.delete(id);
      return over;
    });
  }

  #quieter(followed: Followed, nowMs: number, zone: RackZone): Happening[] {
    const { told } = followed;
    if (told === null || (followed.quiet += 1) < QUIET_LOOKS) return [];
    followed.told = null;
    return [this.#ended(nowMs, zone, told)];
  }

  #began(nowMs: number, { zone, kind, celsius, trip, celsiusPerMinute, seconds }: TripWarning): Happening {
    const isPassed = seconds === 0;
    const facts = { zone, kind, celsius, trip: trip.kind, tripCelsius: trip.celsius, celsiusPerMinute: Number(celsiusPerMinute.toFixed(3)), ...(isPassed ? {} : { inSeconds: Math.round(seconds) }) };
    return this.#happening(nowMs, isPassed ? 'tripped' : 'trend', 'began', zone, trip.kind, facts);
  }

  #ended(nowMs: number, { id, kind, celsius }: RackZone, told: { readonly trip: string; readonly isPassed: boolean }): Happening {
    return this.#happening(nowMs, told.isPassed ? 'tripped' : 'trend', 'ended', id, told.trip, { zone: id, kind, celsius, trip: told.trip });
  }

  #happening(nowMs: number, type: 'tripped' | 'trend', what: 'began' | 'ended', zone: string, trip: string, facts: Readonly<Record<string, unknown>>): Happening {
    const device = this.#device === null ? {} : { device: this.#device };
    const words = type === 'tripped' ? `at or above "${trip}"` : `rising towards "${trip}"`;
    return { protocol: 'heat', told: { type, what, time: new Date(nowMs).toISOString(), ...device, ...facts }, isEvent: true, lasting: { reason: `${zone} ${words}`, on: what === 'began' } };
  }

  /** Counters count from the boot, and this service may begin later. */
  #throttling(nowMs: number, throttled: RackHeat['throttled']): Happening[] {
    const before = this.#throttled;
    this.#throttled = throttled;
    if (before === null || throttled === null) return [];
    const [core, whole] = [throttled.core - before.core, throttled.package - before.package];
    if (core <= 0 && whole <= 0) return [];
    return [{ protocol: 'heat', told: { type: 'throttled', time: new Date(nowMs).toISOString(), core, package: whole }, isEvent: true }];
  }
}

function readingOf({ id, kind, celsius }: RackZone): Reading[] {
  return celsius === null ? [] : [{ quantity: 'temperature', of: 'sensor', place: id, label: kind, value: celsius, unit: '°C', state: null, oid: id }];
}

/** Temperature probes of a device, each with the one limit that the configuration sets. */
export function probesOf(readings: readonly Reading[], limitCelsius: number): RackHeat {
  const probes = readings.filter(({ quantity, of, value }) => quantity === 'temperature' && of === 'sensor' && value !== null);
  return { throttled: null, zones: probes.map(({ place, label, value }) => ({ id: `sensor ${place}`, kind: label ?? 'probe', celsius: value, trips: [{ kind: 'limit', celsius: limitCelsius }] })) };
}
