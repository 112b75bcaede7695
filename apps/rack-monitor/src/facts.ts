// SPDX-License-Identifier: Apache-2.0
// What "strongroom rack" is told: devices, their readings, this machine's heat, and what lasts.
import type { DeviceFacts } from './poll/device.ts';
import type { Reading } from './profiles/profile.ts';
import type { Heat } from './heat/zones.ts';
import type { TripWarning } from './heat/trend.ts';

/** Over all devices; of one that is asked for by name all are told. */
const READINGS_MAX = 4096;

export interface RackFacts {
  /** Of all devices, also where one was asked for. */
  readonly counts: { readonly answering: number; readonly away: number; readonly readings: number; readonly looks: number; readonly failed: number };
  readonly devices: readonly (DeviceFacts & { readonly readings: readonly Reading[]; readonly lasting: readonly string[] })[];
  /** Configured ones that are not asked, because their secrets cannot be used. */
  readonly unusable: readonly string[];
  /** Readings that had no room: ask for a device by its name. */
  readonly left: number;
  readonly heat: Heat & { readonly warnings: readonly TripWarning[]; readonly lasting: readonly string[] };
  readonly traps: { readonly address: string | null; readonly believed: number; readonly refused: number } | null;
}

export interface Known {
  readonly name: string;
  readonly facts: DeviceFacts;
  readonly readings: readonly Reading[];
}

/** `device`: of this one alone, with all of its readings. */
export function devicesOf(known: readonly Known[], lastingOf: (device: string) => readonly string[], device: string | null): Pick<RackFacts, 'devices' | 'left'> {
  const wanted = device === null ? known : known.filter(({ name }) => name === device);
  let room = device === null ? READINGS_MAX : Infinity;
  let left = 0;
  const devices = wanted.map(({ name, facts, readings }) => {
    const told = readings.slice(0, room);
    room -= told.length;
    left += readings.length - told.length;
    return { ...facts, readings: told, lasting: lastingOf(name) };
  });
  return { devices, left };
}
