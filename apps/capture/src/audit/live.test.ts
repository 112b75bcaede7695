// SPDX-License-Identifier: Apache-2.0
// The audit of the real kernel, the real auditd beside us or before us, and its own log as the truth.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Auditd, auditMissing, HostAudit, kernelAlone, serialIn } from '@strongroom/testing';
import { ReaderLife } from '../testing/reader-life.ts';
import { AuditReader, buildReader } from '../testing/audit-reader.ts';
import { decodeToken, type Position } from '../token.ts';
import { argumentsOf, decodeLine } from './decode.ts';
import { AuditOrigin, steadyMs } from './origin.ts';

const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
const root = mkdtempSync(join(tmpdir(), 'strongroom-audit-'));
const program = join(root, 'strongroom-audit');
const RULES = join(import.meta.dirname, '../../rules');
await kernelAlone();
const missing = auditMissing() || buildReader(program) || false;

// Also where everything is skipped.
process.on('exit', () => rmSync(root, { recursive: true, force: true }));

class Life extends ReaderLife {
  readonly origin: AuditOrigin;

  constructor(path: string, last: Position = { boot, kmsg: null, audit: null, cursor: null }) {
    super('audit', path, last);
    const { feed, stream } = this;
    this.origin = new AuditOrigin({ feed, stream, say: () => undefined, recordBytesMax: 262_144, own: null }, steadyMs());
  }

  get texts(): string[] {
    return this.line.texts('audit');
  }

  /** Without auditd's own, which it counts by itself. */
  get kernelSerials(): number[] {
    return this.texts.filter((text) => !text.startsWith('type=DAEMON_')).map((text) => serialIn(text));
  }

  get serials(): number[] {
    return this.texts.map((text) => serialIn(text));
  }

  events(name: string): Record<string, unknown>[] {
    return this.line.events().filter(({ event }) => event === name).map(({ fields }) => fields);
  }

  async until(holds: () => boolean, what: string): Promise<void> {
    for (let round = 0; !holds(); round += 1) {
      assert.ok(round < 6000, `${what} did not come; ${JSON.stringify(this.origin.ledger)}`);
      await delay(10);
    }
  }

  /** Every number is sealed or counted as lost, which is told of some only after a while. */
  async accounted(serials: () => number[]): Promise<void> {
    await this.until(() => {
      const all = new Set(serials());
      return all.size + this.origin.ledger.lostEvents === Math.max(...all) - Math.min(...all) + 1;
    }, 'a sum of what is sealed and what is lost');
  }

  /** The kernel counted everything up to now, and so did we. */
  async settled(mark: string): Promise<void> {
    HostAudit.auditctl('-m', mark);
    await this.until(() => this.texts.some((text) => text.includes(`msg='text=${mark}`)), mark);
  }
}

const run = (count: number, marker: string): void => {
  spawnSync('sh', ['-c', 'i=0; while [ $i -lt "$1" ]; do /bin/true $i "$2"; i=$((i + 1)); done', 'sh', String(count), marker]);
};
const isExec = (text: string, marker: string): boolean => text.includes(marker) && / argc=\d+ a0="\/bin\/true"/.test(text);
const execs = (life: Life, marker: string): string[] => life.texts.filter((text) => isExec(text, marker));

