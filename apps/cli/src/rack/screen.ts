// SPDX-License-Identifier: Apache-2.0
// What rack-monitor and its probe say, as tables.
import type { ProbedDevice, RackAnswer, RackDevice, RackReading, RackZone } from '@strongroom/service/client';
import type { Style } from '../io.ts';
import { printable } from '../printable.ts';
import { duration, some } from '../quantity.ts';
import { factLines, tableLines } from '../table.ts';
import { ageMs } from '../time.ts';

const DEVICE_COLUMNS = [{ title: 'DEVICE' }, { title: 'ADDRESS' }, { title: 'STATE' }, { title: 'PROFILE' }, { title: 'SECURITY' }, { title: 'LOOKED AT' }] as const;
const READING_COLUMNS = [{ title: 'OF' }, { title: 'NAME' }, { title: 'QUANTITY' }, { title: 'VALUE', align: 'right' }, { title: 'STATE' }] as const;
const ZONE_COLUMNS = [{ title: 'TEMPERATURE' }, { title: 'OF' }, { title: 'NOW', align: 'right' }, { title: 'NEXT TRIP', align: 'right' }] as const;

/** The screen of "strongroom rack". */
export function rackLines({ devices, unusable, left, heat, traps }: RackAnswer, at: bigint, style: (style: Style, text: string) => string): string[] {
  const trouble = [...devices.flatMap(({ name, lasting }) => lasting.map((reason) => `${name}: ${reason}`)), ...heat.lasting].map(printable);
  return [
    ...(devices.length === 0 ? ['No device is configured ("strongroom rack probe" tries one).'] : tableLines(DEVICE_COLUMNS, devices.map((device) => deviceRow(device, at)))),
    ...devices.filter(({ why }) => why !== null).map(({ name, why, code }) => style('red', `${printable(name)} is away: ${printable(why!)} [${code}]`)),
    ...unusable.map((name) => style('red', `${printable(name)} is not asked: its secret cannot be used ("strongroom rack probe ${printable(name)}" tells why)`)),
    ...(trouble.length === 0 ? [] : ['', ...trouble.map((one) => style('yellow', one))]),
    ...devices.filter(({ readings }) => readings.length > 0).flatMap(({ name, readings }) => ['', printable(name), ...readingLines(readings)]),
    ...(left === 0 ? [] : ['', `${some(left, 'value')} more: "strongroom rack show NAME" tells those of one device.`]),
    ...(heat.zones.length === 0 ? [] : ['', ...tableLines(ZONE_COLUMNS, heat.zones.map(zoneRow))]),
    ...(heat.throttled === null ? [] : ['', `Throttled since the boot: cores ${some(heat.throttled.core, 'time')}, packages ${some(heat.throttled.package, 'time')}.`]),
    ...(traps === null ? [] : ['', `Traps are listened for at ${traps.address}: ${some(traps.believed, 'signed one')}, ${some(traps.refused, 'other')}.`]),
  ];
}

/** What a probe understood. */
export function probedLines({ address, port, security, authenticated, engine, system, name, description, profiles, readings, tookMs }: ProbedDevice): string[] {
  return [
    profiles.length === 0 ? 'It answers, and no profile fits it: it can be seen to be there, and no more.' : `It is understood: ${some(readings.length, 'value')} in ${duration(tookMs)}.`,
    ...factLines([
      ['address', `${address} port ${port}`],
      ['security', authenticated ? security : `${security}: whoever can reach it, or us, can say anything`],
      ...(engine === null ? [] : [['engine', `${engine.id}, booted ${some(engine.boots, 'time')}`] as const]),
      ['name', printable(name) || '-'], ['description', printable(description) || '-'], ['sysObjectID', printable(system) || '-'],
      ...profiles.map(({ name: profile, title, source }) => ['profile', `${profile}: ${title} (${source})`] as const),
    ]),
    ...(readings.length === 0 ? [] : ['', ...readingLines(readings)]),
    ...profiles.map(({ name: profile, left }) => `${profile} leaves out: ${left}.`),
  ];
}

function deviceRow({ name, address, port, state, code, profiles, security, lookedAt, intervalMs }: RackDevice, at: bigint): string[] {
  const age = lookedAt === null ? null : ageMs(lookedAt, at);
  return [
    printable(name), port === 161 ? address : `${address} port ${port}`, state === 'away' ? `away (${code})` : state, profiles.join(', ') || '-', security,
    age === null ? '-' : `${duration(age)} ago, each ${duration(intervalMs)}`,
  ];
}

function readingLines(readings: readonly RackReading[]): string[] {
  return tableLines(READING_COLUMNS, readings.map(({ of, place, label, quantity, value, unit, state }) => [
    `${of} ${printable(place)}`, label === null ? '-' : printable(label), quantity, value === null ? '-' : `${Number(value.toPrecision(6))}${unit === '' || unit === '1' ? '' : ` ${unit}`}`, state === null ? '-' : printable(state),
  ])).map((line) => `  ${line}`);
}

function zoneRow({ id, kind, celsius, trips }: RackZone): string[] {
  const next = celsius === null ? undefined : trips.find((trip) => trip.celsius > celsius);
  return [printable(id), printable(kind), celsius === null ? '-' : `${celsius.toFixed(1)} °C`, next === undefined ? '-' : `${next.celsius.toFixed(0)} °C ${printable(next.kind)}`];
}
