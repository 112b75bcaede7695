// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { recordOf, type AuditRecord } from '../audit/record.ts';
import type { ExecRules } from '../audit/frames.ts';
import { parseEvents } from '../ebpf/frames.ts';
import { bootClock } from '../host.ts';
import { Execs } from './execs.ts';
import { Reconciliation, type Watcher } from './reconciliation.ts';

const name = (): string => '/bin/x';
const alone = (execs: Execs, minute: number): [string, number][] => execs.settle(minute)!.alone.map(({ side, pid }) => [side, pid]);

describe('executions of two counts', () => {
  it('pair by process and time, whichever comes first, also several of one process and over the edge of a minute', () => {
    const execs = new Execs(-10_000);
    execs.take('audit', 1, 1000, name);
    execs.take('ebpf', 1, 1004, name);
    for (const ms of [2000, 2010, 2020]) execs.take('ebpf', 2, ms, name);
    for (const ms of [1999, 2009, 2019]) execs.take('audit', 2, ms, name);
    execs.take('ebpf', 3, 60_001, name);
    execs.take('audit', 3, 59_999, name);
    execs.take('audit', 4, 60_000, name);
    assert.deepEqual(execs.settle(1), { fromMs: 0, toMs: 60_000, both: 5, alone: [], late: 0 });
    assert.equal(execs.settle(1), null);
    assert.deepEqual(alone(execs, 2), [['audit', 4]]);
  });

  it('are told by name when one side alone saw them, each once', () => {
    const execs = new Execs(-10_000);
    execs.take('audit', 1, 1000, name);
    execs.take('ebpf', 1, 30_000, name); // the id was given to another process
    execs.take('ebpf', 2, 2000, () => '/tmp/hidden', 77);
    assert.deepEqual(execs.settle(1)!.alone.map(({ side, executable, parent }) => [side, executable, parent]), [['audit', '/bin/x', 0], ['ebpf', '/tmp/hidden', 77], ['ebpf', '/bin/x', 0]]);
    execs.take('audit', 2, 2001, name);
    execs.take('audit', 3, 55_000, name);
    assert.deepEqual(execs.settle(2), { fromMs: 60_000, toMs: 120_000, both: 0, alone: [], late: 2 });
  });

  it('are not asked for from around the beginning, when one side may have come first', () => {
    const execs = new Execs(0);
    execs.take('audit', 1, 9000, name);
    execs.take('ebpf', 2, 11_000, name);
    execs.take('audit', 2, 9999, name);
    assert.deepEqual(execs.settle(1), { fromMs: 10_000, toMs: 60_000, both: 1, alone: [], late: 0 });
  });

  it('stop being kept when far too many wait', () => {
    const execs = new Execs(0);
    for (let pid = 0; pid < 70_000; pid += 1) execs.take('audit', pid, 20_000, name);
    assert.equal(execs.isCrowded, true);
    assert.equal(execs.settle(1)!.alone.length, 65_536);
  });
});

/** A minute of this boot: eBPF counts from there. */
const BEGIN = Math.ceil(Date.now() / 60_000 + 10) * 60_000;

class Both {
  readonly told: { event: string; fields: Record<string, unknown> }[] = [];
  audit: Watcher = { reading: true, readings: 1, lost: 0, execRules: 'all' };
  ebpf: Watcher = { reading: true, readings: 1, lost: 0 };
  held = false;
  readonly reconciliation = new Reconciliation({
    say: (event, fields) => { this.told.push({ event, fields: fields ?? {} }); }, watchers: { audit: () => this.audit, ebpf: () => this.ebpf }, isHeld: () => this.held,
  });

  /** The second of a minute at which an exec is seen. */
  seen(side: 'audit' | 'ebpf', pid: number, second: number, parent = 1): this {
    const timeMs = BEGIN + second * 1000;
    if (side === 'audit') {
      const text = `audit(${timeMs / 1000}.000:${pid}): arch=c000003e syscall=59 success=yes ppid=9 pid=${pid} comm="x" exe="/bin/x${pid}" key=(null)`;
      const records = [recordOf(1300, Buffer.from(text)), recordOf(1309, Buffer.from(`audit(${timeMs / 1000}.000:${pid}): argc=1 a0="x"`))] as AuditRecord[];
      this.reconciliation.audit({ serial: pid, timeMs, records, end: 'eoe', late: false });
    } else {
      const path = Buffer.from(`/bin/x${pid}`);
      const event = Buffer.alloc(200);
      event.writeUInt16LE(path.length, 6);
      event.writeBigUInt64LE(BigInt(Math.round(timeMs - bootClock())) * 1_000_000n, 24);
      event.writeUInt32LE(pid, 40);
      event.writeUInt32LE(parent, 48);
      this.reconciliation.ebpf(parseEvents(Buffer.concat([event, path]))[0]!);
    }
    return this;
  }

