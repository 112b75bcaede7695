// SPDX-License-Identifier: Apache-2.0
// A small file system of its own runs full under load: acknowledgements stop, the incident is on record, and everything
// goes on by itself once there is room.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, statfsSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Item } from '@strongroom/evidence';
import { eventually, RelpClient, startAppliance, type Appliance } from '@strongroom/testing';

const MIB = 1024 * 1024;
/** XFS is not made smaller than 300 MiB. */
const FILE_SYSTEMS = { ext4: { bytes: 128 * MIB, make: 'mkfs.ext4 -q -m 0' }, xfs: { bytes: 320 * MIB, make: 'mkfs.xfs -q' } } as const;
const LEFT_BYTES = 14 * MIB;
const WINDOW = 8;
const EXIT_DEGRADED = 4;

/** A mounted image; null where loop devices cannot be mounted. */
function smallDisk(kind: keyof typeof FILE_SYSTEMS): { path: string; remove(): void } | null {
  const directory = mkdtempSync(join(tmpdir(), 'strongroom-disk-'));
  const [image, path] = [join(directory, 'image'), join(directory, 'mounted')];
  writeFileSync(image, '');
  truncateSync(image, FILE_SYSTEMS[kind].bytes);
  const done = spawnSync('sh', ['-c', `mkdir '${path}' && ${FILE_SYSTEMS[kind].make} '${image}' && mount -o loop '${image}' '${path}'`]).status === 0;
  const remove = (): void => {
    spawnSync('umount', [path]);
    rmSync(directory, { recursive: true });
  };
  chmodSync(directory, 0o755);
  if (done) return { path, remove };
  remove();
  return null;
}

async function texts(appliance: Appliance, ...query: string[]): Promise<string[]> {
  const { code, stdout, stderr } = await appliance.cli('search', ...query, '-o', 'jsonl');
  assert.equal(code, 0, stderr);
  return stdout.split('\n').filter((line) => line !== '').map((line) => (JSON.parse(line) as Item).raw!);
}

function stateOf(status: Awaited<ReturnType<Appliance['status']>>): string {
  return status.services.find(({ name }) => name === 'vault')!.state;
}

/** Sends records that do not compress until somebody says stop; with a full disk it simply waits. */
async function load(client: RelpClient, end: { done: boolean }): Promise<number> {
  let count = 0;
  while (!end.done) {
    await client.send([`<13>1 - - full - - - ${count++} ${randomBytes(30_000).toString('base64')}`]);
    await delay(1);
  }
  return count;
}

/**
 * Resolves once acknowledgements have stopped for good, and the command line says so: a file system that runs full frees what
 * it had allocated ahead (XFS does), and has room again for a moment. One cycle may be under way when the state is read.
 */
async function standsStill(appliance: Appliance, client: RelpClient): Promise<void> {
  let [meanwhile, code]: [number, number | null] = [Infinity, null];
  for (let attempt = 0; attempt < 20 && (meanwhile > WINDOW || code !== EXIT_DEGRADED); attempt += 1) {
    await appliance.until((status) => stateOf(status) === 'stalled', 'the vault to stall');
    const acked = client.acked.length;
    await delay(1500);
    ({ code } = await appliance.cli('status'));
    meanwhile = client.acked.length - acked;
  }
  assert.ok(meanwhile <= WINDOW, `${meanwhile} acknowledged while the disk was full`);
  assert.equal(code, EXIT_DEGRADED);
}

const disk = process.getuid?.() === 0 ? smallDisk('ext4') : null;
disk?.remove();

describe('a full disk', { skip: disk === null ? 'machine: no loop device can be mounted' : false }, () => {
  for (const [kind, what, vault] of [
    ['ext4', 'at the threshold', { minFreeBytes: 8 * MIB, reserveBytes: 2 * MIB }],
    ['ext4', 'in the middle of a write', { minFreeBytes: 0, reserveBytes: MIB }],
    ['xfs', 'at the threshold', { minFreeBytes: 8 * MIB, reserveBytes: 2 * MIB }],
    ['xfs', 'in the middle of a write', { minFreeBytes: 0, reserveBytes: MIB }],
  ] as const) {
    it(`stops acknowledgements ${what}, on ${kind}, loses nothing, and goes on when there is room`, async () => {
      const { path, remove } = smallDisk(kind)!;
      const appliance = await startAppliance({ home: join(path, 'home'), config: { vault } });
      try {
        const filler = join(path, 'filler');
        const { bavail, bsize } = statfsSync(path);
        writeFileSync(filler, randomBytes(bavail * bsize - LEFT_BYTES));
        const identity = await appliance.enrol('filling');
        const client = new RelpClient({ address: appliance.addresses['relp-tls']!, identity, window: WINDOW });
        const end = { done: false };
        const loading = load(client, end);
        await standsStill(appliance, client);
        rmSync(filler);
        await appliance.until((status) => stateOf(status) === 'running', 'the vault to go on');
        end.done = true;
        const sent = await loading;
        await client.settle();
        await client.close();
        assert.equal(client.acked.length, sent);
        const found = new Set(await texts(appliance, '--source', 'filling', '--kind', 'data'));
        assert.equal(client.acked.filter((text) => !found.has(text)).length, 0);
        const { incidents } = await appliance.status();
        assert.ok(incidents.some(({ subject, reason }) => subject === 'store' && reason === 'disk-full'), JSON.stringify(incidents));
        // In quotation marks: without them the search would find itself.
        for (const event of ['incident.opened', 'vault.disk-full', 'vault.disk-has-room']) await eventually(() => texts(appliance, `"${event}"`, '--source', 'vault'), ({ length }) => length > 0, event);
        const verdict = await appliance.cli('verify', '-o', 'json');
        assert.equal(verdict.code, 0, verdict.stdout);
      } finally {
        await appliance.stop();
        spawnSync('chattr', ['-R', '-f', '-i', '-a', path]);
        remove();
      }
    });
  }
});
