// SPDX-License-Identifier: Apache-2.0
import type { Profile, Words } from './profile.ts';

const SENTRY4 = '1.3.6.1.4.1.1718.4';
const OBJECTS = `${SENTRY4}.1`;

/** DeviceStatus. */
const STATUS: Words = {
  0: 'normal', 1: 'disabled', 2: 'purged', 5: 'reading', 6: 'settling', 7: 'absent', 8: 'lost', 9: 'read-error', 10: 'unreachable', 11: 'power-error', 12: 'tripped', 13: 'fuse-blown',
  14: 'below-critical', 15: 'below-warning', 16: 'above-warning', 17: 'above-critical', 18: 'alarm', 19: 'below-critical', 20: 'above-critical', 21: 'failed', 22: 'failed', 23: 'conflict',
};
/** DeviceStatus of a breaker or a fuse: what does not say that it opened leaves it closed. */
const BREAKER: Words = { 0: 'closed', 12: 'open', 13: 'open', 14: 'closed', 15: 'closed', 16: 'closed', 17: 'closed', 18: 'closed' };
const status = (id: number) => ({ id, words: STATUS });

export const SENTRY_4: Profile = {
  name: 'sentry4', title: 'Server Technology PRO1 and PRO2', source: 'Sentry4-MIB, revision 201706151830Z', systems: [SENTRY4], root: OBJECTS, typed: [], absent: [-1],
  fahrenheit: { column: `${OBJECTS}.9.1.10`, value: 1 },
  tables: [
    { of: 'input', entry: `${OBJECTS}.3.3.1`, labelEntry: `${OBJECTS}.3.2.1`, label: 3, columns: [
      { id: 3, quantity: 'activePower', factor: 1, state: status(4) }, { id: 5, quantity: 'apparentPower', factor: 1, state: status(6) }, { id: 8, quantity: 'powerFactor', factor: 0.01, state: status(9) },
      { id: 10, quantity: 'energy', factor: 360_000 }, { id: 11, quantity: 'frequency', factor: 0.1 }, { id: 12, quantity: 'unbalance', factor: 0.1, state: status(13) },
    ] },
    { of: 'phase', entry: `${OBJECTS}.5.3.1`, labelEntry: `${OBJECTS}.5.2.1`, label: 4, columns: [
      { id: 3, quantity: 'voltage', factor: 0.1, state: status(4) }, { id: 6, quantity: 'current', factor: 0.01 }, { id: 8, quantity: 'activePower', factor: 1 },
      { id: 9, quantity: 'apparentPower', factor: 1 }, { id: 10, quantity: 'powerFactor', factor: 0.01, state: status(11) },
    ] },
    { of: 'breaker', entry: `${OBJECTS}.6.3.1`, labelEntry: `${OBJECTS}.6.2.1`, label: 4, columns: [{ id: 1, quantity: 'breaker', words: BREAKER }] },
    { of: 'bank', entry: `${OBJECTS}.7.3.1`, labelEntry: `${OBJECTS}.7.2.1`, label: 4, columns: [{ id: 3, quantity: 'current', factor: 0.01, state: status(4) }] },
    { of: 'outlet', entry: `${OBJECTS}.8.3.1`, labelEntry: `${OBJECTS}.8.2.1`, label: 3, columns: [
      { id: 1, quantity: 'switch', words: { 0: 'unknown', 1: 'on', 2: 'off' } }, { id: 3, quantity: 'current', factor: 0.01, state: status(4) }, { id: 6, quantity: 'voltage', factor: 0.1 },
      { id: 7, quantity: 'activePower', factor: 1, state: status(8) }, { id: 10, quantity: 'powerFactor', factor: 0.01, state: status(11) }, { id: 14, quantity: 'energy', factor: 3600 },
    ] },
    { of: 'sensor', entry: `${OBJECTS}.9.3.1`, labelEntry: `${OBJECTS}.9.2.1`, label: 3, columns: [{ id: 1, quantity: 'temperature', factor: 0.1, absent: [-410], state: status(2) }] },
    { of: 'sensor', entry: `${OBJECTS}.10.3.1`, labelEntry: `${OBJECTS}.10.2.1`, label: 3, columns: [{ id: 1, quantity: 'humidity', factor: 1, state: status(2) }] },
  ],
  left: 'lines, whose currents stand with the phases, and the energy of phases',
};
