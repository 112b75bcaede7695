// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HeatWatch, probesOf } from './heat-watch.ts';
import type { RackHeat } from '@strongroom/service';

const heat = (celsius: number, throttled: RackHeat['throttled'] = null): RackHeat => ({ throttled, zones: [{ id: 'thermal_zone0', kind: 'cpu', celsius, trips: [{ kind: 'passive', celsius: 85 }] }] });
const nowOf = (at: number): number => Date.UTC(2026, 2, 1) + at * 1000;

test('a rise is warned of before the trip, the trip is told, and each is over once', () => {
  const watch = new HeatWatch();
  const told: string[] = [];
  const take = (at: number, celsius: number): void => {
    for (const { told: { type, what, trip }, lasting } of watch.take(at, nowOf(at), heat(celsius))) if (lasting !== undefined) told.push(`${type} ${String(what)} ${String(trip)} ${lasting.on}`);
  };
  for (let at = 0; at < 1500; at += 5) take(at, 60 + at / 60);
  assert.deepEqual(told, ['trend began passive true']);
  for (let at = 1500; at < 1600; at += 5) take(at, 86);
  assert.deepEqual(told.slice(1), ['trend ended passive false', 'tripped began passive true']);
  for (let at = 1600; at < 3000; at += 5) take(at, 50);
  assert.deepEqual(told.slice(3), ['tripped ended passive false']);
});

test('the first look is told at once, then each minute, and throttling when it grows', () => {
  const watch = new HeatWatch();
  const types = (at: number, throttled: RackHeat['throttled']): string[] => watch.take(at, nowOf(at), heat(50, throttled)).map(({ told }) => told.type);
  assert.deepEqual(types(0, { core: 3, package: 7 }), ['readings']);
  assert.deepEqual(types(5, { core: 3, package: 7 }), []);
  assert.deepEqual(watch.take(10, nowOf(10), heat(50, { core: 5, package: 7 }))[0]?.told['core'], 2);
  assert.deepEqual(types(70, { core: 0, package: 0 }), ['readings']);
});

test('probes of a device have the limit of the configuration, and its name', () => {
  const watch = new HeatWatch('pdu-a');
  const probe = probesOf([{ quantity: 'temperature', of: 'sensor', place: '1', label: 'inlet', value: 35, unit: '°C', state: null, oid: 'x' }], 32);
  const [tripped, ...more] = watch.take(0, nowOf(0), probe);
  assert.deepEqual([tripped?.told.type, tripped?.told['device'], tripped?.told['zone'], more.length], ['tripped', 'pdu-a', 'sensor 1', 0]);
});

test('a sensor that is pulled out while it is too hot is over after a while, and told once', () => {
  const watch = new HeatWatch('pdu-a');
  const probe = probesOf([{ quantity: 'temperature', of: 'sensor', place: '1', label: 'inlet', value: 35, unit: '°C', state: null, oid: 'x' }], 32);
  assert.equal(watch.take(0, nowOf(0), probe).length, 1);
  const told = Array.from({ length: 30 }, (_, at) => watch.take(at + 1, nowOf(at + 1), { zones: [], throttled: null })).flat();
  assert.deepEqual(told.map(({ told: { type, what, celsius }, lasting }) => [type, what, celsius, lasting?.on]), [['tripped', 'ended', null, false]]);
});
