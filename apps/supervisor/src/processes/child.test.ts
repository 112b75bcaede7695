// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { EMPTY_REGISTRY, type Registry, type ServiceEvent } from '@strongroom/service';
import { configOf } from '@strongroom/service/config';
import { Broadcast } from './broadcast.ts';
import { Child, type ChildPlan } from './child.ts';

const directory = mkdtempSync(join(tmpdir(), 'strongroom-child-'));
const lock = openSync(join(directory, 'lock'), 'a');
after(() => rmSync(directory, { recursive: true }));

const FIXTURE = join(import.meta.dirname, 'child.fixture.ts');
const ENROLLED: Registry = { sources: { a: { id: 'spiffe://d/source/a', keyHash: '', serial: '', enrolledAt: '', notAfter: '', revokedAt: null } }, readers: {}, custodians: {} };

function make(what: string, more: Partial<ChildPlan> = {}): { child: Child; events: ServiceEvent[]; misconfigured: Promise<void>; broadcast: Broadcast } {
  const events: ServiceEvent[] = [];
  const misconfigured = Promise.withResolvers<void>();
  const broadcast = new Broadcast();
  const child = new Child({
    service: 'capture', index: 0, lock, openKmsg: () => null, command: { file: process.execPath, args: [FIXTURE] },
    environment: { ...process.env, STRONGROOM_TEST: what, STRONGROOM_MARK: join(directory, what) }, ...more,
  }, {
    start: (_, kmsgFd) => ({
      kind: 'start', home: directory, config: configOf(), deployment: 'd', registry: ENROLLED, index: 0,
      separation: { kind: 'nominal', reason: 'a test', groups: null }, kmsgFd,
    }),
    message: (one, message) => { if (message.kind === 'registry-done') broadcast.confirmed(one, message.version); },
    event: (event) => events.push(event),
    ended: (one) => broadcast.gone(one),
    misconfigured: () => misconfigured.resolve(),
  });
  return { child, events, misconfigured: misconfigured.promise, broadcast };
}

test('a service starts with what it is told, runs, and stops in order', async () => {
  const { child, events } = make('serve');
  child.start();
  await child.ready;
  assert.deepEqual([child.state, child.listeners], ['running', [{ protocol: 'test', address: 'spiffe://d/source/a' }]]);
  await child.stop();
  assert.deepEqual([child.state, child.pid, child.ended[0]?.code], ['stopped', null, 0]);
  assert.deepEqual(events.map(({ event, fields }) => [event, fields['line']]), [['service.output', 'said on standard output']]);
});

test('a service that was taken over neither ends the supervisor nor speaks in its name', async () => {
  const { child, events } = make('babble');
  child.start();
  await child.ready;
  while (!events.some(({ fields }) => fields['line'] === 'said on standard output')) await new Promise((resolve) => { setTimeout(resolve, 5); });
  await child.stop();
  assert.deepEqual(events.map(({ service, event }) => [service, event]).toSorted(), [
    ['capture', 'service.output'], ['capture', 'service.output'], ['capture', 'supervisor.revoked'], ['supervisor', 'supervisor.service-disbelieved'],
  ]);
});

for (const [what, how] of [['crash-once', { code: null, signal: 'SIGKILL' }], ['restart-once', { code: 75, signal: null }]] as const) {
  test(`${what}: it is started again, and its history is kept`, async () => {
    const { child, events } = make(what);
    child.start();
    await child.ready;
    assert.equal(child.state, 'running');
    assert.deepEqual(child.ended.map(({ code, signal }) => ({ code, signal })), [how]);
    assert.equal(child.life, 2);
    assert.ok(events.some(({ event }) => event === 'supervisor.service-ended'));
    await child.stop();
  });
}

test('a service that refuses its configuration is not started again', async () => {
  const { child, misconfigured } = make('refuse');
  child.start();
  await misconfigured;
  assert.equal(child.state, 'stopped');
  await child.stop();
});

test('a service that does not heed the stop can be ended', async () => {
  const { child } = make('deaf');
  child.start();
  await child.ready;
  const stopped = child.stop();
  child.kill();
  await stopped;
  assert.equal(child.ended[0]?.signal, 'SIGKILL');
});

test('a program that is not there counts as a crash', async () => {
  const { child, events } = make('absent', { command: { file: join(directory, 'absent'), args: [] } });
  child.start();
  while (child.ended.length === 0) await new Promise((resolve) => { setTimeout(resolve, 5); });
  assert.ok(events.some(({ fields }) => String(fields['line']).includes('ENOENT')));
  await child.stop();
  assert.equal(child.state, 'stopped');
});

test('a registry counts as in force when every service has it; one that is deaf is named', async () => {
  const { child, broadcast } = make('serve');
  child.start();
  await child.ready;
  assert.deepEqual(await broadcast.send([child], EMPTY_REGISTRY, 60_000), []);
  process.kill(child.pid!, 'SIGSTOP');
  assert.deepEqual(await broadcast.send([child], EMPTY_REGISTRY, 1), [child]);
  const gone = broadcast.send([child], EMPTY_REGISTRY, 60_000);
  child.kill();
  assert.deepEqual(await gone, [], 'a process that is gone uses no old registry');
  await child.stop();
});