  tick(second: number): this {
    this.reconciliation.tick(BEGIN + second * 1000);
    return this;
  }

  of(event: string): Record<string, unknown>[] {
    return this.told.filter((one) => one.event === event).map(({ fields }) => fields);
  }
}

describe('reconciliation of the audit and eBPF', () => {
  it('tells each minute what both saw, and by name what one alone did', () => {
    const both = new Both().tick(-10).seen('audit', 10, 1).seen('ebpf', 10, 1).seen('audit', 11, 2).seen('ebpf', 12, 3).tick(89);
    assert.deepEqual(both.of('exec.reconciled'), []);
    both.tick(91).tick(95);
    const [facts, ...more] = both.of('exec.reconciled');
    assert.deepEqual(more, []);
    assert.deepEqual([facts!['audit'], facts!['ebpf'], facts!['onlyAudit'], facts!['onlyEbpf'], facts!['unexplained'], facts!['rules']], [2, 2, 1, 1, 2, 'all']);
    const [differs] = both.of('exec.differs');
    assert.match(String(differs!['seenByAudit']), /^11 \S+Z \/bin\/x11$/);
    assert.match(String(differs!['seenByEbpf']), /^12 \S+Z \/bin\/x12$/);
    assert.deepEqual(both.reconciliation.values(), { execReconciling: 1, execBoth: 1, execOnlyAudit: 1, execOnlyEbpf: 1, execUnexplained: 2 });
  });

  it('holds nothing against what losses, rules and the kernel itself explain', () => {
    const lossy = new Both().tick(-10).seen('audit', 1, 1).seen('ebpf', 2, 1).seen('ebpf', 3, 1, 2);
    lossy.audit = { ...lossy.audit, lost: 1 };
    lossy.ebpf = { ...lossy.ebpf, lost: 5 };
    lossy.tick(91);
    const [facts] = lossy.of('exec.reconciled');
    assert.deepEqual([facts!['unexplained'], facts!['byKernel'], facts!['lostAudit'], facts!['lostEbpf']], [0, 1, 1, 5]);
    for (const execRules of ['some', 'unknown'] satisfies ExecRules[]) {
      const some = new Both();
      some.audit = { ...some.audit, execRules };
      some.tick(-10).seen('ebpf', 1, 1).seen('audit', 2, 1).tick(91);
      assert.deepEqual(some.of('exec.differs').map((one) => [one['byRules'], one['unexplained'], one['seenByEbpf']]), [[1, 1, undefined]]);
    }
    assert.deepEqual(lossy.of('exec.differs'), []);
  });

  it('says once why it does not compare, and begins anew when both watch', () => {
    const both = new Both();
    both.audit = { ...both.audit, execRules: 'none' };
    for (let second = 0; second < 300; second += 5) both.tick(second).seen('ebpf', second, second);
    assert.deepEqual(both.told, [{ event: 'exec.not-reconciled', fields: { why: 'the audit has no rule for execve' } }]);
    both.audit = { ...both.audit, execRules: 'all' };
    both.tick(300).seen('ebpf', 1, 320);
    both.ebpf = { ...both.ebpf, readings: 2 };
    both.tick(325).tick(330).seen('audit', 2, 345).seen('ebpf', 2, 345).tick(395);
    assert.deepEqual(both.of('exec.not-reconciled').map(({ why }) => why), ['the audit has no rule for execve', 'a reader came anew']);
    assert.deepEqual(both.of('exec.reconciled').map((one) => [one['audit'], one['ebpf']]), [[1, 1]]);
  });

  it('settles nothing while the vault holds capture up', () => {
    const both = new Both().tick(-10).seen('audit', 1, 1);
    both.held = true;
    both.tick(91).tick(200);
    both.held = false;
    both.tick(205);
    assert.deepEqual(both.told, []);
    both.seen('ebpf', 1, 1).tick(231);
    assert.deepEqual(both.of('exec.reconciled').map(({ unexplained }) => unexplained), [0]);
  });
});
