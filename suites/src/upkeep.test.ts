// SPDX-License-Identifier: Apache-2.0
// What keeps the store safe beside the log, with the real parts: flags and checksums over kills, a checksum volume that
// goes away and comes back, and a bit that flips on the disk.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { parseChecksums } from '@strongroom/evidence';
import { readFileFlags, type UpkeepFacts } from '@strongroom/service';
import { eventually, RelpClient, startAppliance, type Appliance, type ApplianceStatus } from '@strongroom/testing';

const KILLS = 8;
const PORT = 20_000 + Math.floor(Math.random() * 10_000);
const CONFIG = { gateway: { listeners: { syslogTls: { enabled: false }, relpTls: { address: '127.0.0.1', port: PORT } } }, vault: { segmentMaxBytes: 1_048_576 } };
const root = process.getuid?.() === 0;

const does = (command: string, ...args: string[]): boolean => spawnSync(command, args).status === 0;

/** A mounted ext4 image that can be taken away and put back; null where loop devices cannot be mounted. */
function volume(): { path: string; mount(): boolean; unmount(): boolean; remove(): void } {
  const directory = mkdtempSync(join(tmpdir(), 'strongroom-volume-'));
  const [image, path] = [join(directory, 'image'), join(directory, 'mounted')];
  writeFileSync(image, '');
  truncateSync(image, 16 * 1024 * 1024);
  mkdirSync(path);
  chmodSync(directory, 0o755);
  spawnSync('mkfs.ext4', ['-q', image]);
  const unmount = (): boolean => does('umount', path);
  return { path, mount: () => does('mount', '-o', 'loop', image, path), unmount, remove: () => { unmount(); rmSync(directory, { recursive: true }); } };
}

async function fill(client: RelpClient, records: number): Promise<void> {
  for (let i = 0; i < records; i += 1) await client.send([`<13>1 - - upkeep - - - ${i} ${randomBytes(60_000).toString('base64')}`]);
}

async function scrubbed(appliance: Appliance): Promise<{ readonly code: number | null; readonly facts: UpkeepFacts['scrub'] }> {
  const { code, stdout, stderr } = await appliance.cli('scrub', '--now', '--wait', '-o', 'json');
  assert.equal(stderr, '');
  return { code, facts: JSON.parse(stdout) as UpkeepFacts['scrub'] };
}

async function verified(appliance: Appliance): Promise<{ code: number | null; protection: string; compared: string }> {
  const { code, stdout } = await appliance.cli('verify', '-o', 'json');
  return { code, ...JSON.parse(stdout) as { protection: string; compared: string } };
}

function isWaiting({ notes }: ApplianceStatus): boolean {
  return notes.some((note) => note.includes('wait for their volume'));
}

/** Files of closed segments: all but those of the newest. */
function closedFiles({ paths }: Appliance): string[] {
  const names = readdirSync(paths.segments).filter((name) => name.endsWith('.seg')).sort();
  return names.filter((name) => !name.startsWith(names.at(-1)!.slice(0, 16))).map((name) => join(paths.segments, name));
}

