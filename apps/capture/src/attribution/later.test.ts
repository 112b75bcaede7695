// SPDX-License-Identifier: Apache-2.0
// Processes of the audit's events, real ones, as far as nothing else told of them.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import type { AuditEvent } from '../audit/joiner.ts';
import { recordOf } from '../audit/record.ts';
import { Cgroups } from './cgroups.ts';
import { Later } from './later.ts';
import { Places } from './places.ts';
import { ProcessTable } from './process-table.ts';

function event(pid: number, parent: number, fields = 'comm="sleep" exe="/usr/bin/sleep"', login = 4294967295, timeMs = Date.now()): AuditEvent {
  const text = `audit(1.000:7): arch=c000003e syscall=59 success=yes exit=0 a0=1 items=2 ppid=${parent} pid=${pid} auid=${login} uid=0 gid=0 tty=(none) ses=1 ${fields} key=(null)`;
  return { serial: 7, timeMs, records: [recordOf(1300, Buffer.from(text))!], end: 'eoe', late: false };
}

class Audited {
  readonly facts: Record<string, unknown>[] = [];
  watched = false;
  held = false;
  readonly table = new ProcessTable();
  readonly #cgroups = new Cgroups({ v2: null, v1: null });
  readonly later = new Later({
    table: this.table, cgroups: this.#cgroups, places: new Places(this.#cgroups), person: (login) => (login === 1000 ? 'alice' : null),
    tell: (lines) => { this.facts.push(...lines.map((line) => JSON.parse(line) as Record<string, unknown>)); }, isHeld: () => this.held, isWatched: () => this.watched,
  });
}

