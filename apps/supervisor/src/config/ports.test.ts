// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { createServer, type AddressInfo } from 'node:net';
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { configOf } from '@strongroom/service/config';
import { Refused } from '@strongroom/bytes';
import { listeningInodes, portHolders, portsOf, wantedPorts } from '@strongroom/service';
import { checkPorts } from './ports.ts';

const NAME = readFileSync('/proc/self/comm', 'utf8').trim();

test('a taken TCP port is refused, naming who holds it and the key to change', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const { port } = server.address() as AddressInfo;
  try {
    assert.deepEqual(portHolders(port), [{ pid: process.pid, name: NAME }]);
    await assert.rejects(checkPorts([{ key: 'gateway.listeners.relpTls', transport: 'tcp', address: '127.0.0.1', port }]), (error: unknown) => {
      assert.ok(error instanceof Refused);
      assert.equal(error.code, 'supervisor.port-taken');
      assert.ok(error.why?.includes(`${NAME} (process ${process.pid})`));
      assert.ok(error.fix?.includes('gateway.listeners.relpTls.port'));
      return true;
    });
  } finally {
    await new Promise((resolve) => { server.close(resolve); });
  }
  await checkPorts([{ key: 'x', transport: 'tcp', address: '127.0.0.1', port }]);
});

test('a taken UDP port is refused too', async () => {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => { socket.bind(0, '127.0.0.1', resolve); });
  const { port } = socket.address();
  try {
    assert.deepEqual(portHolders(port, 'udp'), [{ pid: process.pid, name: NAME }]);
    await assert.rejects(checkPorts([{ key: 'x', transport: 'udp', address: '127.0.0.1', port }]), { code: 'supervisor.port-taken' });
  } finally {
    socket.close();
  }
});

test('an address that is not ours is refused', async () => {
  await assert.rejects(checkPorts([{ key: 'x', transport: 'tcp', address: '192.0.2.250', port: 1 }]), { code: 'supervisor.port-refused' });
});

test('only who listens holds a port', () => {
  const table = [
    '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode',
    '   0: 0100007F:1972 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1',
    '   1: 0100007F:1972 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 222 1',
    '   2: 0100007F:9C40 0100007F:1972 01 00000000:00000000 00:00000000 00000000     0        0 333 1',
  ].join('\n');
  assert.deepEqual(listeningInodes(table, 6514), ['111']);
  assert.deepEqual(listeningInodes(table, 40000), []);
});

test('what is wanted follows the configuration', () => {
  const config = configOf({ gateway: { listeners: { syslogTcp: { enabled: true } } } });
  assert.deepEqual(wantedPorts(config).map(({ port }) => port), [6514, 2514, 514, 9464]);
  assert.deepEqual(portsOf('gateway', config), [6514, 2514, 514]);
});
