// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import { berNumber, berPart, freeUdpPort, outerMessage, SNMP_USER, SnmpdProcess, usmMessage, withoutSnmpd } from '@strongroom/testing';
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
  using session = disposable(new SnmpSession(target(agent.port, { timeoutMs: 2000, retries: 0 })));
  await session.get([`${SYSTEM}.1.0`]);
  agent.signal('SIGSTOP');
  await assert.rejects(session.get([`${SYSTEM}.1.0`]), code('snmp.silent'));
  agent.signal('SIGCONT');
  using patient = disposable(new SnmpSession(target(agent.port)));
  await patient.get([`${SYSTEM}.1.0`]);
});

test('garbage is told apart from silence', async () => {
  await using peer = await answering(() => Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'));
  using session = disposable(new SnmpSession(target(peer.port, { timeoutMs: 2000, retries: 0 })));
  await assert.rejects(session.get([`${SYSTEM}.1.0`]), code('snmp.garbage'));
});

test('nobody answers', async () => {
  using session = disposable(new SnmpSession(target(await freeUdpPort(), { timeoutMs: 100, retries: 0 })));
  await assert.rejects(session.get([`${SYSTEM}.1.0`]), code('snmp.silent'));
});

test('an answer that nobody signed is not taken for the device\'s', { skip }, async () => {
  await using agent = await SnmpdProcess.start();
  await using between = await manInTheMiddle(agent.port);
  using session = disposable(new SnmpSession(target(between.port, { timeoutMs: 2000, retries: 0 })));
  await session.get([`${SYSTEM}.1.0`]);
  between.forge = unsigned;
  await assert.rejects(session.get([`${SYSTEM}.1.0`]), code('snmp.unauthenticated'));
});

test('a device that has the user\'s password made into its own keys answers for itself alone', { skip }, async () => {
  await using agent = await SnmpdProcess.start();
  await using between = await manInTheMiddle(agent.port);
  using session = disposable(new SnmpSession(target(between.port, { timeoutMs: 2000, retries: 0 })));
  await session.get([`${SYSTEM}.1.0`]);
  const { id, boots, seconds } = session.engine!;
  // The keys of another engine, in the name of which it signs; then the right ones, which shows that the answer is well made.
  between.forge = (question) => signedBy('80001f8880aabbccdd02', boots, seconds, question);
  await assert.rejects(session.get([`${SYSTEM}.1.0`]), code('snmp.unauthenticated'));
  between.forge = (question) => signedBy(id, boots, seconds, question);
  assert.equal(String((await session.get([`${SYSTEM}.1.0`]))[0]?.value), 'forged');
});

test('a device that answers each question by asking who we are is not asked for ever', async () => {
  let questions = 0;
  await using peer = await answering((question) => ((questions += 1) < 500 ? reporting(question) : null));
  using session = disposable(new SnmpSession(target(peer.port, { timeoutMs: 100, retries: 0 })));
  await assert.rejects(session.get([`${SYSTEM}.1.0`]), code('snmp.unauthenticated'));
  assert.ok(questions < 10, `${questions} questions`);
});

test('an error that no standard knows is one, and ends the question', async () => {
  await using peer = await answering((question) => {
    const answer = Buffer.from(question);
    const pdu = answer.indexOf(0xa0);
    answer[pdu] = 0xa2;
    answer[pdu + 2 + 2 + answer[pdu + 3]! + 2] = 85; // error-status, behind the request's number
    return answer;
  });
  using session = disposable(new SnmpSession(target(peer.port, { security: { community: 'public' } })));
  await assert.rejects(session.get([`${SYSTEM}.1.0`]), code('snmp.device'));
});

test('whatever a device answers, a question ends', async () => {
  let state = 7;
  const random = (below: number): number => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return Math.floor((state / 2 ** 32) * below);
  };
  await using peer = await answering((question) => {
    const answer = question[4] === 1 ? Buffer.from(question) : reporting(question);
    const pdu = answer.indexOf(0xa0);
    if (question[4] === 1 && pdu > 0) answer[pdu] = 0xa2;
    for (let changes = random(3); changes >= 0; changes--) answer[20 + random(answer.length - 20)] = random(256);
    return answer;
  });
  for (let round = 0; round < 300; round++) {
    using session = disposable(new SnmpSession(target(peer.port, { timeoutMs: 10, retries: 0, ...(round % 2 === 0 ? { security: { community: 'public' } } : {}) })));
    await session.get([`${SYSTEM}.1.0`, `${SYSTEM}.3.0`]).catch((error: { code?: string }) => assert.match(error.code ?? '', /^snmp\./));
  }
});

test('what comes from elsewhere is passed over', async () => {
  const elsewhere = createSocket('udp4');
  await using peer = await answering((question, from) => {
    elsewhere.send(question, from.port, from.address);
    return null;
  });
  using session = disposable(new SnmpSession(target(peer.port, { timeoutMs: 1000, retries: 0, security: { community: 'public' } })));
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
async function manInTheMiddle(port: number): Promise<Peer & { forge: ((question: Buffer) => Buffer) | null }> {
  const towards = await bound();
  const outer = await bound();
  let client = { port: 0, address: '' };
  const peer: Awaited<ReturnType<typeof manInTheMiddle>> = { port: outer.address().port, asked: Promise.resolve(), forge: null, [Symbol.asyncDispose]: async () => { await closed(towards); await closed(outer); } };
  outer.on('message', (question, from) => {
    client = from;
    if (peer.forge !== null) outer.send(peer.forge(question), from.port, from.address);
    else towards.send(question, port, '127.0.0.1');
  });
  towards.on('message', (answer) => outer.send(answer, client.port, client.address));
  return peer;
}

const NOBODY = berPart(4, berPart(0x30, berPart(4), berNumber(0), berNumber(0), berPart(4), berPart(4), berPart(4)));
const SAYS = berPart(0x30, berPart(0x30, Buffer.from('06082b06010201010100', 'hex'), berPart(4, Buffer.from('forged'))));

/** msgID, which is plain on the wire. */
function idOf(question: Buffer): Buffer {
  const long = question[1] === 0x82 ? 4 : question[1] === 0x81 ? 3 : 2;
  return question.subarray(long + 5, long + 5 + 2 + question[long + 6]!);
}

/** An answer to `sysDescr.0` that needs no keys. */
function unsigned(question: Buffer): Buffer {
  return outerMessage(idOf(question), 0, NOBODY, berPart(0x30, berPart(4), berPart(4), berPart(0xa2, idOf(question), berNumber(0), berNumber(0), SAYS)));
}

/** usmStatsUnknownEngineIDs, as a device reports that is asked for the first time. */
function reporting(question: Buffer): Buffer {
  const engine = berPart(4, Buffer.from('80001f8880aabbccdd02', 'hex'));
  const counted = berPart(0x30, berPart(0x30, Buffer.from('060a2b060106030f01010400', 'hex'), Buffer.from('410105', 'hex')));
  return outerMessage(idOf(question), 0, berPart(4, berPart(0x30, engine, berNumber(0), berNumber(0), berPart(4), berPart(4), berPart(4))), berPart(0x30, engine, berPart(4), berPart(0xa8, idOf(question), berNumber(0), berNumber(0), counted)));
}

/** An answer to `sysDescr.0` by the keys that SNMP_USER has on that engine. */
function signedBy(engine: string, boots: number, seconds: number, question: Buffer): Buffer {
  const id = idOf(question);
  return usmMessage({ engine, boots, seconds, id, pdu: berPart(0xa2, id, berNumber(0), berNumber(0), SAYS) });
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
