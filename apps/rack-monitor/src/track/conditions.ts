// SPDX-License-Identifier: Apache-2.0
// Conditions that last: frequency, unbalance, load and power factor beyond their limits, and what a device itself finds to be
// beyond the limits that are set on it.
import { FREQUENCY_HZ, isBeyond, nominalFrequency, UNBALANCE, unbalanceOf, type Limit } from '../power/balance.ts';
import type { Quantity, Reading } from '../profiles/profile.ts';
import { placeWords } from './places.ts';

/** Of what a source may give at the most, and how far the power factor of one may fall. */
const LOAD_PERCENT: Limit = { limit: 80, hysteresis: 5 };
const POWER_FACTOR_SHORT: Limit = { limit: 0.2, hysteresis: 0.02 };
/** Words of devices for a value that is as it should be, or of which nothing is known. */
const IN_ORDER = ['normal', 'low', 'unknown', 'absent', 'unavailable', 'disabled', 'closed', 'on', 'reading', 'settling', 'open', 'off'];
/** Where a source gives power; a battery's frequency or an outlet's power factor tells nothing of the mains. */
const SUPPLY: readonly Reading['of'][] = ['device', 'input', 'phase', 'output'];

export interface Condition {
  /** Of what it is; null: of several. Told by its place. */
  readonly oid: string | null;
  readonly type: 'frequency' | 'unbalance' | 'load' | 'power-factor' | 'limit';
  readonly what: 'began' | 'ended';
  readonly place: string;
  readonly value: number;
  readonly nominal?: number;
  readonly limit?: number;
  readonly quantity?: Quantity;
  /** The device's own word. */
  readonly state?: string | null;
}

interface Wish {
  readonly key: string;
  readonly distance: number;
  readonly limit: Limit;
  readonly told: Omit<Condition, 'what'>;
}

export class Conditions {
  /** By key, with what it is of. */
  readonly #beyond = new Map<string, string | null>();

  take(readings: readonly Reading[], nominalOf: (reading: Reading) => number | null): Condition[] {
    const supply = readings.filter(({ of, value }) => SUPPLY.includes(of) && value !== null);
    const wishes = [...supply.flatMap(ownLimit), ...unbalances(supply, nominalOf)];
    return [...wishes.flatMap((wish) => this.#judge(wish)), ...readings.flatMap((reading) => this.#word(reading))];
  }

  /** What is no longer there is forgotten, and what is of several judged anew. */
  keep(oids: ReadonlySet<string>): void {
    for (const [key, oid] of this.#beyond) if (oid === null || !oids.has(oid)) this.#beyond.delete(key);
  }

  #judge({ key, distance, limit, told }: Wish): Condition[] {
    return this.#turn(key, isBeyond(distance, this.#beyond.has(key), limit), told);
  }

  /** What the device says of a value, by limits that somebody set on it. */
  #word(reading: Reading): Condition[] {
    const { oid, quantity, value, state } = reading;
    if (value === null || state === null) return [];
    return this.#turn(`word ${oid}`, !IN_ORDER.includes(state) && !state.startsWith('unknown'), { oid, type: 'limit', quantity, place: placeWords(reading), value, state });
  }

  #turn(key: string, isOut: boolean, told: Omit<Condition, 'what'>): Condition[] {
    if (isOut === this.#beyond.has(key)) return [];
    if (isOut) this.#beyond.set(key, told.oid);
    else this.#beyond.delete(key);
    const { oid, type, ...rest } = told;
    return [{ oid, type, what: isOut ? 'began' : 'ended', ...rest }];
  }
}

function ownLimit(reading: Reading): Wish[] {
  const value = reading.value!;
  const place = placeWords(reading);
  if (reading.quantity === 'frequency' && value > 0) {
    const nominal = nominalFrequency(value);
    return [{ key: `frequency ${reading.oid}`, distance: Math.abs(value - nominal), limit: FREQUENCY_HZ, told: { oid: reading.oid, type: 'frequency', place, value, nominal, limit: FREQUENCY_HZ.limit } }];
  }
  if (reading.quantity === 'load') return [{ key: `load ${reading.oid}`, distance: value, limit: LOAD_PERCENT, told: { oid: reading.oid, type: 'load', place, value, limit: LOAD_PERCENT.limit } }];
  // No load has no power factor worth the name.
  if (reading.quantity === 'powerFactor' && value !== 0) {
    return [{ key: `power-factor ${reading.oid}`, distance: 1 - Math.abs(value), limit: POWER_FACTOR_SHORT, told: { oid: reading.oid, type: 'power-factor', place, value, limit: 1 - POWER_FACTOR_SHORT.limit } }];
  }
  return [];
}

/** Of phases with the same nominal voltage: those against neutral, and those against each other, by themselves. */
function unbalances(supply: readonly Reading[], nominalOf: (reading: Reading) => number | null): Wish[] {
  const phases = supply.filter(({ quantity, of }) => quantity === 'voltage' && of === 'phase');
  return [...Map.groupBy(phases, nominalOf)].flatMap(([nominal, group]) => {
    const share = nominal === null ? null : unbalanceOf(group.map(({ value }) => value!));
    if (share === null) return [];
    return [{ key: `unbalance ${nominal}`, distance: share, limit: UNBALANCE, told: { oid: null, type: 'unbalance' as const, place: `${group.length} phases`, value: Number(share.toPrecision(4)), nominal: nominal!, limit: UNBALANCE.limit } }];
  });
}
