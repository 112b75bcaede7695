// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import type { RackZone } from '@strongroom/service';
import { HeatTrend, slopeOf } from './trend.ts';
import { readHeat } from './zones.ts';

function withTree(files: Readonly<Record<string, string>>, act: (root: string) => void): void {
  const root = mkdtempSync(join(tmpdir(), 'strongroom-heat-'));
  try {
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(join(root, dirname(path)), { recursive: true });
      writeFileSync(join(root, path), `${content}\n`);
    }
    act(root);
  } finally {
    rmSync(root, { recursive: true });
  }
}

test('zones, trip points, sensors and throttle counters are read as Linux tells them', () => {
  const zone = 'sys/class/thermal/thermal_zone0';
  const chip = 'sys/class/hwmon/hwmon1';
  const cpu = 'sys/devices/system/cpu';
  withTree({
    [`${zone}/type`]: 'x86_pkg_temp', [`${zone}/temp`]: '61500', [`${zone}/trip_point_0_temp`]: '100000', [`${zone}/trip_point_0_type`]: 'critical',
    [`${zone}/trip_point_1_temp`]: '85000', [`${zone}/trip_point_1_type`]: 'passive', [`${zone}/trip_point_2_temp`]: '-274000', [`${zone}/trip_point_2_type`]: 'active',
    'sys/class/thermal/thermal_zone1/type': 'acpitz', 'sys/class/thermal/cooling_device0/type': 'Processor',
    [`${chip}/name`]: 'nvme', [`${chip}/temp1_input`]: '38850', [`${chip}/temp1_label`]: 'Composite', [`${chip}/temp1_crit`]: '84850', [`${chip}/temp1_max`]: '81850', [`${chip}/fan1_input`]: '900',
    [`${cpu}/cpu0/thermal_throttle/core_throttle_count`]: '3', [`${cpu}/cpu0/thermal_throttle/package_throttle_count`]: '7', [`${cpu}/cpu0/topology/physical_package_id`]: '0',
    [`${cpu}/cpu1/thermal_throttle/core_throttle_count`]: '2', [`${cpu}/cpu1/thermal_throttle/package_throttle_count`]: '7', [`${cpu}/cpu1/topology/physical_package_id`]: '0', [`${cpu}/cpufreq/x`]: '',
  }, (root) => {
    assert.deepEqual(readHeat(root), {
      zones: [
        { id: 'thermal_zone0', kind: 'x86_pkg_temp', celsius: 61.5, trips: [{ kind: 'passive', celsius: 85 }, { kind: 'critical', celsius: 100 }] },
        { id: 'thermal_zone1', kind: 'acpitz', celsius: null, trips: [] },
        { id: 'hwmon1/temp1', kind: 'Composite', celsius: 38.85, trips: [{ kind: 'max', celsius: 81.85 }, { kind: 'crit', celsius: 84.85 }] },
      ],
      throttled: { core: 5, package: 7 },
    });
  });
});

test('a machine that tells nothing has no heat, and one that tells nonsense no value', () => {
  withTree({ 'sys/class/thermal/thermal_zone0/temp': 'hot', 'sys/class/thermal/thermal_zone0/type': 'x' }, (root) => {
    assert.deepEqual(readHeat(root), { zones: [{ id: 'thermal_zone0', kind: 'x', celsius: null, trips: [] }], throttled: null });
    assert.deepEqual(readHeat(join(root, 'absent')), { zones: [], throttled: null });
  });
});

test('what this machine tells is read without an error', () => {
  for (const { celsius } of readHeat().zones) assert.ok(celsius === null || Number.isFinite(celsius));
});

const zone = (celsius: number | null): RackZone => ({ id: 'thermal_zone0', kind: 'cpu', celsius, trips: [{ kind: 'passive', celsius: 85 }, { kind: 'critical', celsius: 100 }] });

test('a steady rise is warned of before the trip, with the time that is left', () => {
  const trend = new HeatTrend();
  let first: { at: number; seconds: number } | null = null;
  for (let at = 0; at <= 1500 && first === null; at += 5) {
    const warning = trend.take(at, zone(60 + at / 60 + Math.sin(at) * 0.2));
    if (warning !== null) first = { at, seconds: warning.seconds };
  }
  assert.ok(first !== null && first.at < 1500);
  assert.ok(Math.abs(first.at + first.seconds - 1500) < 60, `${first.at} + ${first.seconds}`);
});

test('noise around a level is no trend, and a fall is none', () => {
  for (const drift of [0, -1]) {
    const trend = new HeatTrend();
    for (let at = 0; at < 3000; at += 5) assert.equal(trend.take(at, zone(70 + drift * (at / 600) + Math.sin(at * 12.9898) * 2)), null);
  }
});

test('a trip that is passed is told at once, the highest one', () => {
  const trend = new HeatTrend();
  assert.equal(trend.take(0, zone(86))?.trip.kind, 'passive');
  assert.deepEqual([trend.take(1, zone(101))?.trip.kind, trend.take(2, zone(101))?.seconds], ['critical', 0]);
  assert.equal(trend.take(3, zone(null)), null);
});

test('the slope of a line is its slope', () => {
  assert.equal(slopeOf([{ at: 0, celsius: 1 }, { at: 1, celsius: 2 }]), null);
  assert.equal(slopeOf([{ at: 1, celsius: 1 }, { at: 1, celsius: 2 }, { at: 1, celsius: 3 }]), null);
  const line = slopeOf([0, 1, 2, 3].map((at) => ({ at, celsius: 20 + at / 2 })));
  assert.ok(line !== null && Math.abs(line.slope - 0.5) < 1e-12 && line.error < 1e-9);
});
