// SPDX-License-Identifier: Apache-2.0
// The kernel's audit through all of it: kernel, reader, capture, vault, search; beside a real auditd, whose log is the truth.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { auditMissing, eventually, HostAudit, kernelAlone, serialIn, startAppliance, type Appliance, type Auditd } from '@strongroom/testing';
import { AuditedHost } from './audited-host.ts';

const READER = join(import.meta.dirname, '../../node_modules/.strongroom-native/strongroom-audit');
await kernelAlone();
const missing = auditMissing() || (existsSync(READER) ? false : 'strongroom-audit was not built at set-up');

function run(count: number, marker: string): void {
  spawnSync('sh', ['-c', 'i=0; while [ $i -lt "$1" ]; do /bin/true $i "$2"; i=$((i + 1)); done', 'sh', String(count), marker]);
}

interface Found {
  readonly raw: string;
  readonly kind: string;
  readonly source: string;
}

/** Whether it tells of what nobody read, and goes on. */
const isOpen = ({ reason, closedAt }: { reason: string; closedAt: string | null }): boolean => reason === 'not-read' && closedAt === null;

const AUDIT = ['--protocol', 'audit', '--kind', 'data'];

async function searched(appliance: Appliance, ...args: string[]): Promise<Found[]> {
  const { code, stdout, stderr } = await appliance.cli('search', ...args, '-o', 'jsonl');
  assert.equal(code, 0, stderr);
  return stdout.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as Found);
}

/** Everything up to now is in the store. */
async function settled(appliance: Appliance): Promise<void> {
  const mark = randomUUID();
  HostAudit.auditctl('-m', mark);
  while ((await searched(appliance, `text=${mark}`, ...AUDIT)).length === 0) await delay(100);
}

