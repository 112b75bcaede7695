// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Twins, type Twin } from './twins.ts';

const make = (name: string, address: string, id: string | null): Twin => ({ name, target: { address }, engine: id === null ? null : { id } });

test('a device that another answers for is told once, ports of one machine and devices of v2c are not', () => {
  const twins = new Twins();
  const devices = [make('pdu-a', '192.0.2.1', 'aa'), make('pdu-b', '192.0.2.2', 'bb'), make('old-1', '192.0.2.3', null), make('old-2', '192.0.2.4', null), make('agent-1', '192.0.2.5', 'cc'), make('agent-2', '192.0.2.5', 'cc')];
  assert.deepEqual(twins.take(devices), []);
  const passed = devices.with(1, make('pdu-b', '192.0.2.2', 'aa'));
  assert.deepEqual(twins.take(passed), [{ device: 'pdu-b', other: 'pdu-a', engine: 'aa' }]);
  assert.deepEqual(twins.take(passed), []);
});