describe('the audit of this machine', { skip: missing }, () => {
  const key = `strongroom-test-${randomUUID().slice(0, 8)}`;
  let host: HostAudit;
  let number = 0;
  const cleanups: (() => Promise<void> | void)[] = [];

  before(() => { host = new HostAudit(); });
  afterEach(async () => {
    host.remove();
    for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
  });
  after(() => host.restore());

  const socketPath = (): string => join(root, `${(number += 1)}.sock`);

  async function begin(path = socketPath(), last?: Position): Promise<Life> {
    const life = new Life(path, last);
    await life.server.listen();
    cleanups.push(() => life.server.close());
    return life;
  }

  async function read(life: Life, ...args: string[]): Promise<AuditReader> {
    const readings = life.events('audit.reading').length;
    const reader = new AuditReader(program, [life.path, ...args]);
    cleanups.push(() => reader.stop());
    await life.until(() => life.events('audit.reading').length > readings, `the reader (${reader.output})`);
    return reader;
  }

  function watchExec(): void {
    host.limit('-b', 8192); // with the 64 of a kernel that was told nothing, every exec waits
    host.enable();
    host.add(`always,exit -F arch=b64 -S execve -F key=${key}`);
  }

  it('seals each exec whole, with arguments of any octets, and without capabilities', async () => {
    const life = await begin();
    const reader = await read(life);
    assert.match(readFileSync(`/proc/${reader.pid}/status`, 'latin1'), /CapPrm:\t0+\n.*CapEff:\t0+\n/s);
    const [child] = readFileSync(`/proc/${reader.pid}/task/${reader.pid}/children`, 'latin1').split(' ');
    assert.match(readFileSync(`/proc/${child}/status`, 'latin1'), /CapPrm:\t0000000040000000\n.*CapEff:\t0000000040000000\n/s, 'CAP_AUDIT_CONTROL alone');
    watchExec();
    const odd = ['two words', 'line\nbreak', 'ü', '"quoted"', `${'long '.repeat(4000)}`];
    const marker = randomUUID();
    spawnSync('/bin/true', [marker, ...odd]);
    await life.settled(randomUUID());
    const [text, ...more] = execs(life, marker);
    assert.deepEqual(more, []);
    const lines = text!.split('\n').map((line) => Buffer.from(line));
    assert.deepEqual(decodeLine(lines[0]!)!.type, 'SYSCALL');
    assert.equal(decodeLine(lines.at(-1)!)!.type, 'EOE');
    const { values, complete } = argumentsOf(lines.filter((line) => line.includes('type=EXECVE')))!;
    assert.equal(complete, true);
    assert.deepEqual(values, ['/bin/true', marker, 'two words', 'line\\x0abreak', 'ü', '"quoted"', 'long '.repeat(4000)]);
    const [change] = life.events('audit.changed').filter((fields) => fields['op'] === 'add_rule' && fields['key'] === key);
    assert.equal(change!['list'], '4');
    assert.ok(String(change!['exe']).endsWith('auditctl'), JSON.stringify(change));
  });

  it('has every event of a running auditd that the kernel made, by the multicast group', async () => {
    const auditd = new Auditd(join(root, 'auditd-1'));
    const life = await begin();
    await read(life);
    await auditd.start();
    cleanups.push(() => auditd.stop());
    watchExec();
    run(300, randomUUID());
    await life.settled(randomUUID());
    await life.until(() => life.events('audit.status-changed').some((fields) => fields['pidTo'] === auditd.pid), 'who owns the socket'); // it is asked after the change
    await auditd.stop();
    const log = auditd.log().filter((line) => !line.startsWith('type=DAEMON_'));
    await life.settled(randomUUID());
    assert.equal(life.origin.ledger.lostEvents, 0);
    assert.ok(log.filter((line) => line.startsWith('type=EXECVE')).length >= 300);
    const sealed = new Set(life.texts.flatMap((text) => text.split('\n')));
    for (const line of log) assert.ok(sealed.has(line), line);
  });

  it("has every line of auditd's log as its plugin, its own among them, over a restart of auditd", async () => {
    const auditd = new Auditd(join(root, 'auditd-2'));
    const life = await begin();
    auditd.plugin(program, [life.path, '--plugin=65534:65534']);
    spawnSync('chmod', ['777', root, life.path]);
    const log: string[] = [];
    for (const round of [1, 2]) {
      const before = auditd.log().length;
      await auditd.start();
      cleanups.push(() => auditd.stop());
      await life.until(() => life.events('audit.reading').length === round, 'the plugin');
      watchExec();
      run(200, randomUUID());
      const mark = randomUUID();
      await life.settled(mark);
      await auditd.stop();
      host.remove();
      await life.until(() => life.events('audit.reader-gone').length === round, 'the end of the plugin');
      // What others do on this machine while auditd ends may be in its log and not have gone to its plugin.
      const written = auditd.log().slice(before);
      log.push(...written.slice(0, written.findIndex((line) => line.includes(mark)) + 1));
    }
    const sealed = new Set(life.texts.flatMap((text) => text.split('\n')));
    assert.deepEqual(log.filter((line) => !sealed.has(line)), []);
    assert.ok(log.length > 2000, `${log.length}`);
    assert.ok(life.events('audit.daemon').some(({ type }) => type === 'DAEMON_START'));
  });

  it("tells what auditd's queue had no room for", async () => {
    const auditd = new Auditd(join(root, 'auditd-4'), 20);
    const life = await begin();
    auditd.plugin(program, [life.path, '--plugin=65534:65534']);
    spawnSync('chmod', ['777', root, life.path]);
    await auditd.start();
    cleanups.push(() => auditd.stop());
    await life.until(() => life.events('audit.reading').length === 1, 'the plugin');
    assert.equal(life.events('audit.reading')[0]!['readsStatus'], true);
    watchExec();
    run(3, randomUUID());
    await life.settled(randomUUID());
    const plugin = auditd.pluginPid;
    process.kill(plugin, 'SIGSTOP');
    run(800, randomUUID());
    process.kill(plugin, 'SIGCONT');
    await life.settled(randomUUID());
    await life.until(() => life.events('audit.missing').length > 0, 'what is missing');
    const { lost } = life.origin.ledger;
    assert.ok(lost.auditd > 0 && lost.unseen === 0 && lost.overrun === 0, JSON.stringify(lost));
    await life.accounted(() => life.kernelSerials);
  });

  it('tells what was lost while it was stopped, from the kernel\'s own count', async () => {
    const life = await begin();
    const reader = await read(life, '--receive-bytes', '65536');
    watchExec();
    run(3, randomUUID());
    await life.settled(randomUUID());
    reader.signal('SIGSTOP');
    run(600, randomUUID());
    reader.signal('SIGCONT');
    await life.settled(randomUUID());
    await life.until(() => life.events('audit.missing').length > 0, 'what is missing');
    const { ledger } = life.origin;
    assert.ok(ledger.lost.overrun > 0 && ledger.lost.unseen === 0, JSON.stringify(ledger));
    assert.ok(ledger.droppedRecords > ledger.lost.overrun);
    assert.ok(life.events('audit.overrun').length > 0);
    await life.accounted(() => life.serials);
  });

  it('loses and repeats nothing when capture is killed, and holds what comes while it is away', async () => {
    const path = socketPath();
    const marker = randomUUID();
    const first = await begin(path);
    const reader = await read(first);
    watchExec();
    run(100, marker);
    await first.until(() => execs(first, marker).length > 20, 'some of them');
    first.hold(); // the rest is on its way when it dies
    run(100, marker);
    await delay(50);
    first.dead = true;
    first.server.close();
    const committed = decodeToken(first.line.token)!;
    const sealed = [...first.texts];
    run(100, marker);
    const second = await begin(path, committed);
    await second.until(() => second.events('audit.reading').length > 0, 'the reader to come back');
    await second.settled(randomUUID());
    const all = [...sealed, ...second.texts].filter((text) => isExec(text, marker));
    assert.equal(all.length, 300);
    assert.equal(new Set(all).size, 300);
    await delay(6000);
    await second.settled(randomUUID());
    assert.equal(second.origin.ledger.lostEvents, 0);
    assert.equal(reader.output, '');
  });

  it('owns the socket only if nobody does, and leaves it to an auditd that comes', async () => {
    const life = await begin();
    const reader = await read(life, '--own');
    assert.equal(HostAudit.status()['pid'], reader.pid);
    assert.ok(HostAudit.status()['backlog_limit']! >= 8192);
    const marker = randomUUID();
    watchExec();
    run(20, marker);
    await life.settled(randomUUID());
    assert.equal(execs(life, marker).length, 20);
    const auditd = new Auditd(join(root, 'auditd-3'));
    cleanups.push(() => auditd.stop());
    await assert.rejects(auditd.start(), 'the kernel asks us first, and tells auditd that somebody is there');
    assert.deepEqual(await reader.ended, { code: 75, signal: null });
    await auditd.start();
    const second = await begin();
    await read(second, '--own');
    assert.deepEqual(second.events('audit.reading').map(({ path }) => path), ['multicast']);
    assert.equal(HostAudit.status()['pid'], auditd.pid);
  });

  it("counts what the kernel's backlog had no room for, and tells who set the count back", async () => {
    const life = await begin();
    await read(life);
    watchExec();
    host.limit('-r', 1);
    run(40, randomUUID());
    host.limit('-r', 0);
    await life.settled(randomUUID());
    await life.until(() => life.origin.ledger.kernelLostRecords > 0, "the kernel's count");
    HostAudit.auditctl('--reset-lost');
    await life.until(() => life.events('audit.lost-reset').length > 0, 'the reset');
    assert.equal(life.events('audit.lost-reset')[0]!['recorded'], true);
    assert.ok(life.events('audit.changed').some((fields) => fields['lost'] === '0'));
  });

  it('takes the rule sets as augenrules loads them, but for directories that are not there', (context) => {
    if (HostAudit.rules() !== 'No rules') return context.skip('this machine has rules of its own');
    const sets = globSync('{10,30,40,50}-*.rules', { cwd: RULES }).toSorted().map((name) => join(RULES, name));
    const { output } = host.load(sets, join(root, 'augenrules'));
    const wanted = sets.flatMap((file) => readFileSync(file, 'utf8').split('\n')).filter((line) => line.startsWith('-a'));
    const absent = wanted.filter((line) => { const dir = / dir=(\S+)/.exec(line)?.[1]; return dir !== undefined && !existsSync(dir); });
    assert.equal(HostAudit.rules().split('\n').length, wanted.length - absent.length, output);
    assert.equal(HostAudit.status()['backlog_limit'], 8192);
  });
});
