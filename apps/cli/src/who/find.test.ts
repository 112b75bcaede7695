// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Item } from '@strongroom/evidence';
import { whoOf, whoWas, timeOf, type Records } from './find.ts';
import { whoLines } from './screen.ts';

const SHA = 'ab'.repeat(32);
const NEVER = 10n ** 18n * 4n;
const ANCESTRY = [{ pid: 20, started: 200, name: 'bash', executable: '/bin/bash' }, { pid: 1, started: 1, name: 'systemd', executable: null }];
const WHO = { person: 'alice', unit: 'session-3.scope', container: null, cgroup: '/user.slice/session-3.scope', executable: '/bin/rm' };

/** Records as the vault finds them. */
class Store implements Records {
  readonly items: Item[] = [];

  add(protocol: string, second: number, record: unknown): Item {
    const raw = typeof record === 'string' ? record : JSON.stringify(record);
    const item: Item = {
      id: `${this.items.length}-0`, receivedAt: new Date(Date.UTC(2026, 0, 1) + second * 1000).toISOString(), boundNs: null, source: 's', stream: '', sequence: 0, protocol, peer: '', kind: 'data', raw,
    };
    this.items.push(item);
    return item;
  }

  find(protocol: string, content: { text: string } | { regex: string }, time: { since: bigint } | { until: bigint }): Promise<Item | null> {
    const holds = (raw: string): boolean => ('text' in content ? raw.includes(content.text) : new RegExp(content.regex).test(raw));
    const of = this.items.filter((item) => item.protocol === protocol && holds(item.raw!));
    const found = 'since' in time ? of.find((item) => timeOf(item) >= time.since) : of.findLast((item) => timeOf(item) < time.until);
    return Promise.resolve(found ?? null);
  }
}

const process = { pid: 30, tid: 30, parent: 20, started: 300, name: 'rm', login: 1000, session: 3 };

function store(): { store: Store; exec: Item; act: Item; file: Item } {
  const all = new Store();
  const file = all.add('files', 0, `{"type":"executable","path":"/bin/rm","pid":9,"started":1,"kind":"file","device":"8:1","inode":77,"sha256":"${SHA}"}`);
  const exec = all.add('ebpf', 10, { type: 'exec', cpu: 1, sequence: 5, ...process, device: '8:1', inode: 77, executable: 'rm', command: ['rm', '/etc/x'], who: { ...WHO, ancestry: ANCESTRY } });
  const act = all.add('ebpf', 11, { type: 'delete', cpu: 0, sequence: 9, ...process, path: '/etc/x', who: { ...WHO, ancestryIn: '1/5' } });
  return { store: all, exec, act, file };
}

/** Of the execution in {@link store}, at second 10 by process 30. */
async function hashOf(...told: readonly [second: number, pid: number, first: string][]): Promise<string | null> {
  const { store: all, exec } = store();
  all.items.splice(0, 1);
  for (const [second, pid, first] of told) all.add('files', second, `{"type":"executable","path":"/bin/rm","pid":${pid},"started":1,"kind":"file","device":"8:1","inode":77,"sha256":"${first.padEnd(64, '0')}"}`);
  all.add('files', 9, `{"type":"changed","path":"/bin/rm","after":{"device":"8:1","inode":77,"sha256":"${SHA}"}}`);
  return (await whoOf(exec, all)).sha256?.replace(/0+$/, '') ?? null;
}

