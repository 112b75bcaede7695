// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkText } from './config-check.ts';

const findings = (device: string): readonly string[] => checkText(`rack: {devices: {pdu-a: ${device}}}`).findings.map(({ key }) => key);

test('a device with an address and a user is enough, and weak settings are refused by their key', () => {
  assert.deepEqual(findings('{address: 192.0.2.20, user: monitor}'), []);
  assert.deepEqual(findings('{address: 2001:db8::1, user: monitor, authProtocol: sha, privProtocol: aes}'), []);
  assert.deepEqual(findings('{address: 192.0.2.20, version: v2c, communityFile: c}'), []);
  for (const [device, key] of [
    ['{address: pdu.example.com, user: monitor}', 'address'], ['{user: monitor}', 'address'], ['{address: 192.0.2.20, user: monitor, authProtocol: md5}', 'authProtocol'], ['{address: 192.0.2.20, user: monitor, privProtocol: des}', 'privProtocol'],
    ['{address: 192.0.2.20, user: monitor, privProtocol: none}', 'privProtocol'], ['{address: 192.0.2.20, version: v1}', 'version'], ['{address: 192.0.2.20, user: monitor, communityFile: c}', 'communityFile'],
    ['{address: 192.0.2.20, version: v2c, communityFile: c, user: monitor}', 'user'],
  ] as const) assert.deepEqual(findings(device), [`rack.devices.pdu-a.${key}`]);
  for (const device of ['{address: 192.0.2.20}', '{address: 192.0.2.20, version: v2c}']) assert.deepEqual(findings(device), ['rack.devices.pdu-a']);
  assert.deepEqual(checkText('rack: {devices: {PDU A: {address: 192.0.2.20, user: monitor}}}').findings.map(({ key }) => key), ['rack.devices.PDU A']);
  assert.equal(checkText('rack: {devices: {pdu-a: {address: 192.0.2.20, password: secret}}}').findings.length, 1);
});
