// SPDX-License-Identifier: Apache-2.0
import type { Profile } from './profile.ts';

const VERTIV = '1.3.6.1.4.1.21239';
const IMD = `${VERTIV}.5.2`;
const PDU = `${IMD}.3`;
/** Availability: 1 all of it, 2 a part. */
const there = (id: number) => ({ id, when: [1, 2] });

export const GEIST_V5: Profile = {
  name: 'geist-v5', title: 'Vertiv Geist with an interchangeable monitoring device', source: 'VERTIV-V5-MIB, revision 202001070000Z', systems: [`${VERTIV}.42.1`, IMD], root: `${IMD}.1`, typed: [], absent: [],
  fahrenheit: { column: `${IMD}.1.7`, value: 0 },
  tables: [
    { of: 'device', entry: `${PDU}.1.1`, label: 4, columns: [
      { id: 5, quantity: 'presence', words: { 0: 'unavailable', 1: 'available', 2: 'partly-unavailable' } }, { id: 9, quantity: 'activePower', factor: 1 }, { id: 10, quantity: 'apparentPower', factor: 1 },
      { id: 11, quantity: 'powerFactor', factor: 0.01 }, { id: 12, quantity: 'energy', factor: 3600 },
    ] },
    { of: 'phase', entry: `${PDU}.2.1`, label: 3, columns: [
      { id: 4, quantity: 'voltage', factor: 0.1 }, { id: 8, quantity: 'current', factor: 0.01 }, { id: 12, quantity: 'activePower', factor: 1 }, { id: 13, quantity: 'apparentPower', factor: 1 },
      { id: 14, quantity: 'powerFactor', factor: 0.01 },
    ] },
    { of: 'bank', entry: `${PDU}.3.1`, label: 3, columns: [
      { id: 4, quantity: 'current', factor: 0.01 }, { id: 8, quantity: 'voltage', factor: 0.1 }, { id: 12, quantity: 'activePower', factor: 1 }, { id: 14, quantity: 'powerFactor', factor: 0.01 },
    ] },
    { of: 'outlet', entry: `${PDU}.5.1`, label: 3, columns: [
      { id: 4, quantity: 'switch', words: { 1: 'on', 2: 'off', 3: 'on', 4: 'off', 5: 'on', 6: 'off', 7: 'unknown' } },
    ] },
    { of: 'outlet', entry: `${PDU}.6.1`, label: 3, columns: [
      { id: 4, quantity: 'voltage', factor: 0.1 }, { id: 8, quantity: 'current', factor: 0.01 }, { id: 12, quantity: 'activePower', factor: 1 }, { id: 14, quantity: 'powerFactor', factor: 0.01 },
      { id: 15, quantity: 'energy', factor: 3600 },
    ] },
    { of: 'sensor', entry: `${IMD}.4.1`, label: 3, present: there(4), columns: [{ id: 5, quantity: 'temperature', factor: 0.1 }] },
    { of: 'sensor', entry: `${IMD}.5.1`, label: 3, prefix: 'air-', present: there(4), columns: [{ id: 5, quantity: 'temperature', factor: 0.1 }, { id: 7, quantity: 'humidity', factor: 1 }] },
    { of: 'sensor', entry: `${IMD}.8.1`, label: 5, prefix: 't3hd-', present: there(4), columns: [{ id: 6, quantity: 'temperature', factor: 0.1 }, { id: 7, quantity: 'humidity', factor: 1 }] },
    { of: 'sensor', entry: `${IMD}.8.1`, label: 10, prefix: 't3hd-a-', present: there(9), columns: [{ id: 11, quantity: 'temperature', factor: 0.1 }] },
    { of: 'sensor', entry: `${IMD}.8.1`, label: 13, prefix: 't3hd-b-', present: there(12), columns: [{ id: 14, quantity: 'temperature', factor: 0.1 }] },
    { of: 'sensor', entry: `${IMD}.9.1`, label: 3, prefix: 'thd-', present: there(4), columns: [{ id: 5, quantity: 'temperature', factor: 0.1 }, { id: 6, quantity: 'humidity', factor: 1 }] },
    { of: 'sensor', entry: `${IMD}.12.1`, label: 3, prefix: 'hum-', present: there(4), columns: [{ id: 5, quantity: 'humidity', factor: 1 }] },
    { of: 'sensor', entry: `${IMD}.13.1`, label: 5, prefix: 'door-1-', present: there(4), columns: [{ id: 6, quantity: 'presence', words: { 1: 'open', 2: 'closed' } }] },
    { of: 'sensor', entry: `${IMD}.13.1`, label: 8, prefix: 'door-2-', present: there(4), columns: [{ id: 9, quantity: 'presence', words: { 1: 'open', 2: 'closed' } }] },
  ],
  left: 'pduPhaseBalance, a percentage whose sense the MIB does not say, air flow without a unit, dew points, analogue inputs and cooling, and the V3 and V4 devices, which have other objects',
};
