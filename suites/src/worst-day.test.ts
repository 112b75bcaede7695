// SPDX-License-Identifier: Apache-2.0
// The drill for the worst day: what was lost, what is there, and what that gives back. docs/OPERATING.md has the table.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import type { Item, Verdict } from '@strongroom/evidence';
import { Appliance, RelpClient, startAppliance } from '@strongroom/testing';

const directory = mkdtempSync(join(tmpdir(), 'strongroom-worst-day-'));
chmodSync(directory, 0o755); // services have users of their own when we are root
after(() => {
  spawnSync('chattr', ['-R', '-f', '-i', '-a', directory], { stdio: 'ignore' }); // segments in homes of ours
  rmSync(directory, { recursive: true, force: true });
});

async function ran(appliance: Appliance, ...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await appliance.cli(...words);
  assert.equal(code, 0, `${words.join(' ')}: ${stdout}${stderr}`);
  return stdout.trim();
}

async function verdictOf(appliance: Appliance, ...words: string[]): Promise<Verdict & { readonly code: number | null }> {
  const { code, stdout } = await appliance.cli('verify', '-o', 'json', ...words);
  return { ...(JSON.parse(stdout) as Verdict), code };
}

async function found(appliance: Appliance, text: string): Promise<string[]> {
  const lines = await ran(appliance, 'search', text, '--source', 'web-01', '-o', 'jsonl');
  return lines.split('\n').filter((line) => line !== '').map((line) => (JSON.parse(line) as Item).raw!);
}

/** The same home elsewhere, with nothing in it but what `keep` names. */
function emptied(appliance: Appliance, name: string, keep: readonly string[] = []): string {
  const home = join(directory, name);
  mkdirSync(home, { recursive: true });
  // Compiled code is no evidence: with it a start takes seconds less.
  for (const path of [...keep, 'run/code-cache']) cpSync(join(appliance.home, path), join(home, path), { recursive: true });
  return home;
}

describe('the worst day', () => {
  const backup = join(directory, 'backup');
  const token = join(directory, 'token');

  it('loses the token, the disk, or both', async (t) => {
    await using appliance = await startAppliance();
    const identity = await appliance.enrol('web-01');
    for (const name of ['otto', 'emma']) await ran(appliance, 'enrol', name, '--role', 'custodian', '--out', join(directory, name));
    const send = async (text: string): Promise<void> => {
      const client = new RelpClient({ address: appliance.addresses['relp-tls']!, identity, window: 8 });
      await client.send([`<13>1 - - - - - - ${text}`]);
      await client.settle();
      await client.close();
    };
    await send('before the backup');
    await ran(appliance, 'keys', 'rotate', '--reason', 'the drill');
    await ran(appliance, 'backup', 'make', backup, '--with-token', token);
    await send('after the backup');
    const vkey = await ran(appliance, 'vkey');
    assert.equal(await appliance.halt(), 0);

    await t.test('the token is lost, the disk is there: all can be verified and nothing read', async () => {
      const aside = join(directory, 'token-aside');
      cpSync(appliance.paths.keysToken, aside, { recursive: true });
      rmSync(join(appliance.paths.keysToken, 'token'), { recursive: true });
      const verdict = await verdictOf(appliance);
      assert.deepEqual([verdict.code, verdict.ok], [0, true]);
      assert.match(verdict.contents, /^not checked: the HSM is not reachable/);
      cpSync(join(token, 'token'), join(appliance.paths.keysToken, 'token'), { recursive: true });
      const again = await verdictOf(appliance);
      assert.deepEqual([again.code, again.contents], [0, 'checked'], 'with the token from its copy all is readable again');
    });

    await t.test('the disk is lost, token and backup are there: the backup\'s moment comes back', async () => {
      const home = emptied(appliance, 'from-backup');
      await using restored = new Appliance({ home });
      await ran(restored, 'restore', backup, '--token', token);
      await restored.start();
      assert.deepEqual((await found(restored, 'backup')).map((raw) => raw.slice(-17)), ['before the backup']);
      assert.equal(await ran(restored, 'vkey', '--from', vkey), vkey);
      await ran(restored, 'verify');
    });

    await t.test('both are lost: the backup alone can be verified, and a new home is founded', async () => {
      const home = emptied(appliance, 'no-token');
      await using keyless = new Appliance({ home });
      await ran(keyless, 'restore', backup);
      const verdict = await verdictOf(keyless, '--vkey', vkey);
      assert.deepEqual([verdict.code, verdict.ok], [0, true]);
      assert.match(verdict.contents, /^not checked/);
    });

    await t.test('the disk is lost and state outlived it: what came after is named, and two custodians accept that', async () => {
      const home = emptied(appliance, 'accepted', ['state', 'secrets']);
      await using restored = new Appliance({ home });
      const said = JSON.parse(await ran(restored, 'restore', backup, '-o', 'json')) as { remembered: number; size: number };
      assert.ok(said.remembered > said.size);
      await assert.rejects(restored.start(), 'a start refuses a store that is older than what was seen');
      assert.match(restored.output, /vault\.rollback/);
      const order = join(directory, 'rollback.order');
      await ran(restored, 'order', 'accept-rollback', order, '--reason', 'the disk is lost');
      assert.match((await restored.cli('recover', '--accept-rollback', order)).stderr, /\[order\.approvals\]/);
      for (const name of ['otto', 'emma']) await ran(restored, 'approve', order, '--identity', join(directory, name));
      const accepted = JSON.parse(await ran(restored, 'recover', '--accept-rollback', order, '-o', 'json')) as { store: string; vkey: string; lost: number; next: string };
      assert.equal(accepted.lost, said.remembered - said.size);
      // A crash after the last step, or before: the same command goes on where it was.
      await ran(restored, 'recover', '--accept-rollback', order);

      await restored.start();
      const { log } = await restored.status();
      assert.equal(log.origin, accepted.next);
      await ran(restored, 'verify');
      const verdict = await verdictOf(restored);
      assert.deepEqual(verdict.facts.filter(({ code }) => code === 'log.rollback').map(({ where }) => where), ['log entry 0']);
      assert.deepEqual(verdict.failures, []);
      const old = await verdictOf(restored, '--store', accepted.store, '--vkey', accepted.vkey);
      assert.deepEqual([old.code, old.failures, old.contents, old.logSize], [0, [], 'checked', said.size], 'the old store is whole, and readable');
      assert.ok(existsSync(join(restored.paths.rollbacks, readdirSync(restored.paths.rollbacks)[0]!, 'vault/remembered')));
      const [first] = JSON.parse(await ran(restored, 'search', 'vault.log-begun', '-o', 'json')) as Item[];
      await ran(restored, 'prove', first!.id, '--out', join(directory, 'new.json'));
      await ran(restored, 'verify-proof', join(directory, 'new.json'));
      await restored.halt();
      // To put the acceptance out of the way does not hide it: the log begins with it.
      writeFileSync(join(restored.paths.store, 'orders', readdirSync(join(restored.paths.store, 'orders'))[0]!), readFileSync(order, 'utf8').slice(0, -2));
      assert.deepEqual((await verdictOf(restored)).failures.map(({ code }) => code), ['log.rollback']);
    });
  });
});
