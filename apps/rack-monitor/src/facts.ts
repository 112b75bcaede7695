// SPDX-License-Identifier: Apache-2.0
// What "strongroom rack" is told: devices, their readings, this machine's heat, and what lasts.
import type { RackAnswer, RackDevice } from '@strongroom/service';
import type { Reading } from './profiles/profile.ts';

/** Over all devices; of one that is asked for by name all are told. */
const READINGS_MAX = 4096;

export interface Known {
  readonly name: string;
  readonly facts: RackDevice;
  readonly readings: readonly Reading[];
}

/** `device`: of this one alone, with all of its readings. */
export function devicesOf(known: readonly Known[], lastingOf: (device: string) => readonly string[], device: string | null): Pick<RackAnswer, 'devices' | 'left'> {
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
