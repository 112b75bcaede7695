// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RackAnswer } from '@strongroom/service';
import { probedLines, rackLines } from './screen.ts';

const AT = BigInt(Date.UTC(2026, 2, 1, 12, 0, 10)) * 1_000_000n;
const device: RackAnswer['devices'][number] = {
  name: 'pdu-a', address: '192.0.2.20', port: 161, security: 'authPriv, SHA-256, AES-256', authenticated: true, state: 'answering', code: null, why: null, since: '2026-03-01T12:00:00Z', profiles: ['apc-rpdu2'], system: '1.3',
  description: 'a PDU', engine: { id: '8000', boots: 7, seconds: 60 }, lookedAt: '2026-03-01T12:00:08Z', tookMs: 12, intervalMs: 10_000, lasting: [],
  readings: [{ quantity: 'voltage', of: 'phase', place: '1', label: null, value: 228.4, unit: 'V', state: 'normal', oid: '1.3' }, { quantity: 'switch', of: 'outlet', place: '3', label: 'web\u001b[31m', value: null, unit: '', state: 'on', oid: '1.4' }],
};
const answer: RackAnswer = { counts: { answering: 1, away: 0, readings: 2, looks: 1, failed: 0 }, devices: [device], unusable: [], left: 0, traps: null, heat: { zones: [], throttled: null, warnings: [], lasting: [] } };
const plain = (_: unknown, text: string): string => text;

test('devices, readings and heat are tables, and nothing that a device says reaches the terminal raw', () => {
  const heat = { throttled: { core: 1, package: 0 }, warnings: [], lasting: [], zones: [{ id: 'thermal_zone0', kind: 'cpu', celsius: 61.5, trips: [{ kind: 'passive', celsius: 60 }, { kind: 'critical', celsius: 100 }] }] };
  const lines = rackLines({ ...answer, heat, left: 3 }, AT, plain);
  assert.deepEqual(lines, [
    'DEVICE  ADDRESS     STATE      PROFILE    SECURITY                    LOOKED AT', 'pdu-a   192.0.2.20  answering  apc-rpdu2  authPriv, SHA-256, AES-256  2.0 s ago, each 10 s', '', 'pdu-a',
    '  OF        NAME       QUANTITY    VALUE  STATE', '  phase 1   -          voltage   228.4 V  normal', '  outlet 3  web\\e[31m  switch          -  on', '', '3 values more: "strongroom rack show NAME" tells those of one device.', '',
    'TEMPERATURE    OF       NOW        NEXT TRIP', 'thermal_zone0  cpu  61.5 °C  100 °C critical', '', 'Throttled since the boot: cores 1 time, packages 0 times.',
  ]);
});

test('what is away and what lasts is named', () => {
  assert.match(rackLines({ ...answer, unusable: ['pdu-b'] }, AT, plain)[2]!, /^pdu-b is not asked/);
  const lines = rackLines({ ...answer, devices: [{ ...device, state: 'away', code: 'snmp.silent', why: '192.0.2.20 does not answer', readings: [], lasting: ['interruption: phase 1'] }] }, AT, plain);
  assert.match(lines[1]!, /away \(snmp\.silent\)/);
  assert.equal(lines[2], 'pdu-a is away: 192.0.2.20 does not answer [snmp.silent]');
  assert.equal(lines.at(-1), 'pdu-a: interruption: phase 1');
  assert.deepEqual(rackLines({ ...answer, devices: [] }, AT, plain), ['No device is configured ("strongroom rack probe" tries one).']);
});

test('a probe says how it was authenticated and what was not understood', () => {
  const probed = { ...device, description: 'a PDU', system: '1.3.6.1.4.1.318', tookMs: 120, profiles: [{ name: 'apc-rpdu2', title: 'APC', source: 'PowerNet-MIB', left: 'banks' }] };
  const lines = probedLines(probed);
  assert.equal(lines[0], 'It is understood: 2 values in 120 ms.');
  assert.ok(lines.includes('  sysObjectID  1.3.6.1.4.1.318'));
  assert.match(probedLines({ ...probed, authenticated: false, security: 'v2c, unauthenticated', engine: null }).join('\n'), /v2c, unauthenticated: whoever can reach it/);
  assert.match(probedLines({ ...probed, profiles: [], readings: [] })[0]!, /no profile fits/);
});
