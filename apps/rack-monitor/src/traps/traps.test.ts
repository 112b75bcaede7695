// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { test } from 'node:test';
import { berPart, SNMP_USER, usmTrap } from '@strongroom/testing';
import type { Happening } from '../track/device-track.ts';
import { startTraps, type TrapDevice } from './traps.ts';

interface Watched {
  readonly sealed: [subject: string, told: Happening['told']][];
  readonly said: object[];
  readonly nudged: string[];
}

const ENGINES: Readonly<Record<string, string>> = { 'pdu-a': '80001f8880aabbccdd01', 'pdu-b': '80001f8880aabbccdd02' };
const makeDevice = (name: string, { nudged }: Watched): TrapDevice => ({
  name, target: { address: '127.0.0.1', port: 161, security: SNMP_USER, timeoutMs: 1000, retries: 0 }, engine: { id: ENGINES[name]!, boots: 3, seconds: 100 }, nudge: () => void nudged.push(name),
});

async function until(is: () => boolean): Promise<void> {
  while (!is()) await new Promise((done) => { setTimeout(done, 5); });
}

async function withTraps(act: (send: (device: string, salt: number, values?: readonly Buffer[]) => void, watched: Watched) => Promise<void>): Promise<Watched> {
  const watched: Watched = { sealed: [], said: [], nudged: [] };
  const traps = await startTraps({ enabled: true, address: '127.0.0.1', port: 0 }, Object.keys(ENGINES).map((name) => makeDevice(name, watched)), 'spiffe://test/rack-monitor', {
    seal: (subject, { told }) => watched.sealed.push([subject, told]), say: (_, fields) => watched.said.push(fields!),
  });
  const socket = createSocket('udp4');
  const port = Number(traps.facts.address!.split(':')[1]);
  const send = (device: string, salt: number, values: readonly Buffer[] = []): void => socket.send(usmTrap({ engine: ENGINES[device]!, boots: 3, seconds: 110, salt }, values), port, '127.0.0.1');
  await act(send, watched);
  socket.close();
  await traps.close();
  return watched;
}

test('a device that floods us with signed traps is counted, and takes nothing from another', async () => {
  const { sealed, said, nudged } = await withTraps(async (send, watched) => {
    for (let salt = 1; salt <= 320; salt++) {
      send('pdu-a', salt);
      await until(() => watched.nudged.length === salt);
    }
    send('pdu-b', 1);
    await until(() => watched.sealed.some(([subject]) => subject === 'pdu-b'));
  });
  assert.equal(sealed.filter(([subject]) => subject === 'pdu-a').length, 300);
  assert.equal(sealed.at(-1)![1]['trap'], '1.3.6.1.4.1.318.0.1');
  assert.deepEqual(said, [{ unsealed: 20 }], 'what was not sealed is told, at the end at the latest');
  assert.equal(nudged.length, 321);
});

test('a trap makes a record that is bounded, whatever it carries', async () => {
  // One object with a name of 30,000 numbers, one with 30,000 octets, and eighty more.
  const long = berPart(0x30, berPart(6, Buffer.concat([Buffer.from([0x2b]), Buffer.alloc(20_000, 1)])), Buffer.from('0500', 'hex'));
  const wide = berPart(0x30, Buffer.from('06032b0601', 'hex'), berPart(4, Buffer.alloc(20_000, 0x41)));
  const more = Array.from({ length: 80 }, () => berPart(0x30, Buffer.from('06032b0601', 'hex'), Buffer.from('020101', 'hex')));
  const { sealed } = await withTraps(async (send, watched) => {
    send('pdu-a', 1, [long, wide, ...more]);
    await until(() => watched.sealed.length === 1);
  });
  const [[, told]] = sealed as [[string, Happening['told']]];
  assert.ok(JSON.stringify(told).length < 8192, String(JSON.stringify(told).length));
  assert.equal(told['left'], 19);
});
