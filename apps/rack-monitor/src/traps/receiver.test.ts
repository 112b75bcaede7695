// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import { SNMP_USER, snmpProgram, usmMessage, usmTrap, withoutSnmpd } from '@strongroom/testing';
import { TrapReceiver, type Notice, type Refusal, type Sender } from './receiver.ts';
import { Windows } from './window.ts';

const skip = withoutSnmpd();
const ENGINE = '80001f8880aabbccdd01';
const OURS = '8000b983050102030405060708090a0b0c';
const TRAP = '1.3.6.1.4.1.318.0.276';
const SENDER: Sender = { name: 'pdu-a', address: '127.0.0.1', engineId: ENGINE, engineBoots: 7, engineSeconds: 1000, credentials: SNMP_USER };

interface Listening extends AsyncDisposable {
  readonly port: number;
  readonly believed: Notice[];
  readonly refused: Refusal[];
  readonly datagrams: Buffer[];
  /** Resolves when so many came, of both kinds. */
  came(count: number): Promise<void>;
}

async function listen(senders: readonly Sender[] = [SENDER]): Promise<Listening> {
  const [believed, refused, datagrams]: [Notice[], Refusal[], Buffer[]] = [[], [], []];
  let came: (() => void) | undefined;
  const receiver = await TrapReceiver.listen('127.0.0.1', 0, OURS, {
    senders, failed: (error) => { throw error; },
    believed: (notice) => { believed.push(notice); came?.(); },
    refused: (why, _, datagram) => { refused.push(why); datagrams.push(Buffer.from(datagram)); came?.(); },
  });
  return {
    port: Number(receiver.address.split(':')[1]), believed, refused, datagrams, [Symbol.asyncDispose]: () => receiver.close(),
    async came(count) {
      while (believed.length + refused.length < count) await new Promise<void>((done) => { came = done; });
    },
  };
}

/** `snmptrap` of net-snmp: an implementation that is not the one that receives. */
async function trap(port: number, more: readonly string[], keys: { readonly auth?: string; readonly level?: string } = {}): Promise<number | null> {
  const { file, env } = snmpProgram('snmptrap');
  const v3 = ['-v3', '-l', keys.level ?? 'authPriv', '-u', SNMP_USER.user, '-a', 'SHA-256', '-A', keys.auth ?? SNMP_USER.authPassword, '-x', 'AES-256', '-X', SNMP_USER.privPassword];
  const child = spawn(file, [...(more.includes('-v2c') ? [] : v3), ...more, `127.0.0.1:${port}`, '', TRAP, `${TRAP}.1`, 's', 'outlet 3 off'], { env, stdio: 'ignore' });
  return (await once(child, 'exit'))[0] as number | null;
}

function part(tag: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([tag, body.length]), body]);
}

const number = (value: number): Buffer => part(2, Buffer.from([value]));
const signed = (boots: number, seconds: number): string[] => ['-e', `0x${ENGINE}`, '-Z', `${boots},${seconds}`];

test('a trap that its device signed is believed, once, and only while it is new', { skip }, async () => {
  await using there = await listen();
  await trap(there.port, signed(7, 1010));
  await there.came(1);
  assert.deepEqual(there.refused, []);
  const [{ device, claims, values, isInform }] = there.believed as [Notice];
  assert.deepEqual([device, claims.engine, claims.boots, claims.user, isInform], ['pdu-a', ENGINE, 7, SNMP_USER.user, false]);
  assert.ok(values.some(({ value }) => String(value) === 'outlet 3 off'));
  await trap(there.port, signed(7, 500));
  await trap(there.port, signed(6, 9000));
  await there.came(3);
  assert.deepEqual(there.refused, ['old', 'old']);
});

test('one that nobody signed, of any version, is not believed', { skip }, async () => {
  await using there = await listen();
  await trap(there.port, ['-v2c', '-c', 'public']);
  await trap(there.port, [...signed(7, 1010)], { level: 'noAuthNoPriv' });
  await trap(there.port, [...signed(7, 1010)], { level: 'authNoPriv' });
  await there.came(3);
  assert.deepEqual([there.refused, there.believed], [['unsigned', 'unsigned', 'unsigned'], []]);
});

test('a user without a name, whom net-snmp would let in, is not', async () => {
  await using there = await listen();
  const oid = Buffer.from('060a2b060106030101040100', 'hex');
  const pdu = part(0xa7, number(1), number(0), number(0), part(0x30, part(0x30, oid, Buffer.from('06052b06010401', 'hex'))));
  const header = part(0x30, number(1), Buffer.from('020300ffe3', 'hex'), part(4, Buffer.from([0])), number(3));
  const security = part(4, part(0x30, part(4), number(0), number(0), part(4), part(4), part(4)));
  const message = part(0x30, number(3), header, security, part(0x30, part(4), part(4), pdu));
  const socket = createSocket('udp4');
  socket.send(message, there.port, '127.0.0.1');
  socket.send(Buffer.from('no SNMP at all'), there.port, '127.0.0.1');
  await there.came(2);
  socket.close();
  assert.deepEqual([there.refused, there.believed], [['unsigned', 'garbage'], []]);
});

test('wrong keys, and an engine that nobody has asked yet, are refused', { skip }, async () => {
  await using there = await listen();
  await trap(there.port, signed(7, 1010), { auth: 'quite another password' });
  await trap(there.port, ['-e', '0x80001f8880ffffffff', '-Z', '1,1']);
  await there.came(2);
  assert.deepEqual([there.refused, there.believed], [['wrong-digest', 'unknown-engine'], []]);
});

test('an inform is acknowledged, and what was sent is sent again by nobody else', { skip }, async () => {
  await using there = await listen();
  assert.equal(await trap(there.port, ['-Ci']), 0);
  await there.came(1);
  assert.deepEqual([there.believed.length, there.believed[0]?.isInform, there.believed[0]?.claims.engine], [1, true, OURS]);
});

