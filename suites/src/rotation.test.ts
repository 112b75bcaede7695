// SPDX-License-Identifier: Apache-2.0
// The log's key changes on a running appliance: strangers verify at every instant, and whoever holds the first key follows.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { after, test } from 'node:test';
import { openCheckpoint, parseVkey } from '@strongroom/evidence';
import { startAppliance, type Appliance } from '@strongroom/testing';
import { withoutGo } from './go-programs.ts';
import { outsideVerifiers } from './outside-verifiers.ts';

const directory = mkdtempSync(join(tmpdir(), 'strongroom-rotation-'));
after(() => rmSync(directory, { recursive: true }));


const read = (...path: string[]): string => readFileSync(join(...path), 'utf8');
const verifiers = withoutGo() === undefined ? outsideVerifiers() : [];

/** Software that shares no code with ours accepts a copy by the key of then. */
function accepted(copy: string, vkey: string): void {
  const [log, file] = [join(directory, copy, 'log'), join(directory, 'present.vkey')];
  writeFileSync(file, vkey);
  const { size } = openCheckpoint(read(log, 'checkpoint'), parseVkey(vkey));
  for (const { name, verify } of verifiers) assert.equal(verify(log, file), size, `${name}, ${copy}`);
}

async function ran(appliance: Appliance, ...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await appliance.cli(...words);
  assert.equal(code, 0, `${words.join(' ')}: ${stdout}${stderr}`);
  return stdout.trim();
}

/** Until `done`: the checkpoint that is published verifies by the key that is published. Resolves with how often that was seen. */
async function watch({ paths }: Appliance, done: { yet: boolean }): Promise<number> {
  let seen = 0;
  while (!done.yet) {
    const [before, note, after_] = [read(paths.vaultState, 'vkey'), read(paths.log, 'checkpoint'), read(paths.vaultState, 'vkey')];
    if (before === after_) openCheckpoint(note, parseVkey(before));
    seen += 1;
    await turn();
  }
  return seen;
}

test('the log goes on under a new key, and both keys lead through it', async () => {
  await using appliance = await startAppliance();
  const first = await ran(appliance, 'vkey');
  const old = await ran(appliance, 'search', 'vault.started', '-o', 'jsonl');
  const { id } = JSON.parse(old.split('\n')[0]!) as { id: string };
  writeFileSync(join(directory, 'first.vkey'), first);
  await ran(appliance, 'prove', id, '--out', join(directory, 'before.json'));
  await ran(appliance, 'snapshot', join(directory, 'before'));
  const done = { yet: false };
  const watching = watch(appliance, done);
  const rotated = JSON.parse(await ran(appliance, 'keys', 'rotate', '--reason', 'a test', '-o', 'json')) as { vkey: string; old: string; retiredWrappingKeys: number };
  await ran(appliance, 'search', 'vault.log-key-changed');
  done.yet = true;
  assert.ok(await watching > 0);
  assert.deepEqual([rotated.old, rotated.retiredWrappingKeys], ['destroyed', 1]);
  const second = await ran(appliance, 'vkey');
  assert.equal(second, rotated.vkey);
  assert.notEqual(second, first);
  assert.deepEqual((await ran(appliance, 'vkey', '--all')).split('\n'), [second, first]);
  assert.equal(await ran(appliance, 'vkey', '--from', join(directory, 'first.vkey')), second);

  accepted('before', first);
  await ran(appliance, 'prove', id, '--out', join(directory, 'after.json'));
  for (const vkey of [first, second]) {
    for (const proof of ['before.json', 'after.json']) await ran(appliance, 'verify-proof', join(directory, proof), '--vkey', vkey);
    await ran(appliance, 'verify', '--vkey', vkey);
  }
  await ran(appliance, 'verify', '--store', join(directory, 'before'));
  await ran(appliance, 'snapshot', join(directory, 'after'));
  await ran(appliance, 'verify', '--store', join(directory, 'after'), '--vkey', first);
  accepted('after', second);
  const reasons = await ran(appliance, 'search', 'supervisor.keys-rotation-ordered', '-o', 'jsonl');
  assert.match(reasons, /a test/);
  const verified = JSON.parse(await ran(appliance, 'verify', '-o', 'json')) as { segments: number; contents: string };
  assert.deepEqual([verified.segments, verified.contents], [2, 'checked'], 'the open segment was closed, and the next has another key');

  const listed = JSON.parse(await ran(appliance, 'keys', 'list', '-o', 'json')) as { use: string; state: string; segments: number | null; attributes: object }[];
  assert.deepEqual(listed.map(({ use, state, segments }) => [use, state, segments]).toSorted(), [['ca', 'active', null], ['log', 'active', null], ['wrapping', 'active', 1], ['wrapping', 'retired', 1]]);
  for (const { attributes } of listed) assert.deepEqual(attributes, { sensitive: true, extractable: false, neverExtractable: true, local: true });
  const checked = await appliance.cli('keys', 'check', '-o', 'json');
  const states = new Map((JSON.parse(checked.stdout) as { checks: { process: string; code: string; state: string }[] }).checks.map((one) => [`${one.process} ${one.code}`, one.state]));
  assert.deepEqual([checked.code, states.get('keys keys.hsm'), states.get('keys keys.counter')], [4, 'weak', 'weak'], 'an embedded SoftHSM is not what production wants');
  for (const code of ['keys.attributes', 'keys.self-test-sign', 'keys.self-test-wrap', 'keys.self-test-aad', 'keys.module', 'memory.core-dumps', 'memory.secure-heap', 'crypto.fips']) assert.equal(states.get(`keys ${code}`), 'ok', code);
  for (const code of ['memory.core-dumps', 'memory.secure-heap', 'crypto.fips']) assert.equal(states.get(`vault ${code}`), 'ok', code);

  assert.equal(await appliance.halt(), 0);
  await appliance.start();
  assert.equal(await ran(appliance, 'vkey', '--from', first), second);
  await ran(appliance, 'verify');
  const foreign = 'other.example/log+00000000+AAAA';
  assert.equal((await appliance.cli('vkey', '--from', foreign)).code, 1);
});

test('the vault that is killed while the key changes has changed it or not, and goes on', async () => {
  await using appliance = await startAppliance();
  const first = await ran(appliance, 'vkey');
  for (const delayMs of [0, 20, 60]) {
    const rotating = appliance.cli('keys', 'rotate', '--log', '--reason', 'a test');
    await new Promise((resolve) => setTimeout(resolve, 250 + delayMs));
    await appliance.kill('vault');
    await rotating;
    await appliance.until(({ services }) => services.some(({ name, state }) => name === 'vault' && state === 'running'), 'the vault to go on');
    assert.equal(await ran(appliance, 'vkey', '--from', first), await ran(appliance, 'vkey'));
    await ran(appliance, 'verify', '--vkey', first);
  }
  await ran(appliance, 'keys', 'rotate', '--log', '--reason', 'the last');
  await ran(appliance, 'verify', '--vkey', first);
});
