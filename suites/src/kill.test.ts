// SPDX-License-Identifier: Apache-2.0
// Every process killed at random points under load: what was acknowledged is found, and the store verifies.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Item } from '@strongroom/evidence';
import { RelpClient, Seeded, startAppliance, type Appliance } from '@strongroom/testing';

const KILLS = Number(process.env['STRONGROOM_KILLS'] ?? 55);
const SEED = Number(process.env['STRONGROOM_SEED'] ?? 20_261);
const VICTIMS = ['gateway', 'vault', 'vault', 'keys', 'capture', 'supervisor'];
const WINDOW = 64;

async function kill(appliance: Appliance, victim: string): Promise<void> {
  if (victim === 'supervisor') {
    await appliance.crash();
    await appliance.start();
  } else {
    await appliance.kill(victim);
  }
}

/** Sends while `until` is pending. Returns how many it sent. */
async function load(client: RelpClient, until: { done: boolean }): Promise<number> {
  let count = 0;
  while (!until.done) {
    await client.send(Array.from({ length: 32 }, () => `<13>1 - - kill - - - record ${count++} ${'y'.repeat(count % 300)}`));
    await delay(1);
  }
  return count;
}

describe('kill -9', () => {
  it(`loses nothing that was acknowledged, over ${KILLS} kills`, async () => {
    const random = new Seeded(SEED);
    const ports = { syslogTls: { enabled: false }, relpTls: { address: '127.0.0.1', port: 20_000 + Math.floor(Math.random() * 10_000) } };
    await using appliance = await startAppliance({ config: { gateway: { listeners: ports }, vault: { segmentMaxBytes: 1_048_576 } } });
    const identity = await appliance.enrol('killed');
    const client = new RelpClient({ address: appliance.addresses['relp-tls']!, identity, window: WINDOW });
    const end = { done: false };
    const loading = load(client, end);
    for (let i = 0; i < KILLS; i += 1) {
      await delay(random.between(20, 320));
      await kill(appliance, random.pick(VICTIMS));
      // Half of the time the next kill may come while the last is still being got over.
      if (random.chance(0.5)) await appliance.until(({ services }) => services.every(({ state }) => state === 'running'), 'all services');
    }
    end.done = true;
    const sent = await loading;
    await appliance.until(({ services }) => services.every(({ state }) => state === 'running'), 'all services');
    await client.settle();
    await client.close();
    assert.deepEqual(client.refused, []);

    const { code, stdout, stderr } = await appliance.cli('search', '--source', 'killed', '--kind', 'data', '-o', 'jsonl');
    assert.equal(code, 0, stderr);
    const found = new Map<string, number>();
    for (const line of stdout.split('\n')) if (line !== '') count(found, (JSON.parse(line) as Item).raw!);
    assert.deepEqual(client.acked.filter((text) => !found.has(text)).slice(0, 5), [], `of ${client.acked.length} acknowledged`);
    assert.equal(client.acked.length, sent);
    const verdict = await appliance.cli('verify', '-o', 'json');
    assert.equal(verdict.code, 0, verdict.stdout);
    console.log(`# ${sent} records acknowledged over ${client.connections} connections, ${[...found.values()].reduce((a, b) => a + b, 0) - found.size} sent twice`);
  });
});

function count(found: Map<string, number>, text: string): void {
  found.set(text, (found.get(text) ?? 0) + 1);
}
