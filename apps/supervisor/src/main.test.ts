// SPDX-License-Identifier: Apache-2.0
// The whole life, with the real services: start, use, crash, stop, start again.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { RpcClient } from '@strongroom/service';
import { startAppliance, type Appliance } from '@strongroom/testing';

const ROOT = process.getuid?.() === 0;
const MAIN = join(import.meta.dirname, 'main.ts');
let appliance: Appliance;
before(async () => { appliance = await startAppliance(); });
after(() => appliance.stop());

function procStatus(pid: number): Record<string, string> {
  return Object.fromEntries(readFileSync(`/proc/${pid}/status`, 'utf8').split('\n').map((line) => line.split(/:\s+/, 2) as [string, string]));
}

test('status tells of the log, every service and every listener', async () => {
  const { log, services, listeners, records } = await appliance.status();
  assert.match(log.vkey, /^strongroom-[0-9a-f]{8}\//);
  assert.deepEqual(services.map(({ name, state }) => `${name} ${state}`), ['supervisor', 'keys', 'vault', 'gateway', 'capture'].map((name) => `${name} running`));
  assert.deepEqual(listeners.map(({ protocol }) => protocol), ['syslog-tls', 'relp-tls', 'metrics']);
  for (const { name, pid } of services) assert.ok(readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`apps/${name}/`), name);
  assert.ok(Number.isSafeInteger(records));
});

test('each service has its own user and no right beside', { skip: !ROOT }, async () => {
  const services = (await appliance.status()).services.filter(({ name }) => name !== 'supervisor');
  const facts = services.map(({ pid }) => procStatus(pid!));
  assert.equal(new Set(facts.map(({ Uid }) => Uid)).size, services.length);
  for (const { Uid, CapEff, CapPrm, CapInh, CapBnd, CapAmb, NoNewPrivs } of facts) {
    assert.ok(!Uid!.split('\t').includes('0'));
    assert.deepEqual([CapEff, CapPrm, CapInh, CapBnd, CapAmb].map((set) => BigInt(`0x${set}`)), [0n, 0n, 0n, 0n, 0n]);
    assert.equal(NoNewPrivs, '1');
  }
  for (const { pid } of services) assert.match(readFileSync(`/proc/${pid}/limits`, 'utf8'), /Max core file size\s+0\s+0/);
});

test('secrets and orders are for those who need them', async () => {
  const { paths } = appliance;
  assert.equal(statSync(paths.controlSocket).mode & 0o777, 0o600);
  assert.equal(statSync(paths.keysAdminSocket).mode & 0o777, 0o600);
  for (const name of ['keys', 'vault', 'gateway', 'capture', 'supervisor', 'operator'] as const) assert.equal(statSync(join(paths.secrets, name)).mode & 0o007, 0, name);
  assert.equal(statSync(paths.store).mode & 0o007, 0);
});

test('metrics and health are served while cycles commit', async () => {
  const { address } = (await appliance.status()).listeners.find(({ protocol }) => protocol === 'metrics')!;
  const health = await fetch(`http://${address}/health`);
  assert.deepEqual([health.status, await health.json()], [200, { ok: true, reason: null, degraded: null }]);
  const metrics = await (await fetch(`http://${address}/metrics`)).text();
  assert.match(metrics, /^strongroom_vault_records\{process="0"\} \d+$/m);
  assert.ok(metrics.endsWith('# EOF\n'));
  assert.equal((await fetch(`http://${address}/else`)).status, 404);
});

test('watch tells how it goes', async () => {
  const client = await RpcClient.connect(appliance.paths.controlSocket);
  for await (const item of client.stream('watch')) {
    assert.deepEqual((item as { states: object }).states, { keys: 'running', vault: 'running', gateway: 'running', capture: 'running' });
    break;
  }
  client.close();
});

test('a second supervisor is refused with three lines and 78, and disturbs nothing', async () => {
  const { status, stderr } = spawnSync(process.execPath, [MAIN], { env: appliance.environment, encoding: 'utf8' });
  assert.equal(status, 78);
  assert.match(stderr, /^strongroom: .*already running.*\n {2}why: process \d+ .*\n {2}do: {2}.*\n$/);
  assert.ok((await appliance.status()).services.every(({ state }) => state === 'running'));
});

for (const service of ['gateway', 'capture', 'keys', 'vault']) {
  test(`${service} is started again after a crash`, async () => {
    const [before] = await appliance.kill(service);
    await appliance.until(({ services }) => {
      const one = services.find(({ name }) => name === service);
      return one?.state === 'running' && one.pid !== before;
    }, `${service} to run again`);
  });
}

test('it goes on when nobody reads any more what it prints', async () => {
  appliance.hangUp();
  const [before] = await appliance.kill('gateway');
  await appliance.until(({ services }) => services.some(({ name, state, pid }) => name === 'gateway' && state === 'running' && pid !== before), 'the gateway to run again');
});

test('it stops in order, leaves no process and no file of the run, and goes on where it was', async () => {
  const { log, records, services } = await appliance.status();
  assert.equal(await appliance.halt(), 0);
  for (const { pid } of services) assert.ok(!existsSync(`/proc/${pid}`));
  for (const path of [appliance.paths.pidFile, appliance.paths.controlSocket]) assert.ok(!existsSync(path), path);
  await appliance.start();
  const again = await appliance.status();
  assert.equal(again.log.vkey, log.vkey);
  assert.ok(again.log.size > log.size && again.records >= records);
});

test('it goes on after the supervisor itself was killed', async () => {
  await appliance.crash();
  await appliance.start();
  assert.ok((await appliance.status()).services.every(({ state }) => state === 'running'));
});

test('a home that others cannot reach is no obstacle, and the machine is left as it was', { skip: !ROOT }, async () => {
  const hidden = mkdtempSync(join(tmpdir(), 'strongroom-hidden-'));
  const before = readdirSync('/run');
  const one = await startAppliance({ home: join(hidden, 'home') });
  try {
    const uids = (await one.status()).services.map(({ pid }) => procStatus(pid!)['Uid']);
    assert.equal(new Set(uids).size, uids.length);
    assert.equal(statSync(hidden).mode & 0o777, 0o700);
  } finally {
    await one.stop();
    spawnSync('chattr', ['-R', '-f', '-i', '-a', hidden]);
    rmSync(hidden, { recursive: true });
  }
  assert.deepEqual(readdirSync('/run').filter((name) => name.startsWith('strongroom-') && !before.includes(name)), []);
});