test('whoever knows an engine cannot keep us busy with signatures, nor others from being heard', async () => {
  const other = { ...SENDER, name: 'pdu-b', engineId: `${ENGINE}ff` };
  await using there = await listen([SENDER, other]);
  const socket = createSocket('udp4');
  const forged = usmTrap({ engine: ENGINE, boots: 7, seconds: 1010 });
  forged[forged.length - 1]! ^= 1;
  while (!there.refused.includes('too-many')) {
    for (let at = 0; at < 50; at++) socket.send(forged, there.port, '127.0.0.1');
    await there.came(there.refused.length + 1);
  }
  assert.ok(there.refused.filter((why) => why === 'wrong-digest').length >= 20);
  const before = there.refused.length;
  while (there.believed.length === 0) {
    socket.send(usmTrap({ engine: other.engineId, boots: 7, seconds: 1010, salt: before }), there.port, '127.0.0.1');
    await there.came(there.believed.length + there.refused.length + 1);
  }
  socket.close();
  assert.equal(there.believed[0]?.device, 'pdu-b');
});

test('who asks which engine we are is answered so often and no more: the question may be in the name of somebody else', async () => {
  await using there = await listen();
  const socket = createSocket('udp4');
  let answers = 0;
  socket.on('message', () => { answers += 1; });
  const security = part(4, part(0x30, part(4), number(0), number(0), part(4), part(4), part(4)));
  const question = part(0x30, number(3), part(0x30, number(1), Buffer.from('020300ffe3', 'hex'), part(4, Buffer.from([4])), number(3)), security, part(0x30, part(4), part(4), part(0xa0, number(1), number(0), number(0), part(0x30))));
  while (!there.refused.includes('too-many')) {
    for (let at = 0; at < 50; at++) socket.send(question, there.port, '127.0.0.1');
    await new Promise((done) => { setTimeout(done, 10); });
  }
  socket.close();
  assert.ok(answers > 0);
  assert.deepEqual([...new Set(there.refused)], ['too-many']);
});

function informAt(seconds: number, salt: number): Buffer {
  return usmMessage({ engine: OURS, boots: 1, seconds, salt, id: number(1), pdu: part(0xa6, number(1), number(0), number(0), part(0x30)) });
}

test('who learnt our time before we began anew is still believed, and what was sent before then is not again', async () => {
  const socket = createSocket('udp4');
  let before: Buffer = Buffer.alloc(0);
  let [learnt, learntAt] = [0, 0];
  {
    await using there = await listen();
    [learnt, learntAt] = [Math.floor(Date.now() / 1000) - 1_700_000_000, performance.now()];
    before = informAt(learnt, 1);
    socket.send(before, there.port, '127.0.0.1');
    await there.came(1);
    assert.deepEqual([there.refused, there.believed.length], [[], 1]);
  }
  await new Promise((done) => { setTimeout(done, 1500); });
  await using there = await listen();
  socket.send(before, there.port, '127.0.0.1');
  await there.came(1);
  assert.deepEqual(there.refused, ['old']);
  // A sender signs each repetition anew, by the time as it goes on.
  for (let salt = 2; there.believed.length === 0; salt++) {
    socket.send(informAt(learnt + Math.floor((performance.now() - learntAt) / 1000), salt), there.port, '127.0.0.1');
    await there.came(salt);
    await new Promise((done) => { setTimeout(done, 200); });
  }
  socket.close();
});

test('a user may have a name of any letters', async () => {
  const user = 'Wächter';
  await using there = await listen([{ ...SENDER, credentials: { ...SNMP_USER, user } }]);
  const socket = createSocket('udp4');
  socket.send(usmTrap({ engine: ENGINE, boots: 7, seconds: 1010, user }), there.port, '127.0.0.1');
  await there.came(1);
  socket.close();
  assert.deepEqual([there.believed[0]?.claims.user, there.refused], [user, []]);
});

test('a trap that was held back is old by the time that was polled, and a flood makes no room for what came already', () => {
  const windows = new Windows();
  const claims = { engine: 'a', user: 'u', boots: 2, seconds: 1000, digest: 'first' };
  windows.learn('a', 2, 1000);
  windows.learn('a', 2, 5000);
  assert.equal(windows.admit(claims), 'old');
  const fresh = { ...claims, seconds: 5000 };
  assert.equal(windows.admit(fresh), 'new');
  for (let at = 0; at < 10_000; at++) windows.admit({ ...fresh, digest: String(at) });
  assert.equal(windows.admit(fresh), 'again');
  assert.equal(windows.admit({ ...fresh, digest: 'one more' }), 'too-many');
  windows.learn('a', 2, 5300);
  assert.equal(windows.admit({ ...fresh, seconds: 5300, digest: 'later' }), 'new');
});

test('a message that comes again is known, and time goes on by what was signed', () => {
  const windows = new Windows();
  const claims = { engine: 'a', user: 'u', boots: 2, seconds: 1000, digest: '1' };
  assert.equal(windows.admit(claims), 'new');
  assert.equal(windows.admit(claims), 'again');
  assert.equal(windows.admit({ ...claims, seconds: 850, digest: '2' }), 'new');
  assert.equal(windows.admit({ ...claims, seconds: 849, digest: '3' }), 'old');
  assert.equal(windows.admit({ ...claims, boots: 3, seconds: 1, digest: '4' }), 'new');
  assert.equal(windows.admit({ ...claims, digest: '5' }), 'old');
  windows.learn('a', 9, 5);
  assert.equal(windows.admit({ ...claims, boots: 8, seconds: 50_000, digest: '6' }), 'old');
});
