// SPDX-License-Identifier: Apache-2.0
// Temperatures of this machine as Linux tells them: /sys/class/thermal, /sys/class/hwmon, and how often processors were
// throttled. All paths are below one root, so that tests bring a tree of their own.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RackHeat, RackTrip, RackZone } from '@strongroom/service';

const ZONES_MAX = 256;
const TRIPS_MAX = 32;
const SENSORS_MAX = 1024;
const PROCESSORS_MAX = 4096;
const FILE_CHARACTERS_MAX = 128;

/** Never throws: what cannot be read is not there. `root` is `/` but in tests. */
export function readHeat(root = '/'): RackHeat {
  return { zones: [...thermalZones(root), ...hwmonSensors(root)], throttled: throttleCounts(root) };
}

function thermalZones(root: string): RackZone[] {
  const base = join(root, 'sys/class/thermal');
  return list(base, /^thermal_zone\d+$/, ZONES_MAX).map((id) => {
    const directory = join(base, id);
    const trips = list(directory, /^trip_point_\d+_temp$/, TRIPS_MAX).flatMap((file) => trip(text(join(directory, file.replace('_temp', '_type'))), milli(join(directory, file))));
    return { id, kind: text(join(directory, 'type')) ?? 'unknown', celsius: milli(join(directory, 'temp')), trips: trips.toSorted((one, other) => one.celsius - other.celsius) };
  });
}

function hwmonSensors(root: string): RackZone[] {
  const base = join(root, 'sys/class/hwmon');
  return list(base, /^hwmon\d+$/, ZONES_MAX).flatMap((chip) => {
    const directory = join(base, chip);
    const name = text(join(directory, 'name')) ?? chip;
    return list(directory, /^temp\d+_input$/, SENSORS_MAX).map((file) => {
      const sensor = file.replace('_input', '');
      const trips = (['max', 'crit', 'emergency'] as const).flatMap((kind) => trip(kind, milli(join(directory, `${sensor}_${kind}`))));
      return { id: `${chip}/${sensor}`, kind: text(join(directory, `${sensor}_label`)) ?? name, celsius: milli(join(directory, file)), trips: trips.toSorted((one, other) => one.celsius - other.celsius) };
    });
  }).slice(0, SENSORS_MAX);
}

/** A package counts for all of its cores, so that its number is taken once. */
function throttleCounts(root: string): RackHeat['throttled'] {
  const base = join(root, 'sys/devices/system/cpu');
  const packages = new Map<string, number>();
  let core: number | null = null;
  for (const cpu of list(base, /^cpu\d+$/, PROCESSORS_MAX)) {
    const own = whole(join(base, cpu, 'thermal_throttle/core_throttle_count'));
    if (own === null) continue;
    core = (core ?? 0) + own;
    packages.set(text(join(base, cpu, 'topology/physical_package_id')) ?? '0', whole(join(base, cpu, 'thermal_throttle/package_throttle_count')) ?? 0);
  }
  return core === null ? null : { core, package: packages.values().reduce((sum, one) => sum + one, 0) };
}

/** Drivers say 0 or less, or hundreds of degrees, where there is no such point. */
function trip(kind: string | null, celsius: number | null): RackTrip[] {
  return celsius === null || celsius <= 0 || celsius > 250 ? [] : [{ kind: kind ?? 'unknown', celsius }];
}

function list(directory: string, pattern: RegExp, most: number): string[] {
  try {
    return readdirSync(directory).filter((name) => pattern.test(name)).toSorted((one, other) => one.localeCompare(other, 'en', { numeric: true })).slice(0, most);
  } catch {
    return [];
  }
}

function text(path: string): string | null {
  try {
    return readFileSync(path, 'latin1').trim().slice(0, FILE_CHARACTERS_MAX) || null;
  } catch {
    return null;
  }
}

function whole(path: string): number | null {
  const said = text(path);
  return said !== null && /^-?\d{1,15}$/.test(said) ? Number(said) : null;
}

function milli(path: string): number | null {
  const said = whole(path);
  return said === null ? null : said / 1000;
}
