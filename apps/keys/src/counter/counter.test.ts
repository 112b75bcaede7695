// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Failed, Refused } from '@strongroom/bytes';
import { checkpointText, parseVkey, signedNote, vkeyLine } from '@strongroom/evidence';
import { TpmProcess, withoutTpm } from '@strongroom/testing';
import { openKeyring, type Keyring } from '../keyring.ts';
import { Counter } from './counter.ts';
import { judgeCounter } from './judge.ts';
import { defineCommand, responseCode } from './tpm-commands.ts';
import { TpmCounter, type HardwareCounter } from './tpm.ts';

const MODULE = '/usr/lib/softhsm/libsofthsm2.so';
const skip = existsSync(MODULE) ? withoutTpm() : 'machine: softhsm2 is not installed';
const root = mkdtempSync(join(tmpdir(), 'strongroom-counter-'));
let ring: Keyring;
let tpm: TpmProcess;
before(async () => {
  if (skip !== false) return;
  ring = await openKeyring({ directory: mkdtempSync(join(root, 'keys-')), module: MODULE, tokenLabel: 'strongroom', pinFile: undefined, deployment: 'd' });
  tpm = await TpmProcess.start();
});
after(async () => {
  ring?.close();
  await tpm?.[Symbol.asyncDispose]();
  rmSync(root, { recursive: true, force: true });
});

let used = 0x0180_1000;
/** An index that nobody used before. */
const fresh = (): string => `0x0${(used += 1).toString(16)}`;

function counterOn(hardware: HardwareCounter, stepMsMin = 0): Counter {
  for (const name of ['counter', 'counter-first']) rmSync(join(ring.directory, name), { force: true });
  const hsm = { use: async <T>(work: (opened: Keyring) => T): Promise<Awaited<T>> => await work(ring) };
  return new Counter(hardware, hsm, { directory: ring.directory, registry: () => ({ sources: {}, readers: {}, custodians: {} }), now: () => 0n }, stepMsMin);
}

function checkpoint(size: number): string {
  const text = checkpointText({ origin: 'd/log', size, root: randomBytes(32) });
  const key = parseVkey(vkeyLine('d/log', Buffer.from(ring.founded.logPublicKeySpki, 'base64')));
  return signedNote(text, key, ring.token.sign('ed25519', ring.logKeys.handle(undefined), Buffer.from(text)));
}

const statementPath = (): string => join(ring.directory, 'counter');
const refusal = (code: string) => (error: unknown) => error instanceof Refused && error.code === code;

test('a counter is made at the first step, rises with each, and bears its statement out', { skip }, async () => {
  const counter = counterOn(new TpmCounter(tpm.socket, fresh()));
  assert.deepEqual(await counter.read(), { value: null, statement: null });
  assert.equal((await counter.check()).state, 'weak');
  const first = await counter.advance(checkpoint(5));
  assert.equal(await counter.advance(checkpoint(9)), first + 1);
  const { value, statement } = await counter.read();
  assert.deepEqual([value, statement?.counter, statement?.origin, statement?.size], [first + 1, first + 1, 'd/log', 9]);
  assert.equal((await counter.check()).state, 'ok');
  await assert.rejects(counter.advance(checkpoint(8)), refusal('keys.counter-size'));
  await assert.rejects(counter.advance(checkpoint(10).replace('\n10\n', '\n11\n')), refusal('note.signature'));
});

test('an older statement, or none, is refused; the TPM keeps what it counted over a loss of power', { skip }, async () => {
  const counter = counterOn(new TpmCounter(tpm.socket, fresh()));
  await counter.advance(checkpoint(5));
  const old = join(root, 'old');
  cpSync(statementPath(), old);
  await counter.advance(checkpoint(6));
  await tpm.halt();
  await assert.rejects(counter.read(), (error) => error instanceof Failed && error.code === 'keys.counter-away');
  assert.equal((await counter.check()).state, 'weak');
  await tpm.start();
  await counter.read();
  cpSync(old, statementPath());
  await assert.rejects(counter.read(), refusal('keys.counter-rollback'));
  await assert.rejects(counter.advance(checkpoint(7)), refusal('keys.counter-rollback'));
  assert.equal((await counter.check()).state, 'bad');
  rmSync(statementPath());
  await assert.rejects(counter.read(), refusal('keys.counter-rollback'));
});

test('a crash between statement and step is got over', { skip }, async () => {
  const real = new TpmCounter(tpm.socket, fresh());
  const counter = counterOn(real);
  await counter.advance(checkpoint(5));
  const crash = new Error('crash');
  const crashing = counterOnSame({ name: real.name, read: () => real.read(), firstValue: () => real.firstValue(), increment: () => Promise.reject(crash) });
  await assert.rejects(crashing.advance(checkpoint(6)), crash);
  const { value, statement } = await counter.read();
  assert.deepEqual([statement?.size, statement?.counter], [6, value! + 1]);
  assert.equal(await counter.advance(checkpoint(7)), value! + 1);
  assert.equal((await counter.read()).statement?.size, 7);
});

function counterOnSame(hardware: HardwareCounter): Counter {
  const kept = readFileSync(statementPath());
  const counter = counterOn(hardware);
  writeFileSync(statementPath(), kept);
  return counter;
}

/** Its first step crashes: before the counter's increment, or after it. */
function crashingAtFirst(real: TpmCounter, when: 'before' | 'after'): Counter {
  const increment = async (): Promise<number> => {
    if (when === 'after') await real.increment();
    throw new Error('crash');
  };
  return counterOn({ name: real.name, read: () => real.read(), firstValue: () => real.firstValue(), increment });
}

