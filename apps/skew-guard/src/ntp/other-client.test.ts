// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { NtpServer } from '@strongroom/testing';
import { readMoment } from '../kernel/clocks.ts';
import { Checks } from './checks.ts';
import { askByOtherClient, contradictionOf } from './other-client.ts';

const PORT = 20_000 + (process.pid % 10_000);
const OFF_NS = -3_000_000_000n;

test('what the other client is told holds the time of the server, also when it answers late', async () => {
  await using server = await NtpServer.listen({ address: '127.0.0.1', port: PORT });
  server.offsetNs = OFF_NS;
  for (const lateMs of [0, 100]) {
    server.lateMs = lateMs;
    const { low, high } = (await askByOtherClient('127.0.0.1', PORT))!;
    assert.ok(low <= Number(OFF_NS) && Number(OFF_NS) <= high, `${low} ${high}`);
    assert.ok(high - low >= lateMs * 1e6);
  }
});

test('a server that is silent, or answers with less than an answer, gives it none', async () => {
  const short = createSocket('udp4');
  short.on('message', (_, { port, address }) => short.send('what', port, address));
  short.bind(0, '127.0.0.1');
  await once(short, 'listening');
  try {
    assert.deepEqual(await Promise.all([askByOtherClient('127.0.0.1', (short.address() as AddressInfo).port), askByOtherClient('127.0.0.1', 1)]), [null, null]);
  } finally {
    short.close();
  }
});

test('two clients contradict each other where no time suits both', () => {
  const ours = { offsetNs: 100, errorNs: 10 };
  assert.equal(contradictionOf(ours, { low: 105, high: 500 }, 0), 0);
  assert.equal(contradictionOf(ours, { low: 120, high: 500 }, 0), 10);
  assert.equal(contradictionOf(ours, { low: 120, high: 500 }, 10), 0);
  assert.equal(contradictionOf(ours, { low: 0, high: 80 }, 0), 10);
});

test('a check counts when both clients agree about the server, and not when they do not: that is said once', async () => {
  await using server = await NtpServer.listen({ address: '127.0.0.1', port: PORT });
  const [said, stop] = [[] as string[], new AbortController()];
  const checks = new Checks({ checks: [`127.0.0.1:${PORT}`], checkSeconds: 4, oscillatorPpb: 1000, holdoverPpb: 15_000 }, stop.signal, (event) => { said.push(event); });
  let rounds = 0;
  const round = async (): Promise<number> => {
    await checks.tick(performance.now() + 1e6 * (rounds += 1));
    return checks.at(readMoment(), 0).length;
  };
  assert.equal(await round(), 1);
  // Tells those who ask by version 3 of the protocol, as the other client does, another time.
  server.offsetOfVersion3Ns = 60_000_000_000n;
  assert.equal(await round(), 0);
  assert.equal(await round(), 0);
  server.offsetOfVersion3Ns = 0n;
  assert.equal(await round(), 1);
  assert.deepEqual(said, ['clock.clients-differ']);
  stop.abort();
});
