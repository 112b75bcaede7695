// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import { PduProcess, SNMP_USER, withoutPdu, freeUdpPort, type PduObject } from '@strongroom/testing';
import type { Happening } from '../track/device-track.ts';
import { Beat } from './beat.ts';
import { Device } from './device.ts';
import { Gate } from './gate.ts';

const skip = withoutPdu();
const APC = '1.3.6.1.4.1.318.1.1.26';
const VOLTS = `${APC}.6.3.1.6.1`;
const OUTLET = `${APC}.9.2.3.1.5.1`;
const OBJECTS: readonly PduObject[] = [
  [`${APC}.4.3.1.3.1`, 'string', 'left rail'], [`${APC}.4.3.1.5.1`, 'integer', 57], [`${APC}.4.3.1.9.1`, 'integer', 100], [`${APC}.6.3.1.4.1`, 'integer', 2], [`${APC}.6.3.1.5.1`, 'integer', 28], [VOLTS, 'integer', 228],
  [`${APC}.9.2.3.1.3.1`, 'string', 'web-07'], [OUTLET, 'integer', 1],
];

interface Watched {
  readonly device: Device;
  readonly told: Happening[];
  readonly events: string[];
}

function watch(port: number, security: Device['target']['security'] = SNMP_USER, timeoutMs = 3000): Watched {
  const told: Happening[] = [];
  const events: string[] = [];
  const gates = { answering: new Gate(4), recognising: new Gate(2), away: new Gate(2) };
  const device = new Device('pdu-a', { address: '127.0.0.1', port, security, timeoutMs, retries: 1 }, {
    gates, beat: new Beat(), calmMs: 1000, nominalVolts: null, hooks: { happened: (_, happening) => told.push(happening), say: (event) => events.push(event) },
  });
  return { device, told, events };
}

const types = (told: readonly Happening[]): string[] => told.map(({ told: { type, what, state } }) => [type, what, type === 'device' ? state : undefined].filter((one) => one !== undefined).join(' '));

test('a device is recognised and asked, an interruption and a switched outlet are told with their bounds', { skip }, async () => {
  await using pdu = await PduProcess.start('1.3.6.1.4.1.318.1.3.4.6', APC, OBJECTS);
  const { device, told, events } = watch(pdu.port);
  await device.look();
  assert.equal(device.facts.state, 'answering', device.facts.why ?? '');
  assert.deepEqual(device.facts.profiles, ['apc-rpdu2']);
  assert.deepEqual(events, ['rack.device-understood']);
  assert.deepEqual(types(told), ['readings', 'device answering']);
  told.length = 0;

  pdu.set(VOLTS, 4);
  await device.look();
  await device.look();
  pdu.set(VOLTS, 229);
  pdu.set(OUTLET, 2);
  assert.ok((await device.look()).happened);
  assert.deepEqual(types(told), ['interruption began', 'change', 'interruption ended', 'switched', 'change']);
  const { told: ended } = told[2]!;
  assert.equal(ended['extreme'], 4);
  assert.equal(ended['nominal'], 230);
  assert.ok(Number(ended['atLeastSeconds']) <= Number(ended['atMostSeconds']));
  assert.deepEqual(told[0]!.lasting, { reason: 'interruption: phase 1', on: true });
});

test('a device that is gone is away once, and back as one that booted', { skip }, async () => {
  await using pdu = await PduProcess.start('1.3.6.1.4.1.318.1.3.4.6', APC, OBJECTS);
  const { device, told, events } = watch(pdu.port, SNMP_USER, 2000);
  await device.look();
  await pdu.agent.halt();
  await device.look();
  await device.look();
  assert.deepEqual([device.facts.state, device.facts.code], ['away', 'snmp.silent']);
  assert.equal(events.filter((one) => one === 'rack.device-away').length, 1);
  await pdu.agent.boot();
  while (device.facts.state === 'away') await device.look();
  assert.deepEqual(types(told).filter((one) => one.startsWith('device')), ['device answering', 'device away', 'device rebooted', 'device answering']);
  assert.equal(device.counts.rebooted, 1);
  assert.equal(told.at(-1)!.lasting?.on, false);
});

test('wrong keys are told apart from silence, and a device of v2c is marked', { skip }, async () => {
  await using pdu = await PduProcess.start('1.3.6.1.4.1.318.1.3.4.6', APC, OBJECTS);
  const wrong = watch(pdu.port, { ...SNMP_USER, authPassword: 'quite another password' });
  await wrong.device.look();
  assert.equal(wrong.device.facts.code, 'snmp.wrong-key');
  assert.ok(!JSON.stringify([wrong.told, wrong.device.facts]).includes('quite another password'));
  const open = watch(pdu.port, { community: 'public' });
  await open.device.look();
  assert.deepEqual([open.device.facts.state, open.device.facts.authenticated, open.device.facts.security], ['answering', false, 'v2c, unauthenticated']);
});

test('garbage in place of answers is counted, and told apart from silence', async () => {
  const peer = createSocket('udp4');
  peer.bind(0, '127.0.0.1');
  await once(peer, 'listening');
  peer.on('message', (_, from) => peer.send(Buffer.from('HTTP/1.1 400 Bad Request'), from.port, from.address));
  const { device } = watch(peer.address().port, SNMP_USER, 1500);
  await device.look();
  peer.close();
  assert.equal(device.facts.code, 'snmp.garbage');
  assert.ok(device.counts.garbage > 0);
});

test('devices that hang take nothing from one that answers', { skip }, async () => {
  await using pdu = await PduProcess.start('1.3.6.1.4.1.318.1.3.4.6', APC, OBJECTS);
  const stop = new AbortController();
  const gates = { answering: new Gate(1), recognising: new Gate(1), away: new Gate(1) };
  const make = (name: string, port: number, timeoutMs: number): Device => new Device(name, { address: '127.0.0.1', port, security: SNMP_USER, timeoutMs, retries: 0 }, {
    gates, beat: new Beat(), calmMs: 1000, nominalVolts: null, hooks: { happened: () => undefined, say: () => undefined },
  });
  const good = make('good', pdu.port, 5000);
  await good.look();
  const looksBefore = good.counts.looks;
  // Each of these takes a minute to be found silent.
  const hung = await Promise.all([1, 2, 3].map(async (at) => make(`hung-${at}`, await freeUdpPort(), 60_000)));
  const running = [good, ...hung].map((device) => device.run(stop.signal, 0));
  while (good.counts.looks < looksBefore + 3) await new Promise((done) => { setTimeout(done, 50); });
  assert.deepEqual(hung.map(({ counts }) => counts.failed), [0, 0, 0]);
  stop.abort();
  await Promise.all(running);
});

test('a device that says something of its own accord is asked again before its time', { skip }, async () => {
  await using pdu = await PduProcess.start('1.3.6.1.4.1.318.1.3.4.6', APC, OBJECTS);
  const stop = new AbortController();
  const gates = { answering: new Gate(1), recognising: new Gate(1), away: new Gate(1) };
  // Left alone it would be asked once in an hour.
  const device = new Device('pdu-a', { address: '127.0.0.1', port: pdu.port, security: SNMP_USER, timeoutMs: 5000, retries: 0 }, {
    gates, beat: new Beat(), calmMs: 3_600_000, nominalVolts: null, hooks: { happened: () => undefined, say: () => undefined },
  });
  const running = device.run(stop.signal, 0);
  while (device.counts.looks < 1) await new Promise((done) => { setTimeout(done, 50); });
  device.nudge();
  while (device.counts.looks < 2) await new Promise((done) => { setTimeout(done, 50); });
  stop.abort();
  await running;
});
