// SPDX-License-Identifier: Apache-2.0
import type { Profile } from './profile.ts';

const ENTRY = '1.3.6.1.2.1.99.1.1.1';

export const ENTITY_SENSOR: Profile = {
  name: 'entity-sensor', title: 'sensors by RFC 3433', source: 'ENTITY-SENSOR-MIB, RFC 3433, revision 200212160000Z; names from ENTITY-MIB, RFC 6933',
  systems: [], root: ENTRY, tables: [], absent: [],
  typed: [{
    of: 'sensor', value: `${ENTRY}.4`, kind: `${ENTRY}.1`, digits: `${ENTRY}.3`,
    state: { column: `${ENTRY}.5`, words: { 1: 'normal', 2: 'unavailable', 3: 'nonoperational' } },
    // EntitySensorDataType: 3 voltsAC, 4 voltsDC, 5 amperes, 6 watts, 7 hertz, 8 celsius, 9 percentRH, 10 rpm, 12 truthvalue.
    kinds: {
      3: { quantity: 'voltage' }, 4: { quantity: 'voltage' }, 5: { quantity: 'current' }, 6: { quantity: 'activePower' }, 7: { quantity: 'frequency' }, 8: { quantity: 'temperature' },
      9: { quantity: 'humidity' }, 10: { quantity: 'rotation' }, 12: { quantity: 'presence', words: { 1: 'true', 2: 'false' } },
    },
    // EntitySensorDataScale: 1 yocto … 9 units … 17 yotta.
    scale: { column: `${ENTRY}.2`, exponents: Object.fromEntries(Array.from({ length: 17 }, (_, at) => [at + 1, (at - 8) * 3])) },
    label: { column: '1.3.6.1.2.1.47.1.1.1.1.7' },
  }],
  left: 'cubic metres per minute (11), and sensors of type other (1) and unknown (2)',
};
