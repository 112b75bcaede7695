// SPDX-License-Identifier: Apache-2.0
// From what a device has to which objects are asked for, each with how its value is understood. Made once for a device; a poll
// then asks for just those objects.
import { textOf, type Answer } from '../snmp/value.ts';
import { UNITS, type Part, type Profile, type Quantity, type Reading, type Table, type TypedTable, type Words } from './profile.ts';

/** Of one device: more is not looked at every few seconds. */
export const PLANNED_MAX = 2048;
const LABEL_CHARACTERS_MAX = 64;
const DIGITS_MAX = 12;

/** How one object is understood. */
export interface Planned {
  readonly quantity: Quantity;
  readonly of: Part;
  readonly place: string;
  readonly label: string | null;
  readonly oid: string;
  readonly factor: number;
  readonly shift: number;
  readonly absent: readonly number[];
  readonly positive: boolean;
  /** Of an object that is a state itself. */
  readonly words: Words | null;
  readonly state: { readonly oid: string; readonly words: Words } | null;
  readonly present: { readonly oid: string; readonly when: readonly number[] } | null;
}

/** States in which what a device gives as the value is none: RFC 3433 has it ignored, others give 0 or what was there last. */
const VALUELESS: ReadonlySet<string> = new Set(['absent', 'unavailable', 'nonoperational', 'lost', 'read-error', 'unreachable']);

export type Found = ReadonlyMap<string, Answer['value']>;

/** What a profile must be given to plan: everything below these is walked. */
export function rootsOf({ tables, typed, fahrenheit }: Profile): string[] {
  return [...new Set([
    ...tables.flatMap((table) => [...columnsOf(table), ...(table.label === undefined ? [] : [`${table.labelEntry ?? table.entry}.${table.label}`])]),
    ...typed.flatMap(({ value, state, kind, digits, scale, units, label }) => [value, state?.column, kind === 'index' ? undefined : kind, digits, scale?.column, units?.column, label?.column]),
    fahrenheit?.column,
  ].filter((root) => root !== undefined))];
}

/** In the profile's order, at most {@link PLANNED_MAX}. */
export function planOf(profile: Profile, found: Found): Planned[] {
  const fahrenheit = isFahrenheit(profile, found);
  const byColumn = Map.groupBy(found.keys(), columnOf);
  const plain = profile.tables.flatMap((table) => table.columns.flatMap((column) => {
    const oid = `${table.entry}.${column.id}`;
    return indexesBelow(oid, found, byColumn).map((index) => plannedOf(profile, table, column, index, found, fahrenheit));
  }));
  const typed = profile.typed.flatMap((table) => indexesBelow(table.value, found, byColumn).flatMap((index) => typedOf(profile, table, index, found) ?? []));
  return [...plain, ...typed].slice(0, PLANNED_MAX);
}

/** The objects that a poll asks for. */
export function oidsOf(plan: readonly Planned[]): string[] {
  return [...new Set(plan.flatMap(({ oid, state, present }) => [oid, ...(state === null ? [] : [state.oid]), ...(present === null ? [] : [present.oid])]))];
}

/** What the answers say; objects that are gone, or have no value, are left out. */
export function readingsOf(plan: readonly Planned[], found: Found): Reading[] {
  return plan.flatMap((planned) => readingOf(planned, found) ?? []);
}

function readingOf({ quantity, of, place, label, oid, factor, shift, absent, positive, words, state, present }: Planned, found: Found): Reading | null {
  if (present !== null && !isPresent(present, found)) return null;
  const raw = numberOf(found.get(oid));
  const told = state === null ? null : numberOf(found.get(state.oid));
  const unit = UNITS[quantity];
  if (words !== null) {
    const word = Object.keys(words).length === 0 && told !== null ? state!.words[told] : raw === null ? undefined : words[raw];
    return word === undefined ? null : { quantity, of, place, label, unit, oid, value: null, state: word };
  }
  if (raw === null || absent.includes(raw) || (positive && raw < 0)) return null;
  const said = told === null ? null : state!.words[told] ?? `unknown-${told}`;
  const value = Number.isInteger(factor) && shift === 0 ? raw * factor : rounded(raw * factor + shift);
  return { quantity, of, place, label, unit, oid, value: said !== null && VALUELESS.has(said) ? null : value, state: said };
}

function isPresent({ oid, when }: NonNullable<Planned['present']>, found: Found): boolean {
  const told = numberOf(found.get(oid));
  return told === null || when.includes(told);
}

