// SPDX-License-Identifier: Apache-2.0
import { APC_LIMITS, APC_LOAD } from './thresholds.table.ts';
import type { Profile } from './profile.ts';

const RPDU2 = '1.3.6.1.4.1.318.1.1.26';
/** CommStatus of a sensor: 1 not installed, 2 it answers, 3 it was lost. */
const COMMS = 6;

export const APC_RPDU2: Profile = {
  name: 'apc-rpdu2', title: 'APC and Schneider rack PDU, second generation', source: 'PowerNet-MIB 4.5.2 (8 November 2023): rPDU2, masterSwitchrPDU2',
  systems: ['1.3.6.1.4.1.318.1.3.4.6'], root: RPDU2, typed: [], absent: [-1],
  tables: [
    { of: 'device', entry: `${RPDU2}.4.3.1`, label: 3, columns: [
      { id: 5, quantity: 'activePower', factor: 10, state: { id: 4, words: APC_LOAD } }, { id: 16, quantity: 'apparentPower', factor: 10 },
      { id: 17, quantity: 'powerFactor', factor: 0.01 }, { id: 9, quantity: 'energy', factor: 360_000 },
    ] },
    { of: 'phase', entry: `${RPDU2}.6.3.1`, columns: [
      { id: 5, quantity: 'current', factor: 0.1, state: { id: 4, words: APC_LOAD } }, { id: 6, quantity: 'voltage', factor: 1 }, { id: 7, quantity: 'activePower', factor: 10 },
      { id: 8, quantity: 'apparentPower', factor: 10 }, { id: 9, quantity: 'powerFactor', factor: 0.01 },
    ] },
    { of: 'bank', entry: `${RPDU2}.8.3.1`, columns: [{ id: 5, quantity: 'current', factor: 0.1, state: { id: 4, words: APC_LOAD } }] },
    { of: 'outlet', entry: `${RPDU2}.9.2.3.1`, label: 3, columns: [{ id: 5, quantity: 'switch', words: { 1: 'off', 2: 'on' } }] },
    { of: 'outlet', entry: `${RPDU2}.9.4.3.1`, label: 3, columns: [
      { id: 6, quantity: 'current', factor: 0.1, state: { id: 5, words: APC_LOAD } }, { id: 11, quantity: 'energy', factor: 360_000 },
    ] },
    { of: 'sensor', entry: `${RPDU2}.10.2.2.1`, label: 3, present: { id: COMMS, when: [2] }, columns: [
      { id: 8, quantity: 'temperature', factor: 0.1, state: { id: 9, words: APC_LIMITS } }, { id: 10, quantity: 'humidity', factor: 1, state: { id: 11, words: APC_LIMITS } },
    ] },
  ],
  left: 'the power of outlets (rPDU2OutletMeteredStatusPower): the MIB does not say its unit',
};
