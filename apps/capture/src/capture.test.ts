// SPDX-License-Identifier: Apache-2.0
// Capture with the real vault behind it, and the real kernel log and journald before it.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { closeSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { configOf } from '@strongroom/service/config';
import { Journald, journaldMissing, startAppliance, type Appliance } from '@strongroom/testing';
import { CaptureProcess, openKmsg } from './testing/capture-process.ts';

interface Found {
  readonly id: string;
  readonly stream: string;
  readonly sequence: number;
  readonly source: string;
  readonly kind: string;
  readonly raw: string;
}

const root = mkdtempSync(join(tmpdir(), 'strongroom-capture-'));
const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
let appliance: Appliance;
let deployment: string;
const journald = new Journald(join(root, 'journald'));
const lives: CaptureProcess[] = [];

before(async () => {
  appliance = await startAppliance();
  deployment = readFileSync(appliance.paths.deployment, 'utf8').trim();
  if (journaldMissing() === null) await journald.start();
});

after(async () => {
  for (const life of lives) await life.kill();
  await journald.stop('SIGKILL');
  await appliance.stop();
  rmSync(root, { recursive: true });
});

/** A life of capture beside the appliance's own, which captures nothing. */
function begin(capture: Record<string, unknown>): CaptureProcess {
  const life = new CaptureProcess({ home: appliance.home, deployment, config: configOf({ capture }) });
  lives.push(life);
  return life;
}

async function search(...args: string[]): Promise<Found[]> {
  const { code, stdout, stderr } = await appliance.cli('search', ...args, '-o', 'jsonl');
  assert.equal(code, 0, stderr);
  return stdout.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as Found);
}

/** Searches until so many records are found, and no longer than that takes. */
async function searchFor(count: number, life: CaptureProcess, ...args: string[]): Promise<Found[]> {
  for (;;) {
    const found = await search(...args);
    if (numbersIn(found, args[0]!).length >= count) return found;
    assert.equal(await Promise.race([life.ended, delay(50, null)]), null, life.output);
  }
}

const numbered = (marker: string, from: number, count: number): string[] => Array.from({ length: count }, (_, i) => `${marker} ${from + i} .`);
/** An audit that nobody takes prints command lines to the kernel's log, those of our searches too: with the marker alone. */
const numbersIn = (found: readonly Found[], marker: string): number[] => found.map(({ raw }) => new RegExp(`${marker} (\\d+) \\.`).exec(raw)?.[1]).filter((digits) => digits !== undefined).map(Number);
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** Opened for each line: the kernel limits how fast one writer may write. */
function writeKmsg(lines: readonly string[]): void {
  for (const line of lines) writeFileSync('/dev/kmsg', `${line}\n`);
}

/** Why there are no kernel messages here, or false. */
function kmsgMissing(): string | false {
  const descriptor = openKmsg();
  if (descriptor === null) return '/dev/kmsg is not readable here';
  closeSync(descriptor);
  return false;
}

async function pidOf(service: string): Promise<number> {
  return (await appliance.status()).services.find(({ name }) => name === service)!.pid!;
}

async function verifies(): Promise<void> {
  const { stdout } = await appliance.cli('verify', '-o', 'json');
  assert.equal((JSON.parse(stdout) as { ok: boolean }).ok, true, stdout);
}

