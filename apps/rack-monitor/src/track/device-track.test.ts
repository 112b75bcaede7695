// SPDX-License-Identifier: Apache-2.0
// What is told of given readings, held to vectors/records.json: docs/FORMAT.md, section 26.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Planned } from '../profiles/plan.ts';
import type { Reading } from '../profiles/profile.ts';
import { Conditions } from './conditions.ts';
import { DeviceTrack } from './device-track.ts';
import { Minutes } from './minutes.ts';

interface Vectors {
  readonly looks: readonly { readonly seconds: number; readonly rebooted: boolean; readonly readings: readonly Reading[] }[];
  readonly records: readonly (readonly [protocol: string, told: object])[];
}

const VECTORS = JSON.parse(readFileSync(join(import.meta.dirname, '../../vectors/records.json'), 'utf8')) as Vectors;
const START_MS = Date.UTC(2026, 2, 1, 12);

const voltage = (value: number, place = '1'): Reading => ({ quantity: 'voltage', of: 'phase', place, label: null, value, unit: 'V', state: null, oid: `v${place}` });
const energy = (counted: number): Reading => ({ quantity: 'energy', of: 'device', place: '1', label: null, value: counted * 3600, unit: 'J', state: null, oid: 'e' });
const current = (state: string): Reading => ({ quantity: 'current', of: 'bank', place: '2', label: 'B', value: 14, unit: 'A', state, oid: 'c' });
const nominal = ({ oid }: Reading): number => (oid === 'v4' ? 400 : 230);
const planned = (oid: string, factor: number): Planned => ({ quantity: 'energy', of: 'device', place: '1', label: null, oid, factor, shift: 0, absent: [], positive: false, words: null, state: null, present: null });

test('the records of the vectors are told, in their order', () => {
  const track = new DeviceTrack(null);
  const plan = [planned('e', 3600)];
  const told = VECTORS.looks.flatMap(({ seconds, rebooted, readings }) => track.take({ at: seconds, nowMs: START_MS + seconds * 1000, readings, rebooted }, plan));
  assert.deepEqual(told.map((one) => [one.protocol, one.told]), VECTORS.records);
});

test('a counter that wraps has grown, one after a boot has not been followed', () => {
  const track = new DeviceTrack(null);
  const grown = (at: number, counted: number, rebooted = false): unknown => {
    const [minute] = track.take({ at, nowMs: START_MS + at * 1000, readings: [energy(counted)], rebooted }, [planned('e', 3600)]).filter(({ told }) => told.type === 'readings');
    return (minute?.told['readings'] as readonly { readonly grown?: number | null }[] | undefined)?.[0]?.grown;
  };
  assert.equal(grown(0, 2 ** 32 - 5), undefined);
  grown(1, 2 ** 32 - 1);
  assert.equal(grown(61, 7), 12 * 3600);
  grown(62, 9);
  assert.equal(grown(125, 4, true), null);
});

test('phases against neutral and against each other are not compared with one another', () => {
  const conditions = new Conditions();
  const phases = [voltage(230, '1'), voltage(231, '2'), voltage(229, '3'), voltage(399, '4')];
  assert.deepEqual(conditions.take(phases, nominal), []);
  const [unbalance] = conditions.take([voltage(230, '1'), voltage(231, '2'), voltage(205, '3'), voltage(399, '4')], nominal);
  assert.deepEqual([unbalance?.type, unbalance?.what, unbalance?.nominal], ['unbalance', 'began', 230]);
});

test('what a device calls beyond its limits is told once, and when it is in order again', () => {
  const conditions = new Conditions();
  const said = ['normal', 'near-overload', 'near-overload', 'overload', 'normal', 'unknown-9'].flatMap((state) => conditions.take([current(state)], () => null));
  assert.deepEqual(said.map(({ type, what, place, state }) => [type, what, place, state]), [['limit', 'began', 'bank 2 (B)', 'near-overload'], ['limit', 'ended', 'bank 2 (B)', 'normal']]);
});

test('what began under one label ends under another, and what befell a part that is gone is over', () => {
  const track = new DeviceTrack(null);
  const first = [planned('v1', 1), planned('c', 1)];
  const look = (at: number, readings: readonly Reading[], plan: readonly Planned[]): unknown[] =>
    track.take({ at, nowMs: START_MS + at * 1000, readings, rebooted: false }, plan).flatMap(({ told, lasting }) => (lasting === undefined ? [] : [[told.type, lasting.reason, lasting.on]]));
  look(0, [voltage(230), current('normal')], first);
  assert.deepEqual(look(1, [voltage(100), current('overload')], first), [['sag', 'sag: phase 1', true], ['limit', 'current beyond its limit: bank 2 (B)', true]]);
  const renamed = [planned('v1', 1), planned('c', 1)];
  assert.deepEqual(look(2, [voltage(100), { ...current('normal'), label: 'C' }], renamed), [['limit', 'current beyond its limit: bank 2 (B)', false]]);
  assert.deepEqual(look(3, [], [planned('e', 1)]), [['gone', 'sag: phase 1', false]]);
  assert.deepEqual(look(4, [voltage(100)], first), [], 'it is judged anew');
});

test('a device that has other parts at each look fills nothing', () => {
  const track = new DeviceTrack(null);
  let lasting = 0;
  for (let at = 0; at < 300; at++) {
    const readings = Array.from({ length: 20 }, (_, part): Reading => ({ ...current('overload'), oid: `${at}.${part}`, place: `${at}.${part}` }));
    const told = track.take({ at, nowMs: START_MS, readings, rebooted: true }, readings.map(({ oid }) => planned(oid, 1)));
    lasting += told.reduce((sum, one) => sum + (one.lasting === undefined ? 0 : one.lasting.on ? 1 : -1), 0);
    assert.equal(lasting, 20);
  }
});

test('a sensor that is away gives no number: it makes no minimum, and no interruption', () => {
  const minutes = new Minutes();
  const gone = { ...voltage(0), value: null, state: 'unavailable' };
  for (const reading of [gone, voltage(230), gone, voltage(232), gone]) minutes.take([reading], 0);
  assert.deepEqual(minutes.due(60_000)[0]!.readings, [{ quantity: 'voltage', of: 'phase', place: '1', label: null, unit: 'V', min: 230, mean: 231, max: 232, last: 232, state: 'unavailable' }]);
  const track = new DeviceTrack(null);
  const told = [voltage(230), gone, gone].flatMap((reading, at) => track.take({ at, nowMs: START_MS + at * 1000, readings: [reading], rebooted: false }, []));
  assert.deepEqual(told.map(({ told: { type } }) => type), ['readings']);
});

test('a minute of a large device is several records, and has each reading once', () => {
  const minutes = new Minutes();
  const readings = Array.from({ length: 600 }, (_, at) => voltage(200 + at, String(at)));
  minutes.take(readings, 0);
  minutes.take(readings.map((one) => ({ ...one, value: one.value! + 2 })), 1000);
  minutes.failed(2000);
  assert.deepEqual(minutes.due(59_999), []);
  const parts = minutes.due(60_000);
  assert.deepEqual(parts.map((one) => [one.part, one.parts, one.looks, one.failed, one.readings.length]), [[0, 3, 2, 1, 256], [1, 3, 2, 1, 256], [2, 3, 2, 1, 88]]);
  assert.deepEqual([parts[0]!.readings[0]!['min'], parts[0]!.readings[0]!['mean'], parts[0]!.readings[0]!['max'], parts[0]!.readings[0]!['last']], [200, 201, 202, 202]);
  assert.deepEqual(minutes.due(500_000), []);
});
