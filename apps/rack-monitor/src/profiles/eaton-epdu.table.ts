// SPDX-License-Identifier: Apache-2.0
import { EATON_LIMITS, EATON_PHASES } from './thresholds.table.ts';
import type { Profile } from './profile.ts';

const EPDU = '1.3.6.1.4.1.534.6.6.7';
const limits = (id: number) => ({ id, words: EATON_LIMITS });

export const EATON_EPDU: Profile = {
  name: 'eaton-epdu', title: 'Eaton ePDU G3 and G4', source: 'EATON-EPDU-MIB, revision 202303311500Z', systems: [EPDU], root: `${EPDU}.1`, typed: [], absent: [],
  fahrenheit: { column: `${EPDU}.1.2.1.9`, value: 1 },
  tables: [
    { of: 'input', entry: `${EPDU}.3.1.1`, columns: [{ id: 3, quantity: 'frequency', factor: 0.1, state: { id: 4, words: { 0: 'normal', 1: 'out-of-range' } } }] },
    { of: 'phase', entry: `${EPDU}.3.2.1`, phase: { id: 2, words: EATON_PHASES }, columns: [{ id: 3, quantity: 'voltage', factor: 0.001, state: limits(4) }] },
    { of: 'phase', entry: `${EPDU}.3.3.1`, phase: { id: 2, words: { 1: 'L1', 2: 'N', 3: 'L1', 4: 'L2', 5: 'L3' } }, columns: [{ id: 4, quantity: 'current', factor: 0.001, state: limits(5) }] },
    { of: 'input', entry: `${EPDU}.3.5.1`, columns: [
      { id: 3, quantity: 'apparentPower', factor: 1, positive: true }, { id: 4, quantity: 'activePower', factor: 1, positive: true }, { id: 5, quantity: 'energy', factor: 3600 },
      { id: 7, quantity: 'powerFactor', factor: 0.001, positive: true },
    ] },
    { of: 'breaker', entry: `${EPDU}.5.1.1`, label: 3, columns: [{ id: 5, quantity: 'breaker', words: { 1: 'closed', 2: 'open' } }] },
    { of: 'bank', entry: `${EPDU}.5.3.1`, labelEntry: `${EPDU}.5.1.1`, label: 3, columns: [{ id: 3, quantity: 'voltage', factor: 0.001, state: limits(4) }] },
    { of: 'bank', entry: `${EPDU}.5.4.1`, labelEntry: `${EPDU}.5.1.1`, label: 3, columns: [{ id: 3, quantity: 'current', factor: 0.001, state: limits(4) }] },
    { of: 'outlet', entry: `${EPDU}.6.3.1`, labelEntry: `${EPDU}.6.1.1`, label: 3, columns: [{ id: 2, quantity: 'voltage', factor: 0.001, state: limits(3) }] },
    { of: 'outlet', entry: `${EPDU}.6.4.1`, labelEntry: `${EPDU}.6.1.1`, label: 3, columns: [{ id: 3, quantity: 'current', factor: 0.001, state: limits(4) }] },
    { of: 'outlet', entry: `${EPDU}.6.5.1`, labelEntry: `${EPDU}.6.1.1`, label: 3, columns: [{ id: 3, quantity: 'activePower', factor: 1, positive: true }, { id: 6, quantity: 'powerFactor', factor: 0.001, positive: true }] },
    { of: 'outlet', entry: `${EPDU}.6.6.1`, labelEntry: `${EPDU}.6.1.1`, label: 3, columns: [{ id: 2, quantity: 'switch', words: { 0: 'off', 1: 'on', 2: 'on', 3: 'off' } }] },
    { of: 'sensor', entry: `${EPDU}.7.1.1`, label: 2, present: { id: 3, when: [1] }, columns: [{ id: 4, quantity: 'temperature', factor: 0.1, state: limits(5) }] },
    { of: 'sensor', entry: `${EPDU}.7.2.1`, label: 2, present: { id: 3, when: [1] }, columns: [{ id: 4, quantity: 'humidity', factor: 0.1, state: limits(5) }] },
    { of: 'sensor', entry: `${EPDU}.7.3.1`, label: 2, present: { id: 3, when: [1] }, columns: [{ id: 4, quantity: 'presence', words: { [-1]: 'failed', 0: 'open', 1: 'closed' } }] },
  ],
  left: 'power by phase beside the total, and earlier ePDU (PDU-MIB, Powerware), which have other objects',
};
