// SPDX-License-Identifier: Apache-2.0
// The voltages of one device: what each should be, and what befalls it.
import { IEEE_1159 } from '../power/thresholds.ts';
import { VoltageWatch, type VoltageEvent } from '../power/voltage.ts';
import type { Reading } from '../profiles/profile.ts';
import { placeFields } from './places.ts';

/** Usual ones, IEC 60038 and ANSI C84.1, and what comes of them between phases. */
const USUAL = [100, 110, 120, 127, 200, 208, 220, 230, 240, 277, 347, 380, 400, 415, 440, 480, 600, 690];
/** Below, nothing says what it should be. */
const VOLTS_MIN = 80;
const WATCHED: readonly Reading['of'][] = ['input', 'phase', 'output', 'outlet', 'device'];

export interface VoltageTold {
  /** Of what it is; told by its place. */
  readonly oid: string;
  readonly type: VoltageEvent['condition'];
  readonly what: 'began' | 'ended';
  readonly nominal: number;
  /** The lowest or highest that was read. */
  readonly extreme: number;
  readonly from: string;
  readonly notBefore: string | null;
  readonly to: string;
  readonly notAfter: string | null;
  readonly atLeastSeconds: number;
  readonly atMostSeconds: number | null;
  readonly duration: string;
  readonly iti: string;
}

export class Voltages {
  readonly #given: number | null;
  readonly #watches = new Map<string, { readonly watch: VoltageWatch; readonly nominal: number }>();

  constructor(nominal: number | null) {
    this.#given = nominal;
  }

  /** What a voltage should be; null until one was read that tells. */
  nominalOf({ oid }: Pick<Reading, 'oid'>): number | null {
    return this.#watches.get(oid)?.nominal ?? null;
  }

  /** `at`: seconds, monotonic; `nowMs`: the wall clock then. */
  take(readings: readonly Reading[], at: number, nowMs: number): VoltageTold[] {
    return readings.filter(({ quantity, of, value }) => quantity === 'voltage' && WATCHED.includes(of) && value !== null).flatMap((reading) => {
      const one = this.#watchOf(reading);
      if (one === null) return [];
      const { began, ended } = one.watch.take({ at, volts: reading.value! });
      const iso = (seconds: number | null): string | null => (seconds === null ? null : new Date(nowMs - (at - seconds) * 1000).toISOString());
      const told = (what: VoltageTold['what'], event: VoltageEvent): VoltageTold => ({
        oid: reading.oid, type: event.condition, what, ...placeFields(reading), nominal: one.nominal, extreme: event.extreme, from: iso(event.from)!, notBefore: iso(event.notBefore), to: iso(event.to)!,
        notAfter: iso(event.notAfter), atLeastSeconds: rounded(event.atLeastSeconds), atMostSeconds: event.atMostSeconds === null ? null : rounded(event.atMostSeconds), duration: event.duration, iti: event.atLeast,
      });
      return [...(ended === null ? [] : [told('ended', ended)]), ...(began === null ? [] : [told('began', began)])];
    });
  }

  /** What is no longer there is forgotten. */
  keep(oids: ReadonlySet<string>): void {
    for (const oid of this.#watches.keys()) if (!oids.has(oid)) this.#watches.delete(oid);
  }

  #watchOf({ oid, value }: Reading): { readonly watch: VoltageWatch; readonly nominal: number } | null {
    const known = this.#watches.get(oid);
    if (known !== undefined) return known;
    if (value! < VOLTS_MIN) return null;
    const nominal = nominalOf(value!, this.#given);
    const one = { nominal, watch: new VoltageWatch({ ...IEEE_1159, nominal }) };
    this.#watches.set(oid, one);
    return one;
  }
}

/** What is given is that of a phase against neutral, or between phases: √3 apart. */
function nominalOf(volts: number, given: number | null): number {
  const usual = given === null ? USUAL : [given, given * Math.sqrt(3), given / Math.sqrt(3)];
  return Math.round(usual.reduce((best, one) => (Math.abs(one - volts) < Math.abs(best - volts) ? one : best)));
}

function rounded(seconds: number): number {
  return Number(seconds.toFixed(3));
}