describe('upkeep', { skip: root ? false : 'machine: flags need root' }, () => {
  it('has every closed segment flagged and on record outside the store, over kills, and its volume going and coming', async () => {
    const disk = volume();
    if (!disk.mount()) { disk.remove(); assert.fail('loop devices cannot be mounted here'); }
    const checksums = join(disk.path, 'strongroom');
    mkdirSync(checksums);
    const file = join(checksums, 'checksums');
    const lines = () => parseChecksums(existsSync(file) ? readFileSync(file, 'utf8') : '');
    try {
      await using appliance = await startAppliance({ config: { ...CONFIG, vault: { ...CONFIG.vault, checksums } } });
      const client = new RelpClient({ address: `127.0.0.1:${PORT}`, identity: await appliance.enrol('filler'), window: 8 });
      for (let i = 0; i < KILLS; i += 1) {
        await fill(client, 30);
        await appliance.kill('vault');
        if (i !== 3) continue;
        // Between the kills the whole machine, so to speak: supervisor and all.
        await appliance.crash();
        await appliance.start();
      }
      await client.settle();
      await appliance.until(({ services }) => services.every(({ state }) => state === 'running'), 'all services');
      while ([...readFileFlags(closedFiles(appliance)).values()].some((flag) => flag !== 'immutable')) await delay(50);
      const closed = new Set(closedFiles(appliance).map((path) => path.slice(appliance.paths.segments.length + 1, appliance.paths.segments.length + 17)));
      while ([...closed].some((segment) => !lines().has(segment))) await delay(50);
      const first = await verified(appliance);
      assert.deepEqual([first.code, first.protection.slice(0, 5)], [0, 'held:']);
      assert.match(first.compared, new RegExp(`and (${lines().size - 1}|${lines().size}|${lines().size + 1}) checksums`));

      await eventually(() => disk.unmount(), (done) => done, 'nobody to hold the volume');
      await fill(client, 30);
      await client.settle();
      await appliance.until((status) => isWaiting(status), 'checksums to wait for their volume');
      assert.match((await appliance.cli('status')).stdout, /wait for their volume/);
      assert.deepEqual(readdirSync(disk.path), [], 'nothing was written where the volume is not');
      assert.ok(disk.mount());
      const before = lines().size;
      while (lines().size === before) await delay(200);
      await appliance.until((status) => !isWaiting(status), 'checksums to have their volume');
      const events = (await appliance.cli('search', 'vault.checksums-', '--kind', 'event')).stdout;
      assert.match(events, /checksums-away[^]*checksums-back/);

      const [taken] = closedFiles(appliance);
      spawnSync('chattr', ['-i', '--', taken!]);
      const lacking = await verified(appliance);
      assert.deepEqual([lacking.code, lacking.protection.slice(0, 19)], [4, 'not held whole: 1 o']);
      await client.close();
      await appliance.halt();
      await appliance.start();
      while (readFileFlags([taken!]).values().next().value !== 'immutable') await delay(50);
    } finally {
      disk.remove();
    }
  });

  it('finds a bit that flipped on the disk, is degraded until it is good again, and goes on sealing', async () => {
    await using appliance = await startAppliance({ config: CONFIG });
    const client = new RelpClient({ address: `127.0.0.1:${PORT}`, identity: await appliance.enrol('filler'), window: 8 });
    await fill(client, 40);
    await client.settle();
    assert.deepEqual([(await scrubbed(appliance)).code, (await appliance.cli('status')).code], [0, 0]);
    const [victim] = closedFiles(appliance);
    const good = readFileSync(victim!);
    const put = (bytes: Buffer): void => {
      spawnSync('chattr', ['-i', '-a', '--', victim!]);
      writeFileSync(victim!, bytes);
      spawnSync('chattr', ['+i', '--', victim!]);
    };
    const bad = Buffer.from(good);
    bad[bad.length >> 1]! ^= 4;
    put(bad);
    const { code, facts } = await scrubbed(appliance);
    assert.deepEqual([code, facts.damaged], [4, 1]);
    assert.match(facts.damage!, /^store\/segments\/[0-9a-f]{16}\.seg at octet [0-9]+: frame [0-9]+ is not the one that was sealed$/);
    await appliance.until(({ services }) => services.some(({ name, state }) => name === 'vault' && state === 'degraded'), 'a degraded vault');
    const status = await appliance.cli('status');
    assert.equal(status.code, 4);
    assert.match(status.stdout, /vault is degraded \(what was sealed is damaged on the disk: store\/segments/);
    await fill(client, 1);
    await client.settle();
    put(good);
    assert.deepEqual([(await scrubbed(appliance)).code, (await appliance.cli('status')).code], [0, 0]);
    assert.match((await appliance.cli('search', 'vault.scrub-', '--kind', 'event')).stdout, /scrub-failed.*"offset":[^]*scrub-good-again/);
    await client.close();
  });
});
