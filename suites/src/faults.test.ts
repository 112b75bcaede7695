// SPDX-License-Identifier: Apache-2.0
// A sync that fails, an HSM that is away, a wall clock that jumps: nothing acknowledged is lost, nothing is accepted blindly.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Item } from '@strongroom/evidence';
import { eventually, RelpClient, startAppliance, type Appliance } from '@strongroom/testing';
import { WallClock, withoutFaketime } from './wall-clock.ts';

const WINDOW = 32;

function pidOf(status: Awaited<ReturnType<Appliance['status']>>, name: string): number {
  return status.services.find((service) => service.name === name)!.pid!;
}

async function found(appliance: Appliance, source: string): Promise<Item[]> {
  const { code, stdout, stderr } = await appliance.cli('search', '--source', source, '--kind', 'data', '-o', 'jsonl');
  assert.equal(code, 0, stderr);
  return stdout.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as Item);
}

async function checkAllFound(appliance: Appliance, client: RelpClient, source: string): Promise<void> {
  const texts = new Set((await found(appliance, source)).map(({ raw }) => raw));
  assert.deepEqual(client.acked.filter((text) => !texts.has(text)).slice(0, 5), []);
  const verdict = await appliance.cli('verify', '-o', 'json');
  assert.equal(verdict.code, 0, verdict.stdout);
}

function records(count: number, from = 0): string[] {
  return Array.from({ length: count }, (_, i) => `<13>1 - - faults - - - record ${from + i}`);
}

function straceMissing(): string | false {
  const tried = spawnSync('strace', ['-e', 'trace=fsync', 'true']);
  return tried.status === 0 ? false : 'machine: strace cannot trace here';
}

describe('faults', () => {
  it('ends and recovers when a sync fails, and acknowledges nothing on the word of the page cache', { skip: straceMissing() }, async () => {
    await using appliance = await startAppliance();
    const identity = await appliance.enrol('eio');
    const client = new RelpClient({ address: appliance.addresses['relp-tls']!, identity, window: WINDOW });
    for (const when of [1, 2, 3, 4]) {
      await client.send(records(200, when * 1000));
      await client.settle();
      const vault = pidOf(await appliance.status(), 'vault');
      const strace = spawn('strace', ['-f', '-q', '-p', String(vault), '-o', '/dev/null', '-e', 'trace=fdatasync', '-e', `inject=fdatasync:error=EIO:when=${when}`], { stdio: 'ignore' });
      const ended = new Promise((resolve) => { strace.once('exit', resolve); });
      // Work goes on until the injected error has ended the vault that is traced.
      for (let i = 0; pidOf(await appliance.until(({ services }) => services.some(({ name, pid }) => name === 'vault' && pid !== null), 'a vault'), 'vault') === vault; i += 1) {
        await Promise.race([client.send(records(20, when * 1000 + 500 + i * 20)), delay(200)]);
      }
      await ended;
      await appliance.until(({ services }) => services.every(({ state }) => state === 'running'), 'all services');
    }
    await client.settle();
    await client.close();
    assert.match(appliance.output, /vault\.write-failed/);
    await checkAllFound(appliance, client, 'eio');
  });

  it('waits while the HSM is away, and seals everything afterwards', async () => {
    await using appliance = await startAppliance();
    const identity = await appliance.enrol('hsm');
    const client = new RelpClient({ address: appliance.addresses['relp-tls']!, identity, window: WINDOW });
    await client.send(records(100));
    await client.settle();
    const keys = pidOf(await appliance.status(), 'keys');
    process.kill(keys, 'SIGSTOP');
    const sending = client.send(records(500, 1000));
    await delay(1500);
    // A cycle that was signed already may end; nothing else is acknowledged.
    assert.ok(client.acked.length <= 100 + WINDOW, `${client.acked.length} acknowledged`);
    process.kill(keys, 'SIGCONT');
    await sending;
    await client.settle();
    assert.equal(client.acked.length, 600);
    await appliance.kill('keys');
    await client.send(records(100, 2000));
    await client.settle();
    await client.close();
    const opened = async (): Promise<string> => (await appliance.cli('search', '"incident.opened"', '--source', 'vault', '--kind', 'event', '-o', 'jsonl')).stdout;
    const stdout = await eventually(opened, (text) => text !== '', 'an incident to be sealed');
    const incident = JSON.parse((JSON.parse(stdout.split('\n')[0]!) as Item).raw!) as Record<string, unknown>;
    assert.deepEqual([incident['subject'], incident['reason']], ['keys', 'away']);
    const { incidents } = await appliance.until((status) => status.incidents.length > 0, 'the incident');
    assert.equal(incidents[0]!.id, incident['id']);
    // It is open for a minute; a vault that is killed meanwhile seals no end of it.
    await appliance.kill('vault');
    await appliance.until((status) => status.incidents.some(({ id, closedAt }) => id === incident['id'] && closedAt !== null), 'its end');
    for (let told = ''; !told.includes('its service ended without a word');) {
      await delay(100);
      told = (await appliance.cli('search', String(incident['id']), '--source', 'service/supervisor', '--kind', 'event', '-o', 'jsonl')).stdout;
    }
    await checkAllFound(appliance, client, 'hsm');
  });

  it('goes on in order when the wall clock jumps an hour, forward and back', { skip: withoutFaketime }, async () => {
    const clock = new WallClock();
    const appliance = await startAppliance({ environment: clock.environment });
    try {
      const identity = await appliance.enrol('clock');
      const client = new RelpClient({ address: appliance.addresses['relp-tls']!, identity, window: WINDOW });
      const offsets = ['+0', '+3600', '+0', '-1800'];
      for (const [i, offset] of offsets.entries()) {
        clock.set(offset);
        await delay(200);
        await client.send(records(100, i * 100));
        await client.settle();
      }
      await client.close();
      const items = await found(appliance, 'clock');
      assert.deepEqual(items.map(({ raw }) => raw), offsets.flatMap((_, i) => records(100, i * 100)));
      assert.deepEqual(items.map(({ sequence }) => sequence), items.map((_, i) => i));
      const times = [0, 100, 200, 300].map((i) => Date.parse(items[i]!.receivedAt));
      assert.ok(times[1]! - times[0]! > 3_500_000 && times[2]! - times[1]! < -3_500_000, times.join());
      const verdict = await appliance.cli('verify', '-o', 'json');
      assert.equal(verdict.code, 0, verdict.stdout);
    } finally {
      await appliance.stop();
      clock.remove();
    }
  });
});
