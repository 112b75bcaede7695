// SPDX-License-Identifier: Apache-2.0
import type { Part, Profile, TypedTable, Words } from './profile.ts';

const PDU2 = '1.3.6.1.4.1.13742.6';

/** SensorStateEnumeration. */
const STATES: Words = {
  [-1]: 'unavailable', 0: 'open', 1: 'closed', 2: 'below-critical', 3: 'below-warning', 4: 'normal', 5: 'above-warning', 6: 'above-critical', 7: 'on', 8: 'off', 9: 'detected', 10: 'not-detected',
  11: 'alarmed', 12: 'normal', 14: 'failed', 15: 'yes', 16: 'no', 17: 'standby', 18: 'one', 19: 'two', 20: 'in-sync', 21: 'out-of-sync', 22: 'failed', 23: 'failed', 24: 'failed', 25: 'failed',
  26: 'failed', 27: 'warning', 28: 'critical', 29: 'self-test', 30: 'non-redundant', 31: 'inactive',
};
/** SensorTypeEnumeration; energies are in Wh. */
const KINDS: TypedTable['kinds'] = {
  1: { quantity: 'current' }, 3: { quantity: 'unbalance' }, 4: { quantity: 'voltage' }, 5: { quantity: 'activePower' }, 6: { quantity: 'apparentPower' }, 7: { quantity: 'powerFactor' },
  8: { quantity: 'energy', factor: 3600 }, 10: { quantity: 'temperature' }, 11: { quantity: 'humidity' }, 15: { quantity: 'breaker', words: {} }, 20: { quantity: 'presence', words: {} },
  16: { quantity: 'presence', words: {} }, 17: { quantity: 'presence', words: {} }, 18: { quantity: 'presence', words: {} }, 23: { quantity: 'frequency' }, 24: { quantity: 'phaseAngle' },
  25: { quantity: 'voltage', suffix: '-N' }, 43: { quantity: 'presence', words: {} }, 51: { quantity: 'crestFactor' },
};

/** A table of measurements (`.6.5.a.b.1`) and that of its sensors (`.6.3.c.d.1`) have the same index. */
const measured = (of: Part, measurements: string, sensors: string, label?: TypedTable['label']): TypedTable => ({
  of, value: `${PDU2}.5.${measurements}.1.4`, state: { column: `${PDU2}.5.${measurements}.1.3`, words: STATES }, kind: 'index', kinds: KINDS,
  units: { column: `${PDU2}.3.${sensors}.1.6`, others: { 14: 'fahrenheit' } }, digits: `${PDU2}.3.${sensors}.1.7`, ...(label === undefined ? {} : { label }),
});

export const RARITAN_PX: Profile = {
  name: 'raritan-px', title: 'Raritan and Legrand PX2, PX3, PX4', source: 'PDU2-MIB, revision 202410070000Z', systems: [PDU2], root: `${PDU2}.3.2`, absent: [],
  tables: [{ of: 'outlet', entry: `${PDU2}.4.1.2.1`, labelEntry: `${PDU2}.3.5.3.1`, label: 3, columns: [{ id: 3, quantity: 'switch', words: { 7: 'on', 8: 'off' } }] }],
  typed: [
    measured('input', '2.3', '3.4', { column: `${PDU2}.3.3.3.1.2`, withoutLast: true }), measured('phase', '2.4', '3.6'),
    measured('breaker', '3.3', '4.4', { column: `${PDU2}.3.4.3.1.2`, withoutLast: true }), measured('outlet', '4.3', '5.4', { column: `${PDU2}.3.5.3.1.3`, withoutLast: true }),
    {
      of: 'sensor', value: `${PDU2}.5.5.3.1.4`, state: { column: `${PDU2}.5.5.3.1.3`, words: STATES }, kind: `${PDU2}.3.6.3.1.2`, kinds: KINDS,
      units: { column: `${PDU2}.3.6.3.1.16`, others: { 14: 'fahrenheit' } }, digits: `${PDU2}.3.6.3.1.17`, label: { column: `${PDU2}.3.6.3.1.4` },
    },
  ],
  left: 'poles of outlets, outlet groups, circuits, wires, transfer switches, and columns of signed values beside the unsigned ones',
};
