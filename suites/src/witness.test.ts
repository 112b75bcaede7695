// SPDX-License-Identifier: Apache-2.0
// A whole appliance and its witnesses: followed, lost, found again; and a home that is put back whole is refused, because
// others remember what it forgot.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Appliance, eventually, freePort, startAppliance, WitnessProcess } from '@strongroom/testing';

const directory = mkdtempSync(join(tmpdir(), 'strongroom-witnessed-'));
chmodSync(directory, 0o755);
const home = join(directory, 'home');
const policy = join(directory, 'witnesses.policy');
const witnesses: WitnessProcess[] = [];
let vkey = '';
const config = { deployment: 'witnessed-test', witness: { policy, graceSeconds: 2, startSeconds: 15 }, vault: { heartbeatSeconds: 2 } };

before(async () => {
  const first = await startAppliance({ home, config: { deployment: 'witnessed-test' } });
  vkey = (await first.cli('vkey')).stdout.trim();
  await first.stop();
  for (const name of ['one', 'two', 'three']) witnesses.push(await WitnessProcess.start({ name: `${name}.example/w`, logs: [vkey] }));
  const lines = witnesses.map((witness, i) => `witness w${i + 1} ${witness.vkey} ${witness.url}\n`);
  writeFileSync(policy, `log ${vkey}\n${lines.join('')}group two-of-three 2 w1 w2 w3\nquorum two-of-three\n`);
});
after(async () => {
  for (const witness of witnesses) await witness.stop();
  clear(directory);
});

function clear(path: string): void {
  spawnSync('chattr', ['-R', '-f', '-i', '-a', path], { stdio: 'ignore' });
  rmSync(path, { recursive: true, force: true });
}

interface Facts {
  readonly size: number; readonly since: string | null; readonly by: readonly string[]; readonly compared: boolean;
  readonly comparison: { readonly of: number; readonly known: readonly string[]; readonly unknown: readonly string[] };
}
async function witnessed(appliance: Appliance, wished: (facts: Facts, logSize: number) => boolean, what: string): Promise<Facts> {
  const status = await appliance.until((now) => wished((now as unknown as { witness: Facts }).witness, now.log.size), what);
  return (status as unknown as { witness: Facts }).witness;
}

test('the log is witnessed by two of three, one of them down; verify, prove and verify-proof ask for the quorum', async () => {
  await witnesses[2]!.kill();
  await using appliance = await startAppliance({ home, config });
  const { by, compared, comparison } = await witnessed(appliance, ({ size }) => size > 5, 'a witnessed checkpoint');
  assert.deepEqual([by, compared, comparison], [['w1', 'w2'], false, { of: 3, known: [], unknown: ['w1', 'w2'], ahead: [] }], 'who never saw this log says nothing against a rollback');
  const found = JSON.parse((await appliance.cli('search', 'vault.started', '--kind', 'event', '-o', 'json')).stdout) as { id: string }[];
  const id = found[0]!.id;
  const proof = join(directory, 'p.json');
  assert.equal((await appliance.cli('prove', id, '--out', proof)).code, 0);
  const shown = await appliance.cli('verify-proof', proof, '--policy', policy);
  assert.deepEqual([shown.code, /witnessed by w1, w2, /.test(shown.stdout)], [0, true], shown.stderr);
  assert.match((await appliance.cli('prove', id, '--tlog-proof')).stdout, /^c2sp\.org\/tlog-proof@v1\nextra /);
  const strict = join(directory, 'all.policy');
  writeFileSync(strict, readFileSync(policy, 'utf8').replace('two-of-three 2', 'two-of-three 3'));
  assert.equal((await appliance.cli('verify-proof', proof, '--policy', strict)).code, 3);
  const verified = await appliance.cli('verify', '--policy', policy, '-o', 'json');
  assert.equal(verified.code, 0, verified.stdout);
  assert.deepEqual((JSON.parse(verified.stdout) as { witnessed: { by: string[] } }).witnessed.by, ['w1', 'w2']);
  await appliance.cli('snapshot', join(directory, 'copy'));
  assert.equal((await appliance.cli('verify', '--store', join(directory, 'copy'), '--policy', policy)).code, 0);
  assert.equal(await appliance.halt(), 0);
});