/** The same home, after a restart. */
function restarted(hardware: HardwareCounter): Counter {
  const kept = readFileSync(join(ring.directory, 'counter-first'));
  const counter = counterOn(hardware);
  writeFileSync(join(ring.directory, 'counter-first'), kept);
  return counter;
}

test('a crash at the very first step is got over, before and after the increment', { skip }, async () => {
  for (const when of ['before', 'after'] as const) {
    const real = new TpmCounter(tpm.socket, fresh());
    await assert.rejects(crashingAtFirst(real, when).advance(checkpoint(5)), /crash/);
    assert.equal(existsSync(statementPath()), false);
    const counter = restarted(real);
    const { value, statement } = await counter.read();
    assert.deepEqual([statement?.counter ?? null, statement?.size ?? null], when === 'before' ? [null, null] : [value, 5]);
    const next = await counter.advance(checkpoint(6));
    if (when === 'after') assert.equal(next, value! + 1);
    assert.deepEqual([(await counter.read()).statement?.size, await real.read()], [6, next]);
  }
});

test('what was said of the first step is no way back: a home of that moment is refused once the counter went on', { skip }, async () => {
  const real = new TpmCounter(tpm.socket, fresh());
  await assert.rejects(crashingAtFirst(real, 'after').advance(checkpoint(5)), /crash/);
  const counter = restarted(real);
  await counter.advance(checkpoint(6));
  rmSync(statementPath());
  await assert.rejects(counter.read(), refusal('keys.counter-rollback'));
  writeFileSync(join(ring.directory, 'counter-first'), readFileSync(join(ring.directory, 'counter-first'), 'utf8').replace('size 5', 'size 4'));
  await assert.rejects(counter.read(), refusal('keys.counter-statement'));
});

test('where a counter begins is known beforehand, and nothing is left of finding it out', { skip }, async () => {
  await new TpmCounter(tpm.socket, fresh()).increment();
  const [real, beside] = [new TpmCounter(tpm.socket, fresh()), new TpmCounter(tpm.socket, fresh())];
  const expected = await real.firstValue();
  assert.equal(await beside.read(), null);
  assert.equal(await real.increment(), expected);
});

test('a statement that the token did not sign is refused', { skip }, async () => {
  const counter = counterOn(new TpmCounter(tpm.socket, fresh()));
  await counter.advance(checkpoint(5));
  writeFileSync(statementPath(), readFileSync(statementPath(), 'utf8').replace('size 5', 'size 4'));
  await assert.rejects(counter.read(), refusal('keys.counter-statement'));
});

/** Where the attributes stand in the command that defines an index, and the nibble of its kind: 0 is an ordinary one. */
const [ATTRIBUTES_AT, KIND_MASK] = [37, 0xf0];

test('an index that is no counter is refused, read or stepped', { skip }, async () => {
  const index = fresh();
  const define = defineCommand(Number(index));
  define.writeUInt32BE(define.readUInt32BE(ATTRIBUTES_AT) & ~KIND_MASK, ATTRIBUTES_AT);
  const socket = connect(tpm.socket);
  socket.write(define);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  assert.equal(responseCode(answer), 0);
  const counter = counterOn(new TpmCounter(tpm.socket, index));
  await assert.rejects(counter.read(), refusal('keys.counter-index'));
  await assert.rejects(counter.advance(checkpoint(5)), refusal('keys.counter-index'));
  assert.equal((await counter.check()).state, 'bad');
});

test('steps come no more often than hardware can bear', { skip }, async () => {
  const counter = counterOn(new TpmCounter(tpm.socket, fresh()), 3_600_000);
  const first = await counter.advance(checkpoint(5));
  assert.equal(await counter.advance(checkpoint(6)), first);
  assert.equal((await counter.read()).statement?.size, 5);
});

test('tools of others read the same counter', { skip: skip === false && spawnSync('tpm2_nvread', ['--version']).error !== undefined ? 'machine: tpm2-tools is not installed' : skip }, async () => {
  const index = fresh();
  const value = await counterOn(new TpmCounter(tpm.socket, index)).advance(checkpoint(5));
  const relay = join(root, 'relay.cjs');
  writeFileSync(relay, 'const socket = require("node:net").connect(process.argv[2]); process.stdin.pipe(socket).pipe(process.stdout);');
  const { stdout, stderr, status } = spawnSync('tpm2_nvread', [index, '-C', index, '-s', '8', '-T', `cmd:${process.execPath} ${relay} ${tpm.socket}`]);
  assert.equal(status, 0, String(stderr));
  assert.equal(stdout.readBigUInt64BE(0), BigInt(value), String(stderr));
});

test('a counter that was lost, or is another, is told from one that is ahead', () => {
  const statement = { counter: 7, origin: 'd/log', size: 5, root: Buffer.alloc(32) };
  assert.equal(judgeCounter('c', null, null), 'new');
  for (const value of [6, 7]) assert.equal(judgeCounter('c', statement, value), 'good');
  assert.throws(() => judgeCounter('c', statement, null), refusal('keys.counter-lost'));
  assert.throws(() => judgeCounter('c', statement, 5), refusal('keys.counter-other'));
  assert.throws(() => judgeCounter('c', statement, 8), refusal('keys.counter-rollback'));
  assert.throws(() => judgeCounter('c', null, 1), refusal('keys.counter-rollback'));
});
