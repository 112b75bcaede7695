// SPDX-License-Identifier: Apache-2.0
// A rollback that witnesses refused and two custodians accepted: the log that begins then is witnessed as soon as its key is
// given to them, and until then it seals on and says that it is not.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Appliance, startAppliance, WitnessProcess } from '@strongroom/testing';

const directory = mkdtempSync(join(tmpdir(), 'strongroom-accepted-'));
chmodSync(directory, 0o755);
after(() => {
  spawnSync('chattr', ['-R', '-f', '-i', '-a', directory], { stdio: 'ignore' });
  rmSync(directory, { recursive: true, force: true });
});

async function ran(appliance: Appliance, ...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await appliance.cli(...words);
  assert.equal(code, 0, `${words.join(' ')}: ${stdout}${stderr}`);
  return stdout.trim();
}

interface Witnessed { readonly witness: { readonly size: number; readonly since: string | null } }
async function witnessed(appliance: Appliance, wished: (facts: Witnessed['witness']) => boolean, what: string): Promise<void> {
  await appliance.until((now) => wished((now as unknown as Witnessed).witness), what);
}

test('after an accepted rollback the new log is unwitnessed, and witnessed once the witnesses have its key', async () => {
  const [home, old, state, policy, order] = ['home', 'old', 'state', 'witnesses.policy', 'rollback.order'].map((name) => join(directory, name)) as [string, string, string, string, string];
  await using founding = await startAppliance({ home, config: { deployment: 'accepted-test' } });
  const vkey = await ran(founding, 'vkey');
  for (const name of ['otto', 'emma']) await ran(founding, 'enrol', name, '--role', 'custodian', '--out', join(directory, name));
  await founding.halt();
  assert.equal(spawnSync('cp', ['-a', home, old]).status, 0);

  await using before = await WitnessProcess.start({ name: 'one.example/w', logs: [vkey], state });
  writeFileSync(policy, `witness w1 ${before.vkey} ${before.url}\nquorum w1\n`);
  const config = { deployment: 'accepted-test', witness: { policy, graceSeconds: 1, startSeconds: 5 }, vault: { heartbeatSeconds: 1 } };
  await using newest = await startAppliance({ home, config });
  const { log } = await newest.status();
  await witnessed(newest, ({ size }) => size > log.size, 'the witness to have seen more');
  await newest.halt();

  // On a slow machine an answer takes longer, and without it nothing is refused.
  await using refused = new Appliance({ home: old, config: { ...config, witness: { ...config.witness, startSeconds: 60 } } });
  await assert.rejects(refused.start());
  assert.match(refused.output, /the witness w1 has seen \d+ entries/);

  await using appliance = new Appliance({ home: old, config });
  await ran(appliance, 'order', 'accept-rollback', order, '--reason', 'the newest disk is lost');
  for (const name of ['otto', 'emma']) await ran(appliance, 'approve', order, '--identity', join(directory, name));
  await ran(appliance, 'recover', '--accept-rollback', order);
  await appliance.start();
  assert.equal((await appliance.status()).log.origin, 'accepted-test/log-2');
  await witnessed(appliance, ({ size, since }) => size === 0 && since !== null, 'the witness to be missed');

  const next = await ran(appliance, 'vkey');
  await before.kill();
  await using _ = await WitnessProcess.start({ name: 'one.example/w', logs: [vkey, next], state, port: Number(new URL(before.url).port) });
  await witnessed(appliance, ({ size, since }) => size > 0 && since === null, 'the new log to be witnessed');
  await ran(appliance, 'verify', '--policy', policy);
});