/** Twelve digits: what multiplying by a tenth adds behind them is none of the device's. */
function rounded(value: number): number {
  return Number(value.toPrecision(12));
}

function plannedOf(profile: Profile, table: Table, column: Table['columns'][number], index: string, found: Found, fahrenheit: boolean): Planned {
  const { entry, of, phase, prefix = '', present } = table;
  const named = phase === undefined ? undefined : phase.words[numberOf(found.get(`${entry}.${phase.id}.${index}`)) ?? NaN];
  const hot = fahrenheit && column.quantity === 'temperature';
  return {
    quantity: column.quantity, of, place: named ?? prefix + index, label: table.label === undefined ? null : labelOf(found.get(`${table.labelEntry ?? entry}.${table.label}.${index}`)),
    oid: `${entry}.${column.id}.${index}`, factor: (column.factor ?? 1) * (hot ? 5 / 9 : 1), shift: hot ? -160 / 9 : 0, absent: column.absent ?? profile.absent, positive: column.positive ?? false,
    words: column.words ?? null,
    state: column.state === undefined ? null : { oid: `${entry}.${column.state.id}.${index}`, words: column.state.words },
    present: present === undefined ? null : { oid: `${entry}.${present.id}.${index}`, when: present.when },
  };
}

function typedOf(profile: Profile, table: TypedTable, index: string, found: Found): Planned | null {
  const { of, value, state, kind, kinds, digits, scale, units, label } = table;
  const at = index.lastIndexOf('.');
  const type = kind === 'index' ? Number(index.slice(at + 1)) : numberOf(found.get(`${kind}.${index}`));
  const known = type === null ? undefined : kinds[type];
  const places = numberOf(found.get(`${digits}.${index}`)) ?? 0;
  if (known === undefined || Math.abs(places) > DIGITS_MAX) return null;
  const exponent = scale === undefined ? 0 : scale.exponents[numberOf(found.get(`${scale.column}.${index}`)) ?? 9] ?? 0;
  const hot = units !== undefined && known.quantity === 'temperature' && units.others[numberOf(found.get(`${units.column}.${index}`)) ?? NaN] === 'fahrenheit';
  const place = kind === 'index' ? index.slice(0, at) : index;
  return {
    quantity: known.quantity, of, place: place + (known.suffix ?? ''), label: label === undefined ? null : labelOf(found.get(`${label.column}.${label.withoutLast === true ? place : index}`)), oid: `${value}.${index}`,
    factor: 10 ** (exponent - places) * (known.factor ?? 1) * (hot ? 5 / 9 : 1), shift: hot ? -160 / 9 : 0, absent: profile.absent, positive: false, words: known.words ?? null,
    state: state === undefined ? null : { oid: `${state.column}.${index}`, words: state.words }, present: null,
  };
}

function isFahrenheit({ fahrenheit }: Profile, found: Found): boolean {
  return fahrenheit !== undefined && found.entries().some(([oid, value]) => oid.startsWith(`${fahrenheit.column}.`) && numberOf(value) === fahrenheit.value);
}

function columnsOf({ entry, columns, phase, present }: Table): string[] {
  return [...columns.flatMap(({ id, state }) => (state === undefined ? [id] : [id, state.id])), ...(phase === undefined ? [] : [phase.id]), ...(present === undefined ? [] : [present.id])].map((id) => `${entry}.${id}`);
}

function columnOf(oid: string): string {
  return oid.slice(0, oid.lastIndexOf('.'));
}

/** Indexes have one to four parts. */
function indexesBelow(column: string, found: Found, byColumn: ReadonlyMap<string, readonly string[]>): string[] {
  const short = byColumn.get(column)?.map((oid) => oid.slice(column.length + 1)) ?? [];
  const long = [...byColumn].flatMap(([parent, oids]) => (parent.startsWith(`${column}.`) ? oids.map((oid) => oid.slice(column.length + 1)) : []));
  return [...short, ...long].filter((index) => found.get(`${column}.${index}`) !== null && index.split('.').length <= 4);
}

function labelOf(value: Answer['value'] | undefined): string | null {
  return value === undefined ? null : textOf(value, LABEL_CHARACTERS_MAX) || null;
}

function numberOf(value: Answer['value'] | undefined): number | null {
  if (typeof value === 'bigint') return Number(value);
  return typeof value === 'number' ? value : null;
}