describe('who ran it', () => {
  it('is found from an act, by the record of the execution and that of the file', async () => {
    const { store: all, exec, act, file } = store();
    const answer = await whoOf(act, all);
    assert.deepEqual([answer.person, answer.session, answer.unit, answer.executable, answer.command, answer.sha256], ['alice', 3, 'session-3.scope', '/bin/rm', ['rm', '/etc/x'], SHA]);
    assert.deepEqual(answer.ancestry.map(({ pid, started }) => [pid, started]), [[20, '200'], [1, '1']]);
    assert.deepEqual(answer.records, { asked: act.id, process: act.id, ancestry: exec.id, later: null, file: file.id });
    const screen = whoLines(answer, (text) => text).join('\n');
    assert.match(screen, /^alice \(login uid 1000\), session 3\n  systemd \(1\)\n    bash \(20\)  \/bin\/bash\n      rm \(30\)  \/bin\/rm\n/);
    assert.match(screen, /container|unit +session-3\.scope/);
  });

  it('is found by a process id, of whichever process had it at that time', async () => {
    const { store: all } = store();
    all.add('ebpf', 100, { type: 'exec', cpu: 0, sequence: 50, ...process, started: 9000, name: 'later', who: { ...WHO, person: null, ancestry: [] } });
    assert.equal((await whoWas(30, NEVER, all)).name, 'later');
    assert.equal((await whoWas(30, timeOf({ receivedAt: '2026-01-01T00:00:50Z' }), all)).person, 'alice');
    await assert.rejects(whoWas(31, NEVER, all), { code: 'who.unknown' });
  });

  it('says of a program that lay in memory alone why it has no hash', async () => {
    const { store: all } = store();
    const exec = all.add('ebpf', 20, { type: 'exec', cpu: 0, sequence: 60, ...process, device: '8:1', inode: 77, executable: '/dev/fd/3', command: ['x'], unhashed: 'memfd', who: { ...WHO, ancestry: ANCESTRY } });
    const answer = await whoOf(exec, all);
    assert.deepEqual([answer.sha256, answer.unhashed], [null, 'memfd']);
    assert.match(whoLines(answer, (text) => text).join('\n'), /sha-256 +none: the program lay in memory alone \(memfd\)/);
  });

  it('takes what was told later for what was not known then', async () => {
    const { store: all } = store();
    const started = '18000000000000000001'; // more digits than a number of JavaScript holds
    const raw = JSON.stringify({ type: 'exec', cpu: 0, sequence: 60, ...process, pid: 40, tid: 40, who: { ...WHO, unit: null, cgroup: null, ancestry: [{ pid: 20, started: null, name: null, executable: null }] } });
    const exec = all.add('ebpf', 20, raw.replace('"started":300', `"started":${started}`));
    const container = { runtime: 'docker', id: 'c'.repeat(64) };
    const later = all.add('process', 21, JSON.stringify({ pid: 40, started: 300, name: 'rm', login: 1000, ...WHO, container, cgroup: '/docker/c', ancestry: ANCESTRY, from: 'ebpf' }).replace('"started":300', `"started":${started}`));
    const answer = await whoOf(exec, all);
    assert.deepEqual([answer.started, answer.container, answer.cgroup, answer.ancestry[0]!.name, answer.records.later], [started, container, '/docker/c', 'bash', later.id]);
  });

  it('is found from a record of the audit, by eBPF or by what was told beside it', async () => {
    const { store: all } = store();
    const audit = all.add('audit', 11, 'type=SYSCALL msg=audit(1.000:5): arch=c000003e syscall=87 success=yes ppid=20 pid=30 auid=1000 uid=0 comm="rm" exe="/bin/rm"\ntype=EOE msg=audit(1.000:5):');
    assert.deepEqual([(await whoOf(audit, all)).person, (await whoOf(audit, all)).records.asked], ['alice', audit.id]);
    const gone = all.add('audit', 30, 'type=SYSCALL msg=audit(2.000:6): arch=c000003e syscall=59 success=yes ppid=20 pid=50 auid=1000 uid=0 comm="x" exe="/bin/x"');
    all.add('process', 32, { pid: 50, started: null, name: 'x', login: 1000, ...WHO, unit: null, cgroup: null, executable: '/bin/x', ancestry: ANCESTRY, from: 'audit', gone: true });
    const answer = await whoOf(gone, all);
    assert.deepEqual([answer.started, answer.executable, answer.cgroup, answer.sha256, answer.records.ancestry], [null, '/bin/x', null, null, answer.records.process]);
    await assert.rejects(whoOf(all.add('audit', 40, 'type=CONFIG_CHANGE msg=audit(3.000:7): op=set'), all), { code: 'who.unknown' });
  });

  it('is found among processes that are told of together, and never as the ancestor of another', async () => {
    const { store: all } = store();
    const processes = [{ pid: 60, name: 'x', executable: '/bin/x' }, { pid: 61, name: 'y]', executable: '/bin/y', escaped: true }];
    const together = all.add('process', 40, { processes, login: 1000, person: 'alice', unit: null, container: null, cgroup: null, ancestry: ANCESTRY, from: 'audit', gone: true, asOf: 1 });
    const answer = await whoWas(61, NEVER, all);
    assert.deepEqual([answer.pid, answer.started, answer.name, answer.person, answer.login, answer.executable], [61, null, 'y]', 'alice', 1000, '/bin/y']);
    assert.deepEqual([answer.ancestry.map(({ pid }) => pid), answer.records.ancestry], [[20, 1], together.id]);
    await assert.rejects(whoWas(20, NEVER, all), { code: 'who.unknown' });
    await assert.rejects(whoOf(together, all), { code: 'who.unknown' });
    const own = all.add('process', 30, { pid: 20, started: 200, name: 'bash', login: 1000, ...WHO, executable: '/bin/bash', ancestry: ANCESTRY.slice(1), from: 'proc', asOf: 1 });
    all.add('process', 50, { pid: 62, started: 620, name: 'z', login: 0, ...WHO, person: null, ancestry: ANCESTRY, from: 'proc', asOf: 2 });
    assert.deepEqual([(await whoWas(20, NEVER, all)).records.process, (await whoWas(60, NEVER, all)).records.process], [own.id, together.id]);
    all.add('process', 60, { pid: 60, started: 6000, name: 'new', login: 0, ...WHO, ancestry: [], from: 'proc', asOf: 3 });
    assert.equal((await whoWas(60, NEVER, all)).name, 'new');
  });

  it('claims the hash of what was executed, and none where it could be another', async () => {
    assert.equal(await hashOf(), null);
    assert.equal(await hashOf([0, 9, 'a']), 'a');
    assert.equal(await hashOf([0, 9, 'a'], [11, 30, 'b'], [14, 31, 'c']), 'b');
    assert.equal(await hashOf([0, 9, 'a'], [14, 31, 'c']), 'a');
    assert.equal(await hashOf([0, 9, 'a'], [11, 31, 'c']), null);
    assert.equal(await hashOf([500, 30, 'a']), null);
  });
});