describe('processes of audit events', () => {
  it('are told of once while they live, with what /proc says, and again when they execute something else', async () => {
    const child = spawn('sleep', ['100'], { stdio: 'ignore' });
    await once(child, 'spawn');
    const audited = new Audited();
    for (let round = 0; round < 3; round += 1) {
      audited.later.audit(event(child.pid!, process.pid), round);
      audited.later.tick(round);
    }
    const [facts, ...more] = audited.facts;
    assert.deepEqual(more, []);
    assert.deepEqual([facts!['pid'], facts!['name'], facts!['executable'], facts!['from'], facts!['gone']], [child.pid, 'sleep', '/usr/bin/sleep', 'proc', undefined]);
    assert.ok(Number(facts!['started']) > 0 && typeof facts!['cgroup'] === 'string' && Number(facts!['asOf']) >= Number(facts!['started']));
    assert.equal((facts!['ancestry'] as { pid: number }[])[0]!.pid, process.pid);
    audited.later.audit(event(child.pid!, process.pid, 'comm="other" exe="/bin/other"'), 10);
    audited.later.tick(10);
    audited.later.audit(event(child.pid!, process.pid, 'comm="other" exe="/bin/other"'), 4_000_000);
    audited.later.tick(4_000_000);
    assert.deepEqual(audited.facts.slice(1).map(({ name, executable }) => [name, executable]), [['other', '/bin/other'], ['other', '/bin/other']]);
    child.kill();
    await once(child, 'exit');
  });

  it('are not taken for others that have their ids, or their parents\' ids, by now', async () => {
    const before = Date.now() - 60_000;
    const child = spawn('sleep', ['100'], { stdio: 'ignore' });
    await once(child, 'spawn');
    const { pid } = spawnSync('true');
    const audited = new Audited();
    audited.later.audit(event(child.pid!, 1, 'comm="thief" exe="/tmp/thief"', 1000, before), 0);
    audited.later.tick(0);
    audited.later.audit(event(child.pid!, process.pid), 1);
    audited.later.audit(event(pid, child.pid!, 'comm="fence" exe="/tmp/fence"', 1000, before), 1);
    audited.later.tick(1);
    assert.deepEqual(audited.facts.map(({ pid: of, started, name, person, executable, from, gone }) => [of, typeof started, name, person, executable, from, gone]), [
      [child.pid, 'object', 'thief', 'alice', '/tmp/thief', 'audit', true], [child.pid, 'number', 'sleep', null, '/usr/bin/sleep', 'proc', undefined], [pid, 'object', 'fence', 'alice', '/tmp/fence', 'audit', true],
    ]);
    assert.deepEqual(audited.facts[2]!['ancestry'], [{ pid: child.pid, started: null, name: null, executable: null }]);
    child.kill();
    await once(child, 'exit');
  });

  it('that are gone are told of by the words of the audit, and said to be gone', () => {
    const { pid } = spawnSync('true');
    const audited = new Audited();
    audited.later.audit(event(pid, 1, 'comm=2F62FF exe=2F622F78FF', 1000), 0);
    audited.later.tick(0);
    const { asOf, ...facts } = audited.facts[0]!;
    assert.ok(Number(asOf) > 0);
    assert.deepEqual(facts, {
      pid, started: null, name: '/b\\xff', escaped: true, login: 1000, person: 'alice', unit: null, container: null, cgroup: null, executable: '/b/x\\xff',
      ancestry: [{ pid: 1, started: null, name: null, executable: null }], from: 'audit', gone: true,
    });
  });

  it('that are gone are told of together where parent and login are the same, each with what it is by itself', () => {
    const audited = new Audited();
    const own = spawnSync('true').pid;
    const atMs = Date.now() - 1000;
    const gone = (pid: number, parent: number, name: string, login = 1000): void => audited.later.audit(event(pid, parent, `comm="${name}" exe="/bin/${name}"`, login, atMs), 0);
    for (let pid = 5_000_001; pid <= 5_000_003; pid += 1) gone(pid, own, `tool${pid}`);
    gone(own, 1, 'shell');
    gone(5_000_004, own, 'tool', 1001);
    audited.later.audit(event(5_000_005, own, 'comm=62FF exe="/bin/x"', 1000, atMs), 0);
    audited.later.tick(0);
    const [together, shell, other, ...more] = audited.facts;
    assert.deepEqual(more, []);
    const { processes, asOf, ...common } = together!;
    assert.deepEqual(processes, [
      ...[5_000_001, 5_000_002, 5_000_003].map((pid) => ({ pid, name: `tool${pid}`, executable: `/bin/tool${pid}` })), { pid: 5_000_005, name: 'b\\xff', executable: '/bin/x', escaped: true },
    ]);
    assert.ok(Number(asOf) > 0);
    const ancestry = [{ pid: own, started: null, name: 'shell', executable: '/bin/shell' }, { pid: 1, started: null, name: null, executable: null }];
    assert.deepEqual(common, { login: 1000, person: 'alice', unit: null, container: null, cgroup: null, ancestry, from: 'audit', gone: true });
    assert.deepEqual([shell!['pid'], shell!['gone'], other!['pid'], other!['login'], other!['person'], other!['ancestry']], [own, true, 5_000_004, 1001, null, ancestry]);
    assert.equal(audited.later.values()['whoFacts'], 6);
    audited.later.audit(event(5_000_001, own, 'comm="tool5000001" exe="/bin/tool5000001"', 1000), 10);
    audited.later.tick(10);
    assert.equal(audited.facts.length, 3);
  });

  it('that are gone and many are told of in records of bounded length', () => {
    const audited = new Audited();
    for (let pid = 5_000_001; pid <= 5_000_060; pid += 1) audited.later.audit(event(pid, 1, `comm="x" exe="/${'y'.repeat(500)}"`), 0);
    audited.later.tick(0);
    const told = audited.facts.map(({ processes }) => (processes as unknown[]).length);
    assert.ok(told.length >= 4 && told.every((count) => count > 1 && count < 20), told.join(' '));
    assert.equal(told.reduce((sum, count) => sum + count, 0), 60);
  });

  it('are left to eBPF where it tells of them, and wait while the vault is held', () => {
    const audited = new Audited();
    audited.watched = true;
    audited.later.audit(event(process.pid, process.ppid), 0);
    audited.later.tick(1000);
    assert.deepEqual(audited.facts, []);
    audited.table.get(process.pid)!.toldIn = '0/1';
    audited.later.tick(3000);
    assert.deepEqual(audited.facts, []);
    const { pid } = spawnSync('true');
    audited.later.audit(event(pid, 1), 4000);
    audited.held = true;
    audited.later.tick(9000);
    assert.deepEqual(audited.facts, []);
    audited.held = false;
    audited.later.tick(9001);
    assert.deepEqual(audited.facts.map((facts) => [facts['pid'], facts['gone']]), [[pid, true]]);
  });

  it('are counted where they are too many to be looked up', () => {
    const audited = new Audited();
    for (let pid = 1; pid <= 5000; pid += 1) audited.later.audit(event(5_000_000 + pid, 1), 0);
    assert.equal(audited.later.values()['whoSkipped'], 904);
  });
});
