// SPDX-License-Identifier: Apache-2.0
// Others' software on either side of the witness protocol: our appliance is witnessed by litewitness and omniwitness, and a
// log of Tessera's is witnessed by ours.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Appliance, eventually, freePort, startAppliance, WitnessProcess } from '@strongroom/testing';
import { goNoteKey } from './go-note-key.ts';
import { buildDrivers, goProgram, withoutGo } from './go-programs.ts';
import { Litewitness, withoutLitewitness } from './litewitness.ts';
import { Omniwitness, withoutOmniwitness } from './omniwitness.ts';
import { cosignedBy } from './outside-verifiers.ts';

const CUSTODIANS = ['otto', 'emma'];
const TESSERA_LOG = 'github.com/transparency-dev/tessera/cmd/examples/posix-oneshot@v1.0.4';

const directory = mkdtempSync(join(tmpdir(), 'strongroom-outside-witness-'));
chmodSync(directory, 0o755);
after(() => {
  spawnSync('chattr', ['-R', '-f', '-i', '-a', directory], { stdio: 'ignore' });
  rmSync(directory, { recursive: true, force: true });
});

interface Facts {
  readonly size: number; readonly since: string | null; readonly by: readonly string[]; readonly compared: boolean;
  readonly comparison: unknown;
}
async function witnessed(appliance: Appliance, wished: (facts: Facts, logSize: number) => boolean, what: string): Promise<Facts> {
  const status = await appliance.until((now) => wished((now as unknown as { witness: Facts }).witness, now.log.size), what);
  return (status as unknown as { witness: Facts }).witness;
}

test('litewitness cosigns our log: unknown at first, then followed, lost, restarted; and by its word a home put back is refused', { skip: withoutLitewitness() }, async () => {
  await using witness = await Litewitness.start('lite.example/w', await freePort());
  const home = join(directory, 'home');
  const policy = join(directory, 'lite.policy');
  const config = { deployment: 'lite-test', witness: { policy, graceSeconds: 2, startSeconds: 5 }, vault: { heartbeatSeconds: 2 } };
  writeFileSync(policy, `witness lite ${witness.vkey} ${witness.url}\nquorum lite\n`);
  {
    // It does not know this log: sealing goes on, and says so.
    await using appliance = await startAppliance({ home, config });
    await witnessed(appliance, ({ since, size }) => since !== null && size === 0, 'the witness to be missed');
    for (const name of CUSTODIANS) assert.equal((await appliance.cli('enrol', name, '--role', 'custodian', '--out', join(directory, name))).code, 0);
    const vkey = (await appliance.cli('vkey')).stdout.trim();
    witness.learn(vkey);
    const { by } = await witnessed(appliance, ({ since, size }) => since === null && size > 5, 'a cosignature');
    assert.deepEqual(by, ['lite']);
    const verified = await appliance.cli('verify', '--policy', policy, '-o', 'json');
    assert.equal(verified.code, 0, verified.stdout);
    assert.deepEqual((JSON.parse(verified.stdout) as { witnessed: { by: string[] } }).witnessed.by, ['lite']);
    buildDrivers('cosigned');
    assert.equal(cosignedBy(join(appliance.paths.store, 'witnessed'), vkey, [witness.vkey])?.count, 1, 'a verifier of others agrees');

    await witness.kill();
    const out = await witnessed(appliance, ({ since }) => since !== null, 'the witness to be missed again');
    await appliance.until((now) => now.log.size > out.size + 5, 'sealing to go on');
    await witness.start();
    await witnessed(appliance, ({ since, size }) => since === null && size > out.size + 5, 'it to catch up by itself');
    await eventually(() => appliance.cli('status'), ({ code }) => code === 0, 'nothing to be wrong any more');
    assert.equal(await appliance.halt(), 0);
  }
  assert.equal(spawnSync('cp', ['-a', home, join(directory, 'old')]).status, 0);
  {
    // A new life of ours, an old one of the witness: it names the size from which it goes on.
    await using appliance = await startAppliance({ home, config });
    const { compared } = await witnessed(appliance, ({ since, size }, logSize) => since === null && size > logSize - 2, 'it to go on');
    assert.equal(compared, true);
    assert.equal(await appliance.halt(), 0);
  }
  // Such a witness names a size and shows no checkpoint: where it is the quorum, its word stops a start.
  // On a slow machine its word takes longer.
  await using old = new Appliance({ home: join(directory, 'old'), config: { ...config, witness: { ...config.witness, startSeconds: 60 } } });
  await assert.rejects(old.start());
  assert.equal(await old.halt(), 78);
  assert.match(old.output, /vault\.rollback.*a quorum of witnesses names more entries and shows no checkpoint: lite says \d+; this store has \d+/);
  const order = join(directory, 'rollback.order');
  for (const words of [
    ['order', 'accept-rollback', order, '--reason', 'the newest disk is lost'], ...CUSTODIANS.map((name) => ['approve', order, '--identity', join(directory, name)]), ['recover', '--accept-rollback', order],
  ]) {
    const { code, stderr } = await old.cli(...words);
    assert.equal(code, 0, stderr);
  }
  await old.start();
  assert.equal((await old.status()).log.origin, 'lite-test/log-2');
  await old.halt();
});

