// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SNMP_USER, SnmpsimProcess, withoutSnmpsim, type Recorded } from '@strongroom/testing';
import { SnmpSession } from '../snmp/session.ts';
import { discover } from './discover.ts';
import { oidsOf, readingsOf } from './plan.ts';
import { PROFILES } from './index.ts';

const skip = withoutSnmpsim();
const INTEGER = 2;
const TEXT = 4;
const OBJECT = 6;
const system = (object: string): Recorded => [['1.3.6.1.2.1.1.1.0', TEXT, 'a device'], ['1.3.6.1.2.1.1.2.0', OBJECT, object], ['1.3.6.1.2.1.1.5.0', TEXT, 'pdu-1']];
const APC = '1.3.6.1.4.1.318.1.1.26';
const PX = '1.3.6.1.4.1.13742.6';
const SENTRY = '1.3.6.1.4.1.1718.4.1';
const EATON = '1.3.6.1.4.1.534.6.6.7';
const GEIST = '1.3.6.1.4.1.21239.5.2';
const SENSOR = '1.3.6.1.2.1.99.1.1.1';
const UPS = '1.3.6.1.2.1.33.1';

/** Per family: what the device says, and what is understood, as `quantity of place = value unit state label`. */
const DEVICES: readonly { readonly profile: string; readonly objects: Recorded; readonly understood: readonly string[] }[] = [
  { profile: 'apc-rpdu2', objects: [
    ...system('1.3.6.1.4.1.318.1.3.4.6'), [`${APC}.4.3.1.3.1`, TEXT, 'left rail'], [`${APC}.4.3.1.4.1`, INTEGER, 2], [`${APC}.4.3.1.5.1`, INTEGER, 57], [`${APC}.4.3.1.16.1`, INTEGER, -1],
    [`${APC}.6.3.1.4.1`, INTEGER, 3], [`${APC}.6.3.1.5.1`, INTEGER, 28], [`${APC}.6.3.1.6.1`, INTEGER, 228], [`${APC}.9.2.3.1.3.1`, TEXT, 'web-07'], [`${APC}.9.2.3.1.5.1`, INTEGER, 2],
    [`${APC}.10.2.2.1.6.1`, INTEGER, 2], [`${APC}.10.2.2.1.8.1`, INTEGER, 243], [`${APC}.10.2.2.1.9.1`, INTEGER, 4], [`${APC}.10.2.2.1.6.2`, INTEGER, 1], [`${APC}.10.2.2.1.8.2`, INTEGER, 0],
  ], understood: ['activePower device 1 = 570 W normal left rail', 'current phase 1 = 2.8 A near-overload -', 'voltage phase 1 = 228 V - -', 'switch outlet 1 = - - on web-07', 'temperature sensor 1 = 24.3 °C normal -'] },
  { profile: 'raritan-px', objects: [
    ...system(PX), [`${PX}.3.2.1.1.3.1`, TEXT, 'PX3'], [`${PX}.5.2.3.1.4.1.1.23`, INTEGER, 501], [`${PX}.3.3.4.1.7.1.1.23`, INTEGER, 1], [`${PX}.5.2.4.1.4.1.1.2.4`, INTEGER, 400], [`${PX}.5.2.4.1.4.1.1.2.25`, INTEGER, 231], [`${PX}.3.3.6.1.7.1.1.2.25`, INTEGER, 0], [`${PX}.5.2.4.1.4.1.1.3.25`, INTEGER, 0], [`${PX}.5.2.4.1.3.1.1.3.25`, INTEGER, -1], [`${PX}.3.3.6.1.7.1.1.3.25`, INTEGER, 0],
    [`${PX}.5.2.4.1.3.1.1.2.4`, INTEGER, 4], [`${PX}.3.3.6.1.7.1.1.2.4`, INTEGER, 0], [`${PX}.5.3.3.1.4.1.1.15`, INTEGER, 0], [`${PX}.5.3.3.1.3.1.1.15`, INTEGER, 0], [`${PX}.3.4.4.1.7.1.1.15`, INTEGER, 0],
    [`${PX}.4.1.2.1.3.1.5`, INTEGER, 8], [`${PX}.3.5.3.1.3.1.5`, TEXT, 'db-01'], [`${PX}.5.5.3.1.4.1.1`, INTEGER, 752], [`${PX}.3.6.3.1.2.1.1`, INTEGER, 10], [`${PX}.3.6.3.1.16.1.1`, INTEGER, 14],
    [`${PX}.3.6.3.1.17.1.1`, INTEGER, 1],
  ], understood: ['switch outlet 1.5 = - - off db-01', 'frequency input 1.1 = 50.1 Hz - -', 'voltage phase 1.1.2 = 400 V normal -', 'voltage phase 1.1.2-N = 231 V - -', 'voltage phase 1.1.3-N = - V unavailable -', 'breaker breaker 1.1 = - - open -', 'temperature sensor 1.1 = 24 °C - -'] },
  { profile: 'sentry4', objects: [
    ...system('1.3.6.1.4.1.1718.4'), [`${SENTRY}.3.3.1.11.1.1`, INTEGER, 499], [`${SENTRY}.5.2.1.4.1.1.1`, TEXT, 'A-N'], [`${SENTRY}.5.3.1.3.1.1.1`, INTEGER, 2301], [`${SENTRY}.5.3.1.4.1.1.1`, INTEGER, 0],
    [`${SENTRY}.6.3.1.1.1.1.2`, INTEGER, 12], [`${SENTRY}.8.3.1.1.1.1.3`, INTEGER, 1], [`${SENTRY}.8.3.1.14.1.1.3`, INTEGER, 1500], [`${SENTRY}.9.1.10.0`, INTEGER, 1], [`${SENTRY}.9.3.1.1.1.1`, INTEGER, 770], [`${SENTRY}.9.3.1.1.1.2`, INTEGER, -410],
    [`${SENTRY}.10.2.1.3.1.1`, TEXT, 'door'], [`${SENTRY}.10.3.1.1.1.1`, INTEGER, 40], [`${SENTRY}.10.3.1.2.1.1`, INTEGER, 0],
  ], understood: ['frequency input 1.1 = 49.9 Hz - -', 'voltage phase 1.1.1 = 230.1 V normal A-N', 'breaker breaker 1.1.2 = - - open -', 'switch outlet 1.1.3 = - - on -', 'energy outlet 1.1.3 = 5400000 J - -', 'temperature sensor 1.1 = 25 °C - -', 'humidity sensor 1.1 = 40 % normal door'] },
  { profile: 'eaton-epdu', objects: [
    ...system(EATON), [`${EATON}.3.1.1.3.0.1`, INTEGER, 500], [`${EATON}.3.1.1.4.0.1`, INTEGER, 0], [`${EATON}.3.2.1.2.0.1.2`, INTEGER, 3], [`${EATON}.3.2.1.3.0.1.2`, INTEGER, 229_800], [`${EATON}.3.2.1.4.0.1.2`, INTEGER, 0],
    [`${EATON}.3.5.1.4.0.1`, INTEGER, -1], [`${EATON}.5.1.1.3.0.1`, TEXT, 'section A'], [`${EATON}.5.1.1.5.0.1`, INTEGER, 2], [`${EATON}.6.6.1.2.0.4`, INTEGER, 1], [`${EATON}.7.1.1.4.0.1`, INTEGER, 215], [`${EATON}.7.1.1.3.0.1`, INTEGER, 1],
    [`${EATON}.7.1.1.4.0.2`, INTEGER, 0], [`${EATON}.7.1.1.3.0.2`, INTEGER, 0],
  ], understood: ['frequency input 0.1 = 50 Hz normal -', 'voltage phase L2-N = 229.8 V normal -', 'breaker breaker 0.1 = - - open section A', 'switch outlet 0.4 = - - on -', 'temperature sensor 0.1 = 21.5 °C - -'] },
  { profile: 'geist-v5', objects: [
    ...system('1.3.6.1.4.1.21239.42.1.53'), [`${GEIST}.1.7.0`, INTEGER, 1], [`${GEIST}.3.2.1.3.1`, TEXT, 'Phase A'], [`${GEIST}.3.2.1.4.1`, INTEGER, 2304], [`${GEIST}.3.2.1.14.1`, INTEGER, 97], [`${GEIST}.3.5.1.4.7`, INTEGER, 6],
    [`${GEIST}.4.1.4.1`, INTEGER, 1], [`${GEIST}.4.1.5.1`, INTEGER, 231], [`${GEIST}.9.1.3.1`, TEXT, 'GTHD'], [`${GEIST}.9.1.4.1`, INTEGER, 1], [`${GEIST}.9.1.5.1`, INTEGER, 224], [`${GEIST}.9.1.6.1`, INTEGER, 38],
    [`${GEIST}.9.1.4.2`, INTEGER, 0], [`${GEIST}.9.1.5.2`, INTEGER, 0],
  ], understood: ['voltage phase 1 = 230.4 V - Phase A', 'powerFactor phase 1 = 0.97 1 - Phase A', 'switch outlet 7 = - - off -', 'temperature sensor 1 = 23.1 °C - -',
    'temperature sensor thd-1 = 22.4 °C - GTHD', 'humidity sensor thd-1 = 38 % - GTHD'] },
  { profile: 'ups-mib', objects: [
    ...system('1.3.6.1.4.1.99999.1'), [`${UPS}.2.1.0`, INTEGER, 3], [`${UPS}.2.4.0`, INTEGER, 41], [`${UPS}.3.3.1.3.1`, INTEGER, 0], [`${UPS}.4.1.0`, INTEGER, 5], [`${UPS}.4.2.0`, INTEGER, 500],
  ], understood: ['battery battery 0 = - - low -', 'charge battery 0 = 41 % - -', 'voltage input 1 = 0 V - -', 'supply output 0 = - - battery -', 'frequency output 0 = 50 Hz - -'] },
  { profile: 'entity-sensor', objects: [
    ...system('1.3.6.1.4.1.99999.2'), [`${SENSOR}.1.7`, INTEGER, 8], [`${SENSOR}.2.7`, INTEGER, 8], [`${SENSOR}.3.7`, INTEGER, 1], [`${SENSOR}.4.7`, INTEGER, 235_005], [`${SENSOR}.5.7`, INTEGER, 1],
    ['1.3.6.1.2.1.47.1.1.1.1.7.7', TEXT, 'inlet'], [`${SENSOR}.1.8`, INTEGER, 3], [`${SENSOR}.2.8`, INTEGER, 9], [`${SENSOR}.3.8`, INTEGER, 0], [`${SENSOR}.4.8`, INTEGER, 0], [`${SENSOR}.5.8`, INTEGER, 3],
  ], understood: ['temperature sensor 7 = 23.5005 °C normal inlet', 'voltage sensor 8 = - V nonoperational -'] },
];

