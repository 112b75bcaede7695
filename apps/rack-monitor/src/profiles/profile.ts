// SPDX-License-Identifier: Apache-2.0
// What a profile is: data that says which objects of a family of devices mean what. Values come out in SI units (and °C, %).
import type { RackReading } from '@strongroom/service';

/** Each has one unit, in which every device's values come out. Those without one are told by their state alone. */
export const UNITS = {
  voltage: 'V', current: 'A', activePower: 'W', apparentPower: 'VA', powerFactor: '1', frequency: 'Hz', energy: 'J', load: '%', unbalance: '%', crestFactor: '1', phaseAngle: '°',
  temperature: '°C', humidity: '%', airFlow: 'm/s', pressure: 'Pa', rotation: '1/min', charge: '%', duration: 's', count: '1',
  breaker: '', switch: '', supply: '', battery: '', presence: '',
} as const;
export type Quantity = keyof typeof UNITS;
/** What a reading is of. */
export type Part = 'device' | 'input' | 'phase' | 'output' | 'bypass' | 'bank' | 'breaker' | 'outlet' | 'sensor' | 'battery';

/** Words of ours for a device's numbers. */
export type Words = Readonly<Record<number, string>>;

export interface Column {
  /** Its number below the entry. */
  readonly id: number;
  readonly quantity: Quantity;
  /** What one unit of the device's is in ours. Left out, where `words` say it all. */
  readonly factor?: number;
  readonly words?: Words;
  /** Below zero it means: none. */
  readonly positive?: true;
  /** Values that mean: none, in place of the profile's. */
  readonly absent?: readonly number[];
  /** The column that tells the state of this one. */
  readonly state?: { readonly id: number; readonly words: Words };
}

/** Objects `<entry>.<column>.<index>`; scalars are a table with the index 0. */
export interface Table {
  readonly of: Part;
  readonly entry: string;
  readonly columns: readonly Column[];
  /** The column with the name that somebody gave it; `labelEntry`, where that is in another table of the same index. */
  readonly label?: number;
  readonly labelEntry?: string;
  /** Before the index, where several tables number parts of one kind, each from 1. */
  readonly prefix?: string;
  /** The column that tells whether the part is there: what stands in the row of one that is not is no value. Where it does not answer, it is. */
  readonly present?: { readonly id: number; readonly when: readonly number[] };
  /** The column that tells which phase it is; else the index does. */
  readonly phase?: { readonly id: number; readonly words: Words };
}

/** A table whose rows say themselves what they measure. */
export interface TypedTable {
  readonly of: Part;
  readonly value: string;
  readonly state?: { readonly column: string; readonly words: Words };
  /** A column, or the last number of the index. */
  readonly kind: string | 'index';
  /** `suffix`: behind the place, where a part has two of one quantity. */
  readonly kinds: Readonly<Record<number, { readonly quantity: Quantity; readonly factor?: number; readonly words?: Words; readonly suffix?: string }>>;
  /** How many digits stand behind the point. */
  readonly digits: string;
  /** Powers of ten by their number (RFC 3433), or units that are not the kind's usual one. */
  readonly scale?: { readonly column: string; readonly exponents: Readonly<Record<number, number>> };
  readonly units?: { readonly column: string; readonly others: Readonly<Record<number, 'fahrenheit'>> };
  readonly label?: { readonly column: string; readonly withoutLast?: boolean };
}

export interface Profile {
  readonly name: string;
  readonly title: string;
  /** The MIB and its revision that this was read from. */
  readonly source: string;
  /** Beginnings of sysObjectID, each a whole number of parts. */
  readonly systems: readonly string[];
  /** Where something answers below this, the profile fits whatever sysObjectID is. */
  readonly root: string;
  readonly tables: readonly Table[];
  readonly typed: readonly TypedTable[];
  /** Temperatures are in °F where an object below `column` has this value. */
  readonly fahrenheit?: { readonly column: string; readonly value: number };
  /** Values that mean: none. */
  readonly absent: readonly number[];
  /** What the MIB has and we don't take, and why. */
  readonly left: string;
}

export interface Reading extends RackReading {
  readonly quantity: Quantity;
  readonly of: Part;
}
