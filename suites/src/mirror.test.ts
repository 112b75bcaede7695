// SPDX-License-Identifier: Apache-2.0
// Two appliances, of which one keeps all that the other seals: the other's disk is lost, and the copy is what it was.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { hash } from 'node:crypto';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { freePort, RelpClient, startAppliance, type Appliance } from '@strongroom/testing';

const directory = mkdtempSync(join(tmpdir(), 'strongroom-mirrored-'));
chmodSync(directory, 0o755);
after(() => clear(directory));

function clear(path: string): void {
  spawnSync('chattr', ['-R', '-f', '-i', '-a', path], { stdio: 'ignore' });
  rmSync(path, { recursive: true, force: true });
}

async function ran(appliance: Appliance, ...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await appliance.cli(...words);
  assert.equal(code, 0, `${words.join(' ')}: ${stdout}${stderr}`);
  return stdout.trim();
}

async function send(appliance: Appliance, identity: string, texts: readonly string[]): Promise<void> {
  const client = new RelpClient({ address: appliance.addresses['relp-tls']!, identity, window: 64 });
  await client.send(texts.map((text) => `<13>1 - - - - - - ${text}`));
  await client.settle();
  await client.close();
}

interface Facts { readonly size: number; readonly since: string | null; readonly by: readonly string[] }

/** Until the mirror has vouched for all that there is now. */
async function mirrored(appliance: Appliance): Promise<number> {
  const { log } = await appliance.status();
  const status = await appliance.until((now) => (now as unknown as { witness: Facts }).witness.size > log.size, 'the mirror to vouch for more');
  const { by, size } = (status as unknown as { witness: Facts }).witness;
  assert.deepEqual(by, ['hamburg']);
  return size;
}

test('what an appliance lost with its disk, the appliance that mirrored it still has', async () => {
  const [berlinHome, hamburgHome] = [join(directory, 'berlin'), join(directory, 'hamburg')];
  const port = await freePort();
  const [policy, copies] = [join(directory, 'berlin.policy'), join(directory, 'copies')];
  await using founding = await startAppliance({ home: berlinHome, config: { deployment: 'berlin' } });
  const identity = await founding.enrol('web-01');
  const vkey = await ran(founding, 'vkey');
  const earlier = Array.from({ length: 300 }, (_, i) => `before there was a mirror ${i}`);
  await send(founding, identity, earlier);
  await founding.halt();

  const serve = { enabled: true, address: '127.0.0.1', port, logs: [vkey], mirror: copies };
  await using hamburg = await startAppliance({ home: hamburgHome, config: { deployment: 'hamburg', witness: { serve } } });
  writeFileSync(policy, `witness hamburg ${await ran(hamburg, 'witness', 'vkey', '--mirror')} http://127.0.0.1:${port}/mirror\nquorum hamburg\n`);
  await using berlin = await startAppliance({
    home: berlinHome, config: { deployment: 'berlin', vault: { heartbeatSeconds: 1, segmentMaxBytes: 1_048_576 }, witness: { policy, mirrors: ['hamburg'], startSeconds: 5 } },
  });
  await send(berlin, identity, ['while it is mirrored']);
  await mirrored(berlin);

  await mirrorAway(hamburg, berlin, identity);
  const size = await mirrored(berlin);

  await berlin.crash();
  clear(berlin.paths.store);
  const copy = join(copies, hash('sha256', 'berlin/log'));
  assert.ok(readdirSync(join(copy, 'segments')).length >= 2 && !existsSync(join(copy, 'commit')));
  const { stdout, code } = await berlin.cli('verify', '--store', copy, '--vkey', vkey, '--policy', policy, '-o', 'json');
  const verdict = JSON.parse(stdout) as { ok: boolean; logSize: number; contents: string; failures: unknown[]; witnessed: { by: string[] } };
  assert.deepEqual([code, verdict.ok, verdict.failures, verdict.contents, verdict.witnessed.by], [0, true, [], 'checked', ['hamburg']], stdout);
  assert.ok(verdict.logSize >= size);
  // By the keys that outlived the disk, all is there that was acknowledged.
  const list = join(directory, 'sent.txt');
  writeFileSync(list, [...earlier, 'while it is mirrored', 'while the mirror is away'].map((text) => `${text}\n`).join(''));
  await ran(berlin, 'reconcile', list, '--store', copy);
  // And who has none of the keys sees that it is whole.
  const keyless = await hamburg.cli('verify', '--store', copy, '--vkey', vkey, '-o', 'json');
  assert.equal(keyless.code, 0, keyless.stdout + keyless.stderr);
  assert.match(keyless.stdout, /this home has the keys of hamburg, and the log is berlin\/log/);
});

/** The mirror is away for a while, and goes on with what it has. */
async function mirrorAway(hamburg: Appliance, berlin: Appliance, identity: string): Promise<void> {
  await hamburg.halt();
  await send(berlin, identity, ['while the mirror is away']);
  await hamburg.start();
}
