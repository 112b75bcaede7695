// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import { freeUdpPort, SNMP_USER, SnmpdProcess, withoutSnmpd } from '@strongroom/testing';
import { SnmpSession } from './session.ts';
import type { SnmpTarget } from './target.ts';

const skip = withoutSnmpd();
const SYSTEM = '1.3.6.1.2.1.1';
const target = (port: number, more: Partial<SnmpTarget> = {}): SnmpTarget => ({ address: '127.0.0.1', port, security: SNMP_USER, timeoutMs: 3000, retries: 1, ...more });
const code = (expected: string) => (error: unknown): boolean => {
  assert.equal((error as { code?: string }).code, expected);
  return true;
};

test('a device is asked with authPriv by SHA-256 and AES-256, and says who it is', { skip }, async () => {
  await using agent = await SnmpdProcess.start();
  using session = disposable(new SnmpSession(target(agent.port)));
  const [description, absent] = await session.get([`${SYSTEM}.1.0`, `${SYSTEM}.99.0`]);
  assert.equal(String(description?.value), 'a test agent');
  assert.equal(absent?.value, null);
  assert.ok(session.authenticated);
  assert.match(session.engine?.id ?? '', /^80001f88/);
  assert.equal(session.engine?.boots, 1);
});

test('a subtree is walked to its end, and no further', { skip }, async () => {
  await using agent = await SnmpdProcess.start();
  using session = disposable(new SnmpSession(target(agent.port)));
  const answers = await session.walk(SYSTEM);
  assert.ok(answers.length > 5);
  assert.ok(answers.every(({ oid }) => oid.startsWith(`${SYSTEM}.`)));
  await assert.rejects(session.walk('1.3.6.1.2.1', { answersMax: 10, questionsMax: 100 }), code('snmp.too-much'));
  await assert.rejects(session.walk('1.3.6.1.2.1', { answersMax: 4096, questionsMax: 2 }), code('snmp.too-much'));
});

test('wrong keys, a wrong user and a wrong level each have their code', { skip }, async () => {
  await using agent = await SnmpdProcess.start();
  for (const [more, expected] of [
    [{ authPassword: 'another password' }, 'snmp.wrong-key'], [{ user: 'nobody' }, 'snmp.unknown-user'],
  ] as const) {
    using session = disposable(new SnmpSession(target(agent.port, { security: { ...SNMP_USER, ...more } })));
    await assert.rejects(session.get([`${SYSTEM}.1.0`]), code(expected));
  }
});

test('what cannot be decrypted is no answer', { skip }, async () => {
  await using agent = await SnmpdProcess.start();
  using session = disposable(new SnmpSession(target(agent.port, { security: { ...SNMP_USER, privPassword: 'another password' }, timeoutMs: 500, retries: 0 })));
  // snmpd reports what it cannot decrypt, or what it decrypts is no PDU and it says nothing.
  await assert.rejects(session.get([`${SYSTEM}.1.0`]), (error: { code?: string }) => ['snmp.wrong-privacy-key', 'snmp.silent'].includes(error.code ?? ''));
});

test('SHA-512 with AES-128, and v2c without authentication', { skip }, async () => {
  await using agent = await SnmpdProcess.start();
  using other = disposable(new SnmpSession(target(agent.port, { security: { ...SNMP_USER, user: 'other', authProtocol: 'sha512', privProtocol: 'aes' } })));
  assert.equal(String((await other.get([`${SYSTEM}.1.0`]))[0]?.value), 'a test agent');
  using open = disposable(new SnmpSession(target(agent.port, { security: { community: 'public' } })));
  assert.equal(String((await open.get([`${SYSTEM}.5.0`]))[0]?.value), 'rack-1');
  assert.equal(open.authenticated, false);
  assert.equal(open.engine, null);
});

test('a device that booted again is asked on, and its boots are counted', { skip }, async () => {
  await using agent = await SnmpdProcess.start();
  using session = disposable(new SnmpSession(target(agent.port)));
  await session.get([`${SYSTEM}.1.0`]);
  const before = session.engine!.boots;
  await agent.halt();
  await agent.boot();
  assert.equal(String((await session.get([`${SYSTEM}.1.0`]))[0]?.value), 'a test agent');
  assert.equal(session.engine!.boots, before + 1);
});

test('a device that hangs is silent, and answers again afterwards', { skip }, async () => {
  await using agent = await SnmpdProcess.start();
  using session = disposable(new SnmpSession(target(agent.port, { timeoutMs: 200, retries: 0 })));
  await session.get([`${SYSTEM}.1.0`]);
  agent.signal('SIGSTOP');
  await assert.rejects(session.get([`${SYSTEM}.1.0`]), code('snmp.silent'));
  agent.signal('SIGCONT');
  using patient = disposable(new SnmpSession(target(agent.port)));
  await patient.get([`${SYSTEM}.1.0`]);
});

