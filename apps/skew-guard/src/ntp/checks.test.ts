// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { NtpServer } from '@strongroom/testing';
import { readMoment } from '../kernel/clocks.ts';
import { Checks } from './checks.ts';

const PORT = 20_000 + (process.pid % 10_000);
const EVERY_SECONDS = 60;
const stop = new AbortController().signal;

function checksOf(...servers: readonly string[]): { checks: Checks; events: string[]; round: (index: number) => Promise<void> } {
  const events: string[] = [];
  const checks = new Checks({ checks: servers, checkSeconds: EVERY_SECONDS, oscillatorPpb: 1000, holdoverPpb: 15_000 }, stop, (event) => { events.push(event); });
  return { checks, events, round: (index) => checks.tick(index * EVERY_SECONDS * 1000) };
}

test('a clock that was set by less than counts as a step makes what was measured before as much more uncertain', async () => {
  await using _ = await NtpServer.listen({ address: '127.0.0.21', port: PORT });
  const { checks, round } = checksOf(`127.0.0.21:${PORT}`);
  await round(1);
  const moment = readMoment();
  const [before] = checks.at(moment, 0);
  const [after] = checks.at({ ...moment, wallNs: moment.wallNs + 150_000n }, 0);
  assert.ok(after!.errorNs - before!.errorNs >= 149_000, `${before!.errorNs} and ${after!.errorNs}`);
  assert.deepEqual(checks.at({ ...moment, wallNs: moment.wallNs + 300_000n }, 0), []);
});

test('a server that asks to be left alone is asked no more in that round, and less and less often after it', async () => {
  let asked = 0;
  const server = createSocket('udp4').on('message', (packet, { port, address }) => {
    asked += 1;
    const kiss = Buffer.alloc(48);
    kiss[0] = 0x24;
    kiss.write('RATE', 12, 'latin1');
    packet.copy(kiss, 24, 40, 48);
    server.send(kiss, port, address);
  }).bind(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const { round, events } = checksOf(`127.0.0.1:${(server.address() as AddressInfo).port}`);
    const askedIn: number[] = [];
    for (let index = 1; index <= 16; index += 1) {
      const before = asked;
      await round(index);
      if (asked > before) askedIn.push(index);
    }
    assert.deepEqual([asked, askedIn, events], [4, [1, 3, 6, 11], ['clock.reference-away']]);
  } finally {
    server.close();
  }
});
