// SPDX-License-Identifier: Apache-2.0
// What the supervisor may say of services; a real one says it in doctor.test.ts.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { TestAuthority } from '@strongroom/testing';
import { makeEvent, type Status } from '@strongroom/service';
import { examine } from '../examine.ts';
import { FoundedHome } from '../testing/founded-home.ts';
import { servicesCheck } from './services.ts';

const authority = await TestAuthority.make('Strongroom CA');

async function found(services: readonly Readonly<Record<string, unknown>>[], health: Partial<Status['health']> = { ok: true }) {
  using home = await FoundedHome.make(authority);
  const all = services.map((one) => ({ index: 0, pid: 1, state: 'running', reason: null, since: new Date().toISOString(), ...one }));
  const { findings } = await examine([servicesCheck], { ...await home.patient(), silence: null, status: { services: all, health } as unknown as Status });
  return findings.map(({ code, fix }) => [code, fix] as const);
}

test('services that run say nothing', async () => {
  assert.deepEqual(await found([{ name: 'supervisor' }, { name: 'vault' }]), []);
});

test('each state that is none of running has its code, and a unit that is awaited its command', async () => {
  const told = await found([{ name: 'vault', state: 'stalled', reason: 'the disk is full' }, { name: 'keys', state: 'starting' }, { name: 'gateway', index: 1, state: 'starting', reason: 'its unit is awaited' }]);
  assert.deepEqual(told.map(([code]) => code), ['service.stalled', 'service.away', 'service.away']);
  assert.equal(told[2]![1], 'systemctl status strongroom-gateway@1');
  assert.deepEqual((await found([{ name: 'vault', state: 'degraded', reason: 'damaged' }])).map(([code]) => code), ['service.degraded']);
});

test('a vault that runs and does not commit is told', async () => {
  assert.deepEqual((await found([{ name: 'vault' }], { ok: false, reason: 'the last commit was long ago' })).map(([code]) => code), ['service.sealing']);
});

test('when nothing answers, what went wrong last since the last start is told, and nothing of before', async () => {
  using home = await FoundedHome.make(authority);
  const events = [makeEvent('keys', 'service.failed', 'error', { message: 'of long ago' }), makeEvent('supervisor', 'supervisor.started', 'info'), makeEvent('vault', 'service.failed', 'error', { message: 'the store is older', code: 'vault.rollback' })];
  const { findings } = await examine([servicesCheck], { ...await home.patient(), events });
  assert.deepEqual(findings.map(({ code, evidence }) => [code, evidence['lastFailure']]), [['service.not-running', 'vault.rollback']]);
});

test('a service that has not told how it stands for long is told, one that is stopped by a signal with the command that lets it go on', async () => {
  const longAgo = new Date(Date.now() - 90_000).toISOString();
  assert.deepEqual((await found([{ name: 'gateway', saidAt: longAgo }])).map(([code, fix]) => [code, fix.slice(0, 10)]), [['service.standing-still', 'kill -KILL']]);
  assert.deepEqual(await found([{ name: 'gateway', saidAt: new Date().toISOString() }, { name: 'vault', saidAt: null }]), []);
  const child = spawn('/bin/sleep', ['600'], { stdio: 'ignore' });
  try {
    await once(child, 'spawn');
    child.kill('SIGSTOP');
    while (!readFileSync(`/proc/${child.pid}/status`, 'utf8').includes('(stopped)')) await delay(10);
    assert.deepEqual(await found([{ name: 'gateway', pid: child.pid }]), [['service.standing-still', `kill -CONT ${child.pid}`]]);
  } finally {
    child.kill('SIGKILL');
  }
});
