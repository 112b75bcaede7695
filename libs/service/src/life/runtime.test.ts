// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { fork, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { configOf } from '../config/config.ts';
import type { FromService, ToService } from '../facts/messages.ts';
import { EMPTY_REGISTRY } from '../identity/registry.ts';

const FIXTURE = join(import.meta.dirname, 'runtime.fixture.ts');
const START: ToService = {
  kind: 'start', home: '/srv/none', config: configOf(), deployment: 'd', registry: EMPTY_REGISTRY, index: 0,
  separation: { kind: 'nominal', reason: 'a test', groups: null }, kmsgFd: null,
};

class Service {
  readonly child: ChildProcess;
  readonly messages: FromService[] = [];
  readonly exit: Promise<number | null>;
  output = '';

  constructor(what = '') {
    this.child = fork(FIXTURE, { env: { ...process.env, STRONGROOM_TEST: what }, silent: true });
    this.child.stdout!.on('data', (text) => { this.output += String(text); });
    this.child.on('message', (message) => this.messages.push(message as FromService));
    this.exit = Promise.all([once(this.child, 'exit'), once(this.child.stdout!, 'end')]).then(([[code]]) => code as number | null);
  }

  send(message: ToService): void {
    this.child.send(message);
  }

  /** The next message of a kind, also if it was here before. */
  async message<K extends FromService['kind']>(kind: K, from = 0): Promise<Extract<FromService, { kind: K }>> {
    for (;;) {
      const found = this.messages.slice(from).find((message) => message.kind === kind);
      if (found !== undefined) return found as Extract<FromService, { kind: K }>;
      await once(this.child, 'message');
    }
  }
}

test('who asks for the same flag twice is answered twice', async () => {
  const service = new Service('twice');
  service.send(START);
  await service.message('protect');
  service.send({ kind: 'protect-done', path: '/x', flag: 'append', ok: true, error: null });
  while (service.messages.filter((message) => message.kind === 'protect' && message.path === '/twice').length < 2) await once(service.child, 'message');
  for (const ok of [true, false]) service.send({ kind: 'protect-done', path: '/twice', flag: 'append', ok, error: null });
  service.send({ kind: 'stop' });
  await service.exit;
  const answers = service.messages.flatMap((message) => (message.kind === 'event' && message.event === 'test.answered' ? [message.fields] : []));
  assert.deepEqual(answers, [{ question: 'first', ok: true }, { question: 'second', ok: false }]);
});

test('without a supervisor it says what to do and ends with 78', () => {
  const { status, stderr } = spawnSync(process.execPath, [FIXTURE], { encoding: 'utf8', env: { PATH: process.env['PATH'] } });
  assert.equal(status, 78);
  assert.match(stderr, /npm start/);
});

test('it starts, reports, puts a registry in force before it confirms, and stops in order', async () => {
  const service = new Service();
  service.send(START);
  assert.deepEqual((await service.message('ready')).listeners, [{ protocol: 'test', address: '/srv/none' }]);
  assert.deepEqual((await service.message('stats')).values, { sources: 0 });
  assert.equal((await service.message('protect')).flag, 'append');
  service.send({ kind: 'protect-done', path: '/x', flag: 'append', ok: true, error: null });
  assert.deepEqual((await service.message('event')).fields, { ok: true });
  const before = service.messages.length;
  const enrolment = { id: 'spiffe://d/source/a', keyHash: '', serial: '', enrolledAt: '', notAfter: '', revokedAt: null };
  service.send({ kind: 'registry', registry: { sources: { a: enrolment }, readers: {}, custodians: {} }, version: 5 });
  assert.equal((await service.message('registry-done', before)).version, 5);
  assert.deepEqual((await service.message('event', before)).fields, { names: 'a' });
  service.child.kill('SIGINT');
  service.child.kill('SIGHUP');
  service.send({ kind: 'stop' });
  assert.equal((await service.message('state', before)).state, 'stopping');
  assert.equal(await service.exit, 0);
});

test('it stops in order when the supervisor is gone, and at SIGTERM', async () => {
  const orphan = new Service();
  orphan.send(START);
  await orphan.message('protect');
  orphan.child.disconnect();
  assert.equal(await orphan.exit, 0);
  const ended = new Service();
  ended.send(START);
  await ended.message('protect');
  ended.send({ kind: 'protect-done', path: '/x', flag: 'append', ok: false, error: 'a test' });
  await ended.message('event');
  ended.child.kill('SIGTERM');
  assert.equal(await ended.exit, 0);
});

test('without a supervisor it stops after those that stop before it', async () => {
  const earlier = spawn('sleep', ['1000'], { stdio: 'ignore' });
  const service = new Service();
  service.send(START);
  await service.message('protect');
  service.send({ kind: 'before', pids: [earlier.pid!] });
  service.send({ kind: 'registry', registry: EMPTY_REGISTRY, version: 1 });
  await service.message('registry-done');
  service.child.disconnect();
  await new Promise((resolve) => { setTimeout(resolve, 200); });
  assert.equal(service.child.exitCode, null);
  earlier.kill();
  assert.equal(await service.exit, 0);
});

test('it ends when it is stopped before it was started', async () => {
  const service = new Service();
  service.send({ kind: 'stop' });
  assert.equal(await service.exit, 0);
});

for (const [what, code, event] of [['refuse', 78, 'test.refused'], ['fail', 75, 'test.failed'], ['crash', 1, undefined], ['uncaught', 1, undefined]] as const) {
  test(`"${what}" ends it with ${code} and a typed event`, async () => {
    const service = new Service(what);
    service.send(START);
    assert.equal(await service.exit, code);
    const printed = JSON.parse(service.output.trim()) as { level: string; fields: { code?: string; message: string } };
    assert.equal(printed.level, 'error');
    assert.equal(printed.fields.message, 'what');
    assert.equal(printed.fields.code, event);
  });
}
