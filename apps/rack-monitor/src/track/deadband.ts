// SPDX-License-Identifier: Apache-2.0
// Which changes are told at once: those larger than what a value wavers by.
import type { Quantity, Reading } from '../profiles/profile.ts';
import { placeFields } from './places.ts';

interface Band {
  /** Of the value that was told last, and at the least, in its unit. */
  readonly share: number;
  readonly least: number;
}

const BANDS: Readonly<Partial<Record<Quantity, Band>>> = {
  voltage: { share: 0.02, least: 1 }, current: { share: 0.2, least: 0.5 }, activePower: { share: 0.2, least: 50 }, apparentPower: { share: 0.2, least: 50 }, powerFactor: { share: 0, least: 0.05 },
  frequency: { share: 0, least: 0.05 }, load: { share: 0, least: 5 }, unbalance: { share: 0, least: 1 }, temperature: { share: 0, least: 1 }, humidity: { share: 0, least: 5 }, charge: { share: 0, least: 5 },
};
/** Of one look at a device, beyond which the minute's least and most must do. */
const CHANGES_MAX = 64;

export class Deadband {
  readonly #told = new Map<string, number>();

  /** What is no longer there is forgotten. */
  keep(oids: ReadonlySet<string>): void {
    for (const oid of this.#told.keys()) if (!oids.has(oid)) this.#told.delete(oid);
  }

  /** Changes since what was told last; the first value of each is what the first minute tells. */
  take(readings: readonly Reading[]): { readonly type: 'change'; readonly from: number; readonly to: number }[] {
    return readings.flatMap((reading) => {
      const band = BANDS[reading.quantity];
      if (band === undefined || reading.value === null) return [];
      const from = this.#told.get(reading.oid);
      if (from !== undefined && Math.abs(reading.value - from) <= Math.max(band.least, band.share * Math.abs(from))) return [];
      this.#told.set(reading.oid, reading.value);
      return from === undefined ? [] : [{ type: 'change' as const, ...placeFields(reading), from, to: reading.value }];
    }).slice(0, CHANGES_MAX);
  }
}
