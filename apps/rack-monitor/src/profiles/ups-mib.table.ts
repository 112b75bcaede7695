// SPDX-License-Identifier: Apache-2.0
import type { Profile } from './profile.ts';

const UPS = '1.3.6.1.2.1.33.1';

export const UPS_MIB: Profile = {
  name: 'ups-mib', title: 'UPS by RFC 1628', source: 'UPS-MIB, RFC 1628, revision 9402230000Z', systems: ['1.3.6.1.2.1.33'], root: UPS, absent: [], typed: [],
  tables: [
    { of: 'battery', entry: `${UPS}.2`, columns: [
      { id: 1, quantity: 'battery', words: { 1: 'unknown', 2: 'normal', 3: 'low', 4: 'depleted' } },
      { id: 2, quantity: 'duration', factor: 1 }, { id: 4, quantity: 'charge', factor: 1 }, { id: 5, quantity: 'voltage', factor: 0.1 },
      { id: 6, quantity: 'current', factor: 0.1 }, { id: 7, quantity: 'temperature', factor: 1 },
    ] },
    { of: 'device', entry: `${UPS}.3`, columns: [{ id: 1, quantity: 'count', factor: 1 }] },
    { of: 'input', entry: `${UPS}.3.3.1`, columns: [
      { id: 2, quantity: 'frequency', factor: 0.1 }, { id: 3, quantity: 'voltage', factor: 1 }, { id: 4, quantity: 'current', factor: 0.1 }, { id: 5, quantity: 'activePower', factor: 1 },
    ] },
    { of: 'output', entry: `${UPS}.4`, columns: [
      { id: 1, quantity: 'supply', words: { 1: 'other', 2: 'none', 3: 'normal', 4: 'bypass', 5: 'battery', 6: 'booster', 7: 'reducer' } }, { id: 2, quantity: 'frequency', factor: 0.1 },
    ] },
    { of: 'output', entry: `${UPS}.4.4.1`, columns: [
      { id: 2, quantity: 'voltage', factor: 1 }, { id: 3, quantity: 'current', factor: 0.1 }, { id: 4, quantity: 'activePower', factor: 1 }, { id: 5, quantity: 'load', factor: 1 },
    ] },
    { of: 'bypass', entry: `${UPS}.5.3.1`, columns: [
      { id: 2, quantity: 'voltage', factor: 1 }, { id: 3, quantity: 'current', factor: 0.1 }, { id: 4, quantity: 'activePower', factor: 1 },
    ] },
  ],
  left: 'upsEstimatedMinutesRemaining and the alarm table, whose rows come and go',
};