test('without its quorum it seals on, says so, and catches up by itself', async () => {
  await using appliance = await startAppliance({ home, config });
  const before = await witnessed(appliance, ({ size, since }) => size > 0 && since === null, 'a witnessed checkpoint');
  assert.deepEqual([before.compared, before.comparison.known], [true, ['w1', 'w2']]);
  await witnesses[1]!.kill();
  const out = await witnessed(appliance, ({ since }) => since !== null, 'the witnesses to be missed');
  const status = await appliance.cli('status');
  assert.deepEqual([status.code, /unwitnessed since /.test(status.stdout)], [4, true], status.stdout);
  const grown = await appliance.until((now) => now.log.size > before.size + 5, 'sealing to go on');
  assert.ok(grown.log.size > before.size + 5 && out.size >= before.size);
  await witnesses[1]!.start();
  const back = await witnessed(appliance, ({ since, size }) => since === null && size > before.size + 5, 'the witnesses to be back');
  assert.deepEqual(back.by, ['w1', 'w2']);
  // On a slow machine a cosignature may come after its time, now and then.
  await eventually(() => appliance.cli('status'), ({ code }) => code === 0, 'nothing to be wrong any more');
  const search = async (): Promise<string> => (await appliance.cli('search', 'witnessed', '--kind', 'event', '-o', 'jsonl')).stdout;
  await eventually(search, (all) => ['vault.unwitnessed', 'vault.witnessed-again'].every((event) => all.includes(event)), 'both to be sealed');
  assert.equal(await appliance.halt(), 0);
});

test('a home that was put back whole is refused, and the witness that remembers is named', async () => {
  const copy = join(directory, 'monday');
  assert.equal(spawnSync('cp', ['-a', home, copy]).status, 0);
  {
    await using appliance = await startAppliance({ home, config });
    const { log } = await appliance.status();
    await witnessed(appliance, ({ size }) => size > log.size + 1, 'more to be witnessed');
    assert.equal(await appliance.halt(), 0);
  }
  const newest = join(directory, 'newest');
  assert.equal(spawnSync('mv', [home, newest]).status, 0);
  assert.equal(spawnSync('cp', ['-a', copy, home]).status, 0);
  // On a slow machine an answer takes longer, and without it nothing is refused.
  await using old = new Appliance({ home, config: { ...config, witness: { ...config.witness, startSeconds: 60 } } });
  await assert.rejects(old.start(), (error: Error & { why?: string }) => /exit code 78/.test(error.why ?? ''));
  assert.match(old.output, /vault\.rollback/);
  assert.match(old.output, /the witness w[123] has seen \d+ entries, cosigned \d{4}-/);
  // What it was shown it does not forget, though every witness is silent now.
  for (const witness of witnesses) await witness.kill();
  await assert.rejects(old.start(), (error: Error & { why?: string }) => /exit code 78/.test(error.why ?? ''));
  clear(home);
  assert.equal(spawnSync('mv', [newest, home]).status, 0);
});

test('witnesses that cannot be asked at the start are no reason to stop, and that is sealed', async () => {
  for (const witness of witnesses) await witness.kill();
  await using appliance = await startAppliance({ home, config: { ...config, witness: { ...config.witness, startSeconds: 2 } } });
  const { stdout } = await appliance.cli('search', 'vault.not-compared', '--kind', 'event', '-o', 'jsonl');
  assert.match(stdout, /no quorum of the 3 witnesses had seen this log: 3 could not be asked/);
  for (const witness of witnesses) await witness.start();
  await witnessed(appliance, ({ compared, since }) => compared && since === null, 'the comparison to be made later');
  assert.equal(await appliance.halt(), 0);
});

test('two appliances witness each other', async () => {
  const names = ['berlin', 'hamburg'];
  const homes = names.map((name) => join(directory, name));
  const keys: [log: string, witness: string][] = [];
  for (const [i, name] of names.entries()) {
    await using founding = await startAppliance({ home: homes[i]!, config: { deployment: `mutual-${name}` } });
    keys.push([(await founding.cli('vkey')).stdout.trim(), (await founding.cli('witness', 'vkey')).stdout.trim()]);
  }
  const ports = [await freePort(), await freePort()];
  const appliances = names.map((name, i) => {
    const other = 1 - i;
    const file = join(directory, `${name}.policy`);
    writeFileSync(file, `witness other ${keys[other]![1]} http://127.0.0.1:${ports[other]}\nquorum other\n`);
    return new Appliance({
      home: homes[i]!,
      config: {
        deployment: `mutual-${name}`, vault: { heartbeatSeconds: 2 },
        witness: { policy: file, startSeconds: 2, serve: { enabled: true, address: '127.0.0.1', port: ports[i], logs: [keys[other]![0]] } },
      },
    });
  });
  try {
    for (const one of appliances) await one.start();
    for (const one of appliances) await witnessed(one, ({ size, since, by }) => size > 5 && since === null && by[0] === 'other', 'the other to cosign');
  } finally {
    for (const one of appliances) await one.stop();
  }
});
