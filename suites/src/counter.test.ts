// SPDX-License-Identifier: Apache-2.0
// A whole appliance and a TPM: a home that is put back whole is refused, because the TPM's counter was not put back with it.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { decodeCounterStatement, splitNote, type CounterStatement } from '@strongroom/evidence';
import { Appliance, startAppliance, TpmProcess, withoutTpm } from '@strongroom/testing';

const directory = mkdtempSync(join(tmpdir(), 'strongroom-counted-'));
chmodSync(directory, 0o755);
after(() => {
  spawnSync('chattr', ['-R', '-f', '-i', '-a', directory], { stdio: 'ignore' });
  rmSync(directory, { recursive: true, force: true });
});

function stated(appliance: Appliance): CounterStatement | null {
  try {
    return decodeCounterStatement(splitNote(readFileSync(join(appliance.paths.keysToken, 'counter'), 'utf8')).text);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** Only so that a hung appliance ends the test. */
const TRIES = 500;

async function steppedBeyond(appliance: Appliance, counter: number): Promise<CounterStatement> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const found = stated(appliance);
    if (found !== null && found.counter > counter && (await appliance.cli('keys', 'check', '-o', 'json')).stdout.includes(`stands at ${found.counter}`)) return found;
    await delay(200);
  }
  throw new Error(`the counter was not stepped beyond ${counter}\n${appliance.output}`);
}

async function sealed(appliance: Appliance, event: string): Promise<void> {
  await appliance.tells(event);
  for (let tries = 0; tries < TRIES; tries += 1) if ((await appliance.cli('search', `"${event}"`, '--kind', 'event')).stdout.includes(event)) return;
  throw new Error(`${event} was not sealed\n${appliance.output}`);
}

async function ran(appliance: Appliance, ...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await appliance.cli(...words);
  assert.equal(code, 0, `${words.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}

test('a home that is put back whole is refused by the TPM\'s counter, and two custodians may accept it', { skip: withoutTpm() }, async () => {
  await using tpm = await TpmProcess.start();
  const home = join(directory, 'home');
  const config = { deployment: 'counted-test', keys: { counter: { tpm: tpm.socket } } };
  await using first = await startAppliance({ home, config });
  for (const name of ['otto', 'emma']) await ran(first, 'enrol', name, '--role', 'custodian', '--out', join(directory, name));
  const begun = await steppedBeyond(first, 0);
  assert.equal(begun.origin, 'counted-test/log');
  await sealed(first, 'vault.counter-begun');
  await first.halt();
  const old = join(directory, 'old');
  assert.equal(spawnSync('cp', ['-a', home, old]).status, 0);

  await first.start();
  const later = await steppedBeyond(first, begun.counter);
  assert.equal(later.counter, begun.counter + 1);
  assert.match(await ran(first, 'status'), /counter +TPM at [0-9,]+, stepped for [0-9,]+ entries; compared /);
  assert.ok(later.size > begun.size);
  await first.halt();

  await using back = new Appliance({ home: old, config });
  await assert.rejects(back.start());
  assert.equal(await back.halt(), 78);
  assert.match(back.output, /vault\.rollback/);
  assert.match(back.output, new RegExp(`stands at ${later.counter}; this home last knew ${begun.counter},`));

  const order = join(directory, 'rollback.order');
  await ran(back, 'order', 'accept-rollback', order, '--reason', 'the newest disk is lost');
  for (const name of ['otto', 'emma']) await ran(back, 'approve', order, '--identity', join(directory, name));
  await ran(back, 'recover', '--accept-rollback', order);
  await back.start();
  assert.equal((await back.status()).log.origin, 'counted-test/log-2');
  const accepted = await steppedBeyond(back, later.counter);
  assert.equal(accepted.origin, 'counted-test/log-2');
  await ran(back, 'verify');

  // The TPM goes: nothing stops for it, and what could not be compared is sealed.
  await back.halt();
  await tpm.halt();
  await back.start();
  await sealed(back, 'vault.counter-away');
});
