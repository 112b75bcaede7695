// SPDX-License-Identifier: Apache-2.0
// Against real chronyds, an honest one and one that is a quarter of a second off, and against servers that nobody would wish for.
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { Chronyd, chronyMissing } from '@strongroom/testing';
import { askServer, parseServer } from './ask.ts';

const PORT = 20_000 + (process.pid % 10_000);
const stop = new AbortController().signal;

test('a server is named by host, by port, and in brackets', () => {
  assert.deepEqual(['a.example', 'a.example:4123', '[2001:db8::1]:99', '2001:db8::1', '192.0.2.1'].map(parseServer), [
    { host: 'a.example', port: 123 }, { host: 'a.example', port: 4123 }, { host: '2001:db8::1', port: 99 }, { host: '2001:db8::1', port: 123 }, { host: '192.0.2.1', port: 123 },
  ]);
  for (const wrong of ['', 'a b', 'a:0', 'a:70000', '[a']) assert.throws(() => parseServer(wrong), { code: 'ntp.server' }, wrong);
});

test('what a server says holds the truth that it serves', { skip: chronyMissing() ?? false }, async () => {
  await using honest = new Chronyd({ serve: { address: '127.0.0.2', port: PORT }, lines: ['local stratum 1'] });
  await using late = new Chronyd({ serve: { address: '127.0.0.3', port: PORT }, lines: [`server 127.0.0.2 port ${PORT} iburst minpoll -2 maxpoll 0 offset 0.25`] });
  await Promise.all([honest.synchronised(), late.synchronised()]);
  const { sample: straight } = await askServer({ host: '127.0.0.2', port: PORT }, stop);
  assert.ok(Math.abs(straight.offsetNs) <= straight.errorNs, JSON.stringify({ ...straight, atNs: 0, apartNs: 0 }));
  const { sample: shifted } = await askServer({ host: '127.0.0.3', port: PORT }, stop);
  assert.ok(Math.abs(shifted.offsetNs - 250_000_000) <= shifted.errorNs, `${shifted.offsetNs} ± ${shifted.errorNs}`);
});

test('a way back that is slow, and one there, leave the truth within the bound', { skip: chronyMissing() ?? false }, async () => {
  await using _ = new Chronyd({ serve: { address: '127.0.0.4', port: PORT }, lines: ['local stratum 1'] });
  for (const [thereMs, backMs] of [[0, 150], [150, 0]] as const) {
    const relay = createSocket('udp4');
    let isOpen = true;
    relay.on('message', (packet, { port, address }) => {
      // What is still on its way at the end of the test keeps nobody alive.
      const server = createSocket('udp4').unref();
      server.on('message', (answer) => {
        server.close();
        setTimeout(() => { if (isOpen) relay.send(answer, port, address); }, backMs).unref();
      });
      setTimeout(() => server.send(packet, PORT, '127.0.0.4'), thereMs).unref();
    });
    relay.bind(0, '127.0.0.1');
    await once(relay, 'listening');
    const { sample: { offsetNs, errorNs, delayNs } } = await askServer({ host: '127.0.0.1', port: (relay.address() as AddressInfo).port }, stop);
    assert.ok(Math.abs(offsetNs) <= errorNs && Math.abs(offsetNs) > 50_000_000 && delayNs > 140_000_000, `${offsetNs} ± ${errorNs}`);
    isOpen = false;
    relay.close();
  }
});

test('a server that is not there, or answers with anything else, gives no time', async () => {
  const liar = createSocket('udp4');
  liar.on('message', (packet, { port, address }) => {
    for (let i = 0; i < 20; i += 1) liar.send(Buffer.concat([packet.subarray(0, 24), Buffer.alloc(24, 7)]), port, address);
  });
  liar.bind(0, '127.0.0.1');
  await once(liar, 'listening');
  try {
    await assert.rejects(askServer({ host: '127.0.0.1', port: (liar.address() as AddressInfo).port }, stop), { code: 'ntp.silent' });
    await assert.rejects(askServer({ host: '127.0.0.1', port: 1 }, stop), { code: 'ntp.silent' });
    const stopped = new AbortController();
    stopped.abort();
    await assert.rejects(askServer({ host: '127.0.0.1', port: 1 }, stopped.signal), { code: 'ntp.silent' });
  } finally {
    liar.close();
  }
});

test('a network that cannot be reached is a server that gives no time', async () => {
  await assert.rejects(askServer({ host: '255.255.255.255', port: 123 }, stop), { code: 'ntp.silent' });
});

test('somebody who sends in the name of the server, and does not know what was asked, puts nobody off', async () => {
  const server = createSocket('udp4');
  server.on('message', (packet, { port, address }) => {
    for (let i = 0; i < 5; i += 1) server.send(Buffer.alloc(i % 2 === 0 ? 48 : 2000, 0x24), port, address);
    const answer = Buffer.alloc(48);
    [answer[0], answer[1]] = [0x24, 1];
    packet.copy(answer, 24, 40, 48);
    const seconds = Math.floor(Date.now() / 1000) + 2_208_988_800;
    for (const at of [32, 40]) answer.writeUInt32BE(seconds % 2 ** 32, at);
    server.send(answer, port, address);
  });
  server.bind(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const { sample } = await askServer({ host: '127.0.0.1', port: (server.address() as AddressInfo).port }, stop);
    assert.ok(Math.abs(sample.offsetNs) < 2e9);
  } finally {
    server.close();
  }
});

test('a flood of packets is not waited out', async () => {
  const server = createSocket('udp4');
  let packets = 0;
  server.on('message', (_, { port, address }) => {
    for (let i = 0; i < 200; i += 1) server.send(Buffer.alloc(48), port, address, () => { packets += 1; });
  });
  server.bind(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    await assert.rejects(askServer({ host: '127.0.0.1', port: (server.address() as AddressInfo).port }, stop), { code: 'ntp.silent', message: /gives no time/ });
    assert.ok(packets > 0);
  } finally {
    server.close();
  }
});