test('garbage is told apart from silence', async () => {
  await using peer = await answering(() => Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'));
  using session = disposable(new SnmpSession(target(peer.port, { timeoutMs: 200, retries: 0 })));
  await assert.rejects(session.get([`${SYSTEM}.1.0`]), code('snmp.garbage'));
});

test('nobody answers', async () => {
  using session = disposable(new SnmpSession(target(await freeUdpPort(), { timeoutMs: 100, retries: 0 })));
  await assert.rejects(session.get([`${SYSTEM}.1.0`]), code('snmp.silent'));
});

test('an answer that nobody signed is not taken for the device\'s', { skip }, async () => {
  await using agent = await SnmpdProcess.start();
  await using between = await manInTheMiddle(agent.port);
  using session = disposable(new SnmpSession(target(between.port, { timeoutMs: 300, retries: 0 })));
  await session.get([`${SYSTEM}.1.0`]);
  between.forge = true;
  await assert.rejects(session.get([`${SYSTEM}.1.0`]), code('snmp.unauthenticated'));
});

test('what comes from elsewhere is passed over', async () => {
  const elsewhere = createSocket('udp4');
  await using peer = await answering((question, from) => {
    elsewhere.send(question, from.port, from.address);
    return null;
  });
  using session = disposable(new SnmpSession(target(peer.port, { timeoutMs: 200, retries: 0, security: { community: 'public' } })));
  await assert.rejects(session.get([`${SYSTEM}.1.0`]), code('snmp.silent'));
  assert.equal(session.foreign, 1);
  elsewhere.close();
});

test('a closed session ends what is under way', async () => {
  await using peer = await answering(() => null);
  const session = new SnmpSession(target(peer.port));
  const asked = session.get([`${SYSTEM}.1.0`]);
  await peer.asked;
  session.close();
  await assert.rejects(asked, code('snmp.closed'));
  await assert.rejects(session.get([`${SYSTEM}.1.0`]), code('snmp.closed'));
});

function disposable(session: SnmpSession): SnmpSession & Disposable {
  return Object.assign(session, { [Symbol.dispose]: () => session.close() });
}

interface Peer extends AsyncDisposable {
  readonly port: number;
  readonly asked: Promise<void>;
}

async function answering(answer: (question: Buffer, from: { port: number; address: string }) => Buffer | null): Promise<Peer> {
  const socket = await bound();
  const asked = Promise.withResolvers<void>();
  socket.on('message', (question, from) => {
    asked.resolve();
    const said = answer(question, from);
    if (said !== null) socket.send(said, from.port, from.address);
  });
  return { port: socket.address().port, asked: asked.promise, [Symbol.asyncDispose]: () => closed(socket) };
}

/** Passes on what both say. Where `forge` is set it answers in the device's place: the message id that it saw, and no keys. */
async function manInTheMiddle(port: number): Promise<Peer & { forge: boolean }> {
  const towards = await bound();
  const outer = await bound();
  let client = { port: 0, address: '' };
  const peer = { port: outer.address().port, asked: Promise.resolve(), forge: false, [Symbol.asyncDispose]: async () => { await closed(towards); await closed(outer); } };
  outer.on('message', (question, from) => {
    client = from;
    if (peer.forge) outer.send(forged(question), from.port, from.address);
    else towards.send(question, port, '127.0.0.1');
  });
  towards.on('message', (answer) => outer.send(answer, client.port, client.address));
  return peer;
}

function part(tag: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  assert.ok(body.length < 128);
  return Buffer.concat([Buffer.from([tag, body.length]), body]);
}

/** An answer to `sysDescr.0` with msgFlags 0: all that it repeats is plain on the wire. */
function forged(question: Buffer): Buffer {
  const long = question[1] === 0x82 ? 4 : question[1] === 0x81 ? 3 : 2;
  const id = question.subarray(long + 5, long + 5 + 2 + question[long + 6]!);
  const number = (value: number): Buffer => part(2, Buffer.from([value]));
  const varbind = part(0x30, Buffer.from('06082b06010201010100', 'hex'), part(4, Buffer.from('forged')));
  const pdu = part(0xa2, id, number(0), number(0), part(0x30, varbind));
  const security = part(4, part(0x30, part(4), number(0), number(0), part(4), part(4), part(4)));
  return part(0x30, number(3), part(0x30, id, Buffer.from('020300ffe3', 'hex'), part(4, Buffer.from([0])), number(3)), security, part(0x30, part(4), part(4), pdu));
}

async function bound(): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}

async function closed(socket: Socket): Promise<void> {
  socket.close();
  await once(socket, 'close');
}