test('a device of each family is recognised and understood', { skip }, async (t) => {
  await using simulator = await SnmpsimProcess.start(DEVICES.map(({ objects }) => objects));
  for (const [at, { profile, understood }] of DEVICES.entries()) {
    await t.test(profile, async () => {
      const session = new SnmpSession({ address: '127.0.0.1', port: simulator.ports[at]!, security: SNMP_USER, timeoutMs: 5000, retries: 1 });
      try {
        await isUnderstood(session, profile, understood);
      } finally {
        session.close();
      }
    });
  }
});

async function isUnderstood(session: SnmpSession, profile: string, understood: readonly string[]): Promise<void> {
  const { profiles, plan, found } = await discover(session);
  assert.deepEqual(profiles.map(({ name }) => name), [profile]);
  const said = readingsOf(plan, found).map(({ quantity, of, place, value, unit, state, label }) => `${quantity} ${of} ${place} = ${value ?? '-'} ${unit || '-'} ${state ?? '-'} ${label ?? '-'}`);
  assert.deepEqual(said, understood);
  const polled = new Map((await session.get(oidsOf(plan))).map(({ oid, value }) => [oid, value]));
  assert.deepEqual(readingsOf(plan, polled), readingsOf(plan, found));
}

test('what devices of each family report as their sysObjectID is recognised by it, and nothing else is', async () => {
  const asked: string[] = [];
  const walk = async (root: string): Promise<never[]> => {
    asked.push(root);
    return [];
  };
  const named = async (system: string): Promise<string[]> => {
    const get = async (oids: readonly string[]): Promise<{ oid: string; value: string | null }[]> => oids.map((oid) => ({ oid, value: oid.endsWith('.2.0') ? system : null }));
    return (await discover({ get, walk })).profiles.map(({ name }) => name);
  };
  for (const [system, profile] of [
    ['1.3.6.1.4.1.318.1.3.4.6', 'apc-rpdu2'], ['1.3.6.1.4.1.13742.6', 'raritan-px'], ['1.3.6.1.4.1.1718.4', 'sentry4'], ['1.3.6.1.4.1.534.6.6.7', 'eaton-epdu'],
    ['1.3.6.1.4.1.21239.42.1.53', 'geist-v5'], ['1.3.6.1.4.1.21239.42.1.15', 'geist-v5'], ['1.3.6.1.4.1.21239.5.2', 'geist-v5'],
  ] as const) assert.deepEqual(await named(system), [profile], system);
  // The first generation of APC, the Dominion PX, Sentry3, the V4 of Geist, and what only begins with the same digits.
  for (const system of ['1.3.6.1.4.1.318.1.3.4.5', '1.3.6.1.4.1.13742.4', '1.3.6.1.4.1.1718.3', '1.3.6.1.4.1.21239.2', '1.3.6.1.4.1.13742.61', '1.3.6.1.4.1.318.1.3.4.66', '']) {
    asked.length = 0;
    assert.deepEqual(await named(system), [], system);
    assert.ok(PROFILES.every(({ root }) => asked.includes(root)), 'then each is looked for by what answers');
  }
});

test('every profile is tried, and says where its objects stand', () => {
  assert.deepEqual(DEVICES.map(({ profile }) => profile).toSorted(), PROFILES.map(({ name }) => name).toSorted());
  assert.ok(PROFILES.every(({ source, left }) => /MIB/.test(source) && left.length > 0));
});