describe("the kernel's audit in the store", { skip: missing }, () => {
  const key = `strongroom-suite-${randomUUID().slice(0, 8)}`;
  let audited: AuditedHost;
  let host: HostAudit;
  let auditd: Auditd;
  let appliance: Appliance;

  before(async () => {
    audited = new AuditedHost('audit-suite');
    ({ host, auditd } = audited);
    appliance = await startAppliance({ config: { capture: { audit: { enabled: true } } } });
    host.limit('-b', 8192);
    host.enable();
    host.add(`always,exit -F arch=b64 -S execve -F key=${key}`);
  });
  after(() => audited.end(appliance));

  const search = (...args: string[]): Promise<Found[]> => searched(appliance, ...args);
  const records = (...args: string[]): Promise<Found[]> => search(...args, ...AUDIT);

  async function events(name: string): Promise<Record<string, unknown>[]> {
    return (await search(name, '--kind', 'event')).map(({ raw }) => JSON.parse(raw) as { event: string; fields: Record<string, unknown> }).filter(({ event }) => event === name).map(({ fields }) => fields);
  }

  const settle = (): Promise<void> => settled(appliance);

  const reader = async () => (await appliance.status()).services.find(({ name }) => name === 'audit-reader')!;

  it('is read by a process of its own that keeps no right', async () => {
    const { pid, state } = await reader();
    assert.equal(state, 'running');
    await settle();
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    assert.match(status, /CapPrm:\t0+\nCapEff:\t0+\n/);
    assert.match(status, /NoNewPrivs:\t1/);
    assert.doesNotMatch(status, /Uid:\t0/);
    const [hello] = await events('audit.reading');
    assert.deepEqual([hello!['path'], hello!['pid'], hello!['receiveBytes'], hello!['readsStatus']], ['multicast', pid, 33_554_432, true]);
  });

  it("has all of auditd's log, over a restart and an end of auditd", async () => {
    const marker = randomUUID();
    /** Who owns the socket is asked after a change: of one that is over by then nobody hears. */
    const changed = (round: number, wished: (fields: Record<string, unknown>) => boolean) => eventually(() => events('audit.status-changed'), (all) => all.filter(wished).length > round, 'the change of who owns the socket');
    for (let round = 0; round < 2; round += 1) {
      await auditd.start();
      await changed(round, (fields) => fields['pidFrom'] === 0 && fields['pidTo'] !== 0);
      run(100, marker);
      await settle();
      await auditd.stop();
      run(20, marker);
      await changed(round, (fields) => fields['pidTo'] === 0);
    }
    await settle();
    const log = auditd.log().filter((line) => !line.startsWith('type=DAEMON_'));
    const sealed = new Set((await records()).flatMap(({ raw }) => raw.split('\n')));
    assert.deepEqual(log.filter((line) => !sealed.has(line)), []);
    assert.ok(log.filter((line) => line.includes('a0="/bin/true"')).length >= 200);
    assert.equal((await records(marker)).filter(({ raw }) => raw.includes('a0="/bin/true"')).length, 240, 'those too that no auditd saw');
    assert.deepEqual(await events('audit.missing'), []);
    assert.equal((await events('audit.status-changed')).filter((fields) => fields['pidFrom'] === 0 && fields['pidTo'] !== 0).length, 2);
  });

  it('tells by number what nobody read while its reader was killed, and goes on', async () => {
    const { pid } = await reader();
    process.kill(pid!, 'SIGSTOP'); // what comes now waits for it, and goes with it
    run(50, randomUUID());
    process.kill(pid!, 'SIGKILL');
    await appliance.until(({ services }) => services.some((one) => one.name === 'audit-reader' && one.pid !== pid && one.state === 'running'), 'the reader to come back');
    const marker = randomUUID();
    while ((await records(marker)).length === 0) run(5, marker);
    // What is missing is told once it is certain, and not all of it at the same time.
    const account = async () => {
      const [told, serials] = [await events('audit.missing'), (await records()).map(({ raw }) => serialIn(raw))];
      return { told, serials, lost: told.reduce((sum, { count }) => sum + (count as number), 0), numbers: Math.max(...serials) - Math.min(...serials) + 1 };
    };
    await settle();
    const { told, serials, lost } = await eventually(account, (now) => now.lost > 0 && now.serials.length + now.lost === now.numbers, 'every number to be sealed or told as lost');
    assert.deepEqual([...new Set(told.map(({ reason }) => reason))], ['not-read']);
    assert.equal(new Set(serials).size, serials.length, 'no event is there twice');
    assert.equal((await events('reader.ended')).length, 1);
    await appliance.until(({ incidents }) => incidents.some(({ subject, reason, count }) => subject === 'audit' && reason === 'not-read' && count === lost), 'the incident with all of it');
    const ids = (await appliance.status()).incidents.map(({ id }) => id);
    for (const id of ids) assert.equal((await events('incident.opened')).filter((fields) => fields['id'] === id).length, 1);
  });

  it('loses and repeats nothing when capture is killed', async () => {
    const lost = (await events('audit.missing')).length;
    const marker = randomUUID();
    for (let round = 0; round < 3; round += 1) {
      const capture = (await appliance.status()).services.find(({ name }) => name === 'capture')!;
      run(40, marker);
      process.kill(capture.pid!, 'SIGKILL');
      run(40, marker);
      await appliance.until(({ services }) => services.some((one) => one.name === 'capture' && one.pid !== capture.pid && one.state === 'running'), 'capture to come back');
    }
    await settle();
    const found = (await records(marker)).filter(({ raw }) => raw.includes('a0="/bin/true"'));
    assert.equal(found.length, 240);
    assert.equal(new Set(found.map(({ raw }) => raw)).size, 240);
    assert.equal((await events('audit.missing')).length, lost);
    const { stdout } = await appliance.cli('verify', '-o', 'json');
    assert.equal((JSON.parse(stdout) as { ok: boolean }).ok, true, stdout);
  });

  it('seals the end of an incident that was open when capture was killed, or everything', async () => {
    /** Ends capture, or all, with an incident open; resolves with its end in the store. */
    const endOf = async (end: () => Promise<void>): Promise<Record<string, unknown>> => {
      const { pid } = await reader();
      process.kill(pid!, 'SIGSTOP');
      run(50, randomUUID());
      process.kill(pid!, 'SIGKILL');
      const marker = randomUUID();
      while ((await records(marker)).length === 0) run(5, marker);
      const { incidents } = await appliance.until((status) => status.incidents.some(isOpen), 'an open incident');
      const { id } = incidents.find(isOpen)!;
      await end();
      await appliance.until((status) => status.incidents.some((one) => one.id === id && one.closedAt !== null), 'its end');
      for (;;) {
        const found = (await events('incident.closed')).find((fields) => fields['id'] === id && String(fields['why']).includes('without a word'));
        if (found !== undefined) return found;
        await delay(100);
      }
    };
    const killed = await endOf(async () => void await appliance.kill('capture'));
    assert.deepEqual([killed['service'], killed['subject'], killed['why']], ['capture', 'audit', 'its service ended without a word']);
    assert.ok(Number(killed['count']) > 0);
    const crashed = await endOf(async () => {
      await appliance.crash();
      await appliance.start();
    });
    assert.equal(crashed['why'], 'the supervisor ended without a word');
    // The new life tells in turn what nobody read meanwhile: that lasts.
    const endless = async (): Promise<unknown[]> => {
      const [opened, lasting, closed] = [await events('incident.opened'), (await appliance.status()).incidents, await events('incident.closed')];
      return opened.filter(({ id }) => !closed.some((one) => one['id'] === id) && !lasting.some((one) => one.id === id && one.closedAt === null));
    };
    await eventually(endless, ({ length }) => length === 0, 'each to have an end, or to last');
    const { code, stdout } = await appliance.cli('status', '-o', 'json');
    const { attention, incidents } = JSON.parse(stdout) as { attention: string | null; incidents: { closedAt: string | null }[] };
    assert.deepEqual([code === 4, attention !== null], Array.from({ length: 2 }, () => incidents.some(({ closedAt }) => closedAt === null)));
  });

  it('does not feed itself, and seals what others do in its home', async () => {
    const figure = async (name: string): Promise<number> => {
      const page = await (await fetch(`http://${appliance.addresses['metrics']}/metrics`)).text();
      return Number(new RegExp(`^strongroom_capture_${name}\\{[^}]*\\} (\\d+)`, 'm').exec(page)?.[1]);
    };
    host.remove();
    host.add(`always,exit -F arch=b64 -S rename,renameat,renameat2,unlink,unlinkat -F dir=${appliance.home} -F key=${key}-home`);
    const stranger = join(appliance.home, 'run', `stranger-${randomUUID()}`);
    writeFileSync(stranger, '');
    rmSync(stranger);
    await settle();
    while ((await figure('audit_own')) < 10) {
      HostAudit.auditctl('-m', 'something to commit');
      await delay(200);
    }
    await settle();
    const found = await records(`${key}-home`);
    const events = found.map(({ raw }) => raw).filter((raw) => raw.startsWith('type=SYSCALL'));
    assert.ok(events.some((raw) => raw.includes(stranger)), 'what this test did');
    const supervisor = (await appliance.status()).services.find(({ name }) => name === 'supervisor')!.pid;
    assert.deepEqual(events.filter((raw) => raw.includes(` ppid=${supervisor} `)), []);
  });
});