describe('capture with the vault', { skip: kmsgMissing() }, () => {
  const withJournal = journaldMissing() === null;
  const journal = withJournal ? { enabled: true, directory: journald.directory } : { enabled: false };
  const protocols = withJournal ? ['kmsg', 'journal'] : ['kmsg'];

  /** Writes to the kernel log and to the journal. */
  async function write(lines: readonly string[]): Promise<void> {
    writeKmsg(lines);
    if (withJournal) await journald.write(lines);
  }

  /** A last life takes what is left; then every line is there once and in order. */
  async function assertOnce(marker: string, count: number): Promise<void> {
    const last = begin({ kmsg: true, journal });
    for (const protocol of protocols) await searchFor(count, last, marker, '--protocol', protocol);
    assert.equal(await last.stop(), 0, last.output);
    for (const protocol of protocols) assert.deepEqual(numbersIn(await search(marker, '--protocol', protocol), marker), upTo(count), protocol);
  }

  it('has every line sealed once and in order, however often it is killed', async () => {
    const marker = `strongroom-test-${randomUUID()}`;
    const [rounds, perRound] = [25, 20];
    for (let round = 0; round < rounds; round += 1) {
      const life = begin({ kmsg: true, journal });
      // Half of the lives are killed before they are ready, or as soon as they are.
      if (round % 2 === 0) while (!life.isReady) await delay(1);
      const writing = write(numbered(marker, round * perRound, perRound));
      await delay(Math.random() * 400);
      await life.kill();
      await writing;
    }
    await assertOnce(marker, rounds * perRound);
    await verifies();
  });

  it('has no line sealed twice when it is killed while the vault cannot commit', async () => {
    const marker = `strongroom-test-${randomUUID()}`;
    const [rounds, perRound] = [4, 20];
    const keys = await pidOf('keys');
    for (let round = 0; round < rounds; round += 1) {
      const life = begin({ kmsg: true, journal });
      while (!life.isReady) await delay(1);
      // Without signatures the vault takes what is submitted, and commits nothing.
      process.kill(keys, 'SIGSTOP');
      try {
        await write(numbered(marker, round * perRound, perRound));
        while ((life.stats.values['kmsgWaiting'] ?? 0) < perRound) await delay(5);
        await life.kill();
        begin({ kmsg: true, journal });
        await delay(300 + Math.random() * 300);
      } finally {
        process.kill(keys, 'SIGCONT');
      }
      await delay(Math.random() * 300);
      await lives.at(-1)!.kill();
    }
    await assertOnce(marker, rounds * perRound);
  });

  it('has every line sealed once and in order when the vault is killed', async () => {
    const marker = `strongroom-test-${randomUUID()}`;
    const [rounds, perRound] = [3, 20];
    const life = begin({ kmsg: true, journal });
    while (!life.isReady) await delay(1);
    for (let round = 0; round < rounds; round += 1) {
      const vault = await pidOf('vault');
      const writing = write(numbered(marker, round * perRound, perRound));
      await delay(Math.random() * 50);
      process.kill(vault, 'SIGKILL');
      await writing;
      await appliance.until(({ services }) => services.every(({ name, pid, state }) => name !== 'vault' || (pid !== vault && state === 'running')), 'the vault to come back');
    }
    for (const protocol of protocols) await searchFor(rounds * perRound, life, marker, '--protocol', protocol);
    assert.equal(await life.stop(), 0, life.output);
    await assertOnce(marker, rounds * perRound);
    await verifies();
  });

  it('begins with who and where it is, ends its streams with their counts, and its sums balance', async () => {
    const life = begin({ kmsg: true, journal });
    while (!life.isReady) await delay(1);
    const marker = `strongroom-test-${randomUUID()}`;
    await write(numbered(marker, 0, 10));
    for (const protocol of protocols) await searchFor(10, life, marker, '--protocol', protocol);
    const settled = (): boolean => protocols.every((protocol) => life.stats.values[`${protocol}Waiting`] === 0 && life.stats.values[`${protocol}Received`]! >= 10);
    while (!settled()) await delay(20);
    for (const protocol of protocols) {
      const of = (name: string): number => life.stats.values[`${protocol}${name}`]!;
      assert.equal(of('Produced'), of('Received') + of('Lost'));
      assert.equal(of('Received'), of('Sealed') + of('Denied') + of('Waiting'));
    }
    assert.equal(await life.stop(), 0, life.output);
    const source = `spiffe://${deployment}/service/capture`;
    const started = (await search('capture.started', '--source', source, '--kind', 'event')).map(({ raw }) => JSON.parse(raw) as { event: string; fields: Record<string, unknown> }).at(-1)!;
    const { boot, kernel, hostname: host, resumed, resumedBoot } = started.fields;
    assert.deepEqual({ boot, kernel, host, resumed, resumedBoot }, { boot: bootId, kernel: release(), host: hostname(), resumed: true, resumedBoot: bootId });
    for (const protocol of protocols) {
      const [end] = (await search('--kind', 'end', '--source', source, '--protocol', protocol)).slice(-1);
      const records = (await search('--stream', end!.stream)).filter(({ kind }) => kind !== 'end');
      const { records: count, bytes, reason } = JSON.parse(end!.raw) as { records: number; bytes: number; reason: string };
      assert.deepEqual([count, bytes, end!.sequence, reason], [records.length, records.reduce((sum, { raw }) => sum + Buffer.byteLength(raw), 0), records.length, 'stop was asked for']);
      assert.deepEqual(records.map(({ sequence }) => sequence), upTo(records.length));
      for (const record of records) assert.equal(record.source, source);
      const { event, fields } = JSON.parse(records.at(-1)!.raw) as { event: string; fields: Record<string, number> };
      assert.equal(event, `${protocol}.ledger`);
      assert.equal(fields['produced']! + fields['beside']!, fields['received']! + fields['own']! + fields['lost']!);
      assert.equal(fields['received'], fields['sealed']! + fields['denied']! + fields['waiting']!);
      assert.equal(fields['received'], records.filter(({ kind }) => kind === 'data' || kind === 'cut').length);
    }
  });

  it('keeps its open kernel log from journalctl, which ends with it', { skip: !withJournal }, async () => {
    const life = begin({ kmsg: true, journal });
    let child: string | undefined;
    while (child === undefined) {
      child = readFileSync(`/proc/${life.pid}/task/${life.pid}/children`, 'latin1').split(' ').find((pid) => pid !== '' && isFollowing(pid));
      await delay(5);
    }
    const open = readdirSync(`/proc/${child}/fd`).map((fd) => openAt(`/proc/${child}/fd/${fd}`));
    assert.ok(!open.some((path) => path.endsWith('/kmsg')), open.join(' '));
    await life.kill();
    while (isFollowing(child)) await delay(5);
  });
});

/** It opens and closes files while it begins. */
function openAt(path: string): string {
  try {
    return readlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return '';
  }
}

function isFollowing(pid: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('--follow');
  } catch {
    return false;
  }
}