test('omniwitness and litewitness together are a quorum; either alone is none', { skip: withoutLitewitness() || withoutOmniwitness() }, async () => {
  const home = join(directory, 'both');
  const policy = join(directory, 'both.policy');
  const config = { deployment: 'both-test', witness: { policy, graceSeconds: 2, startSeconds: 5 }, vault: { heartbeatSeconds: 2 } };
  const founding = await startAppliance({ home, config: { deployment: 'both-test' } });
  const vkey = (await founding.cli('vkey')).stdout.trim();
  await founding.stop();
  await using lite = await Litewitness.start('lite.example/w', await freePort());
  lite.learn(vkey);
  await using omni = await Omniwitness.start('omni.example/w', await freePort(), [vkey]);
  writeFileSync(policy, `witness lite ${lite.vkey} ${lite.url}\nwitness omni ${omni.vkey} ${omni.url}\ngroup both all lite omni\nquorum both\n`);
  await using appliance = await startAppliance({ home, config });
  const { by } = await witnessed(appliance, ({ size }) => size > 5, 'both cosignatures');
  assert.deepEqual(by.toSorted(), ['lite', 'omni']);
  assert.equal((await appliance.cli('verify', '--policy', policy)).code, 0);
  buildDrivers('cosigned');
  assert.equal(cosignedBy(join(appliance.paths.store, 'witnessed'), vkey, [lite.vkey, omni.vkey])?.count, 2);
  await omni.kill();
  const out = await witnessed(appliance, ({ since }) => since !== null, 'the quorum to be missed');
  await omni.start();
  await witnessed(appliance, ({ since, size }) => since === null && size > out.size, 'it to catch up by itself');
  await appliance.halt();
  // Both remember this log, and what we have now extends what they saw.
  await appliance.start();
  const { comparison } = await witnessed(appliance, ({ compared }) => compared, 'a comparison with both');
  assert.deepEqual(comparison, { of: 2, known: ['lite', 'omni'], unknown: [], ahead: [] });
  await appliance.halt();
});

/** Adds the entries of a directory to a log of Tessera's, which publishes nothing without its witnesses. */
async function append(log: string, entries: string, keyFile: string, policy: string): Promise<{ readonly code: number | null; readonly said: string }> {
  const child = spawn(goProgram(TESSERA_LOG), [`--storage_dir=${log}`, `--entries=${entries}/*`, `--private_key=${keyFile}`, `--witness_policy_file=${policy}`], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => { said += text; });
  const [code] = (await once(child, 'exit')) as [number | null];
  return { code, said };
}

test('a log of Tessera\'s is witnessed by ours, under a policy that Tessera reads, over our restart', { skip: withoutGo() ?? false }, async () => {
  const { secret, vkey } = goNoteKey('tessera.example/log');
  const [log, keyFile, policy] = ['tessera', 'tessera.key', 'tessera.policy'].map((name) => join(directory, name)) as [string, string, string];
  writeFileSync(keyFile, secret);
  await using one = await WitnessProcess.start({ name: 'one.example/w', logs: [vkey] });
  await using two = await WitnessProcess.start({ name: 'two.example/w', logs: [vkey] });
  writeFileSync(policy, `witness one ${one.vkey} ${one.url}\nwitness two ${two.vkey} ${two.url}\ngroup both all one two\nquorum both\n`);
  buildDrivers('cosigned');
  for (const round of [1, 2, 3]) {
    const entries = join(directory, `entries-${round}`);
    mkdirSync(entries);
    for (let i = 0; i < 4; i += 1) writeFileSync(join(entries, String(i)), `entry ${i} of round ${round}`);
    const { code, said } = await append(log, entries, keyFile, policy);
    assert.equal(code, 0, said);
    assert.deepEqual(cosignedBy(join(log, 'checkpoint'), vkey, [one.vkey, two.vkey]), { size: 4 * round, count: 2 }, readFileSync(join(log, 'checkpoint'), 'utf8'));
    await two.kill();
    await two.start();
  }
});