describe("the kernel's audit by auditd's plugin", { skip: missing }, () => {
  it("has all of auditd's log, what auditd says of itself too", async () => {
    const audited = new AuditedHost('audit-suite');
    const { host, auditd } = audited;
    const key = `strongroom-suite-${randomUUID().slice(0, 8)}`;
    const appliance = await startAppliance({ config: { capture: { audit: { enabled: true, path: 'plugin' } } } });
    try {
      assert.equal((await appliance.status()).services.some(({ name }) => name === 'audit-reader'), false, 'auditd starts it');
      auditd.plugin(READER, [appliance.paths.readerSocket('audit'), '--plugin=60650:60650']);
      await auditd.start();
      host.limit('-b', 8192);
      host.enable();
      host.add(`always,exit -F arch=b64 -S execve -F key=${key}`);
      run(100, randomUUID());
      await settled(appliance);
      const log = auditd.log(); // before the commands below, which are execs too
      await settled(appliance);
      const sealed = new Set((await searched(appliance, ...AUDIT)).flatMap(({ raw }) => raw.split('\n')));
      assert.deepEqual(log.filter((line) => !sealed.has(line)), []);
      assert.ok(log.some((line) => line.startsWith('type=DAEMON_START')) && log.length > 700, `${log.length} lines`);
    } finally {
      await audited.end(appliance);
    }
  });
});
