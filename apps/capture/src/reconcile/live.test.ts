// SPDX-License-Identifier: Apache-2.0
// The real kernel by both ways: what is executed is seen by both, and what gets by one of them is found by name.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { NO_KEY } from '@strongroom/evidence';
import { auditMissing, HostAudit, kernelAlone } from '@strongroom/testing';
import { AuditOrigin, steadyMs } from '../audit/origin.ts';
import { EbpfOrigin } from '../ebpf/origin.ts';
import { Feed } from '../feed.ts';
import type { Origin } from '../reader/feed.ts';
import { ReaderLine } from '../reader/line.ts';
import { LocalStream } from '../stream.ts';
import { AuditReader, buildReader } from '../testing/audit-reader.ts';
import { Probe, probeMissing } from '../testing/probe.ts';
import { SealedLine } from '../testing/sealed-line.ts';
import { Reconciliation } from './reconciliation.ts';

const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
const root = mkdtempSync(join(tmpdir(), 'strongroom-reconcile-'));
const program = join(root, 'strongroom-audit');
await kernelAlone();
const missing = auditMissing() || probeMissing() || buildReader(program) || (existsSync('/usr/bin/python3') ? false : 'something is executed in Python');
process.on('exit', () => rmSync(root, { recursive: true, force: true }));

async function until(holds: () => boolean, what: string): Promise<void> {
  for (let round = 0; !holds(); round += 1) {
    assert.ok(round < 3000, what);
    await delay(20);
  }
}

/** Executes its first argument by the kernel's interface for 32 bits. Null: it cannot be built, or run, here. */
function thirtyTwo(): string | null {
  const built = join(root, 'thirty-two');
  const source = 'void entry(long *stack){static unsigned words[3];char **given=(char **)(stack+1);static char path[256],mark[64];int i;' +
    'for(i=0;(path[i]=given[1][i]);i++);for(i=0;(mark[i]=given[2][i]);i++);words[0]=(unsigned)(long)path;words[1]=(unsigned)(long)mark;long out;' +
    '__asm__ volatile("int $0x80":"=a"(out):"a"(11L),"b"(path),"c"(words),"d"(0L):"memory");__asm__ volatile("syscall"::"a"(60L),"D"(99L));}' +
    '__asm__(".globl _start\n_start: mov %rsp,%rdi\nand $-16,%rsp\ncall entry");';
  if (process.arch !== 'x64') return null;
  const { status } = spawnSync('gcc', ['-O1', '-static', '-nostdlib', '-no-pie', '-fno-stack-protector', '-mcmodel=small', '-x', 'c', '-', '-o', built], { input: source });
  return status === 0 && spawnSync(built, ['/bin/true', 'x']).status === 0 ? built : null;
}

describe('executions on this machine', { skip: missing }, () => {
  const cleanups: (() => Promise<void> | void)[] = [];
  after(async () => { for (const cleanup of cleanups.toReversed()) await cleanup(); });

  it('are seen by the audit and by eBPF alike, and one that got by the audit is named', async () => {
    const line = new SealedLine();
    const feed = new Feed(line, { boot, kmsg: null, audit: null, cursor: null }, () => assert.fail('denied'));
    const told: { event: string; fields: Record<string, unknown> }[] = [];
    const options = (protocol: string) => ({
      feed, stream: new LocalStream({ id: 'spiffe://test/service/capture', keyHash: NO_KEY }, protocol, () => undefined), say: () => undefined, recordBytesMax: 262_144, reconciliation,
    });
    const reconciliation: Reconciliation = new Reconciliation({
      say: (event, fields) => { told.push({ event, fields: fields ?? {} }); }, watchers: { audit: () => audit.watcher, ebpf: () => ebpf.watcher }, isHeld: () => false,
    });
    const audit: AuditOrigin = new AuditOrigin({ ...options('audit'), own: null }, steadyMs());
    const ebpf: EbpfOrigin = new EbpfOrigin(options('ebpf'));
    const listen = async (origin: Origin, path: string): Promise<string> => {
      const server = new ReaderLine(path, { frame: (kind, payload) => origin.frame(kind, payload), ready: () => Promise.resolve(), gone: () => undefined, second: () => assert.fail('a second reader') });
      await server.listen();
      cleanups.push(() => server.close());
      return path;
    };

    const host = new HostAudit();
    cleanups.push(() => host.restore());
    host.limit('-b', 8192);
    host.enable();
    const key = `strongroom-test-${randomUUID().slice(0, 8)}`;
    host.add(`always,exit -F arch=b64 -S execve -F key=${key}`);
    host.add(`always,exit -F arch=b32 -S execve -F key=${key}`);
    const probe = new Probe([await listen(ebpf, join(root, 'ebpf.sock'))]);
    cleanups.push(() => probe.stop());
    const reader = new AuditReader(program, [await listen(audit, join(root, 'audit.sock'))]);
    cleanups.push(() => reader.stop());
    await until(() => audit.watcher.reading && ebpf.watcher.reading && audit.watcher.execRules === 'all', 'both watch, and the rule is known');
    reconciliation.tick(Date.now() - 10_000); // ten seconds are left out around the beginning

    const settled = async (): Promise<void> => {
      const mark = randomUUID();
      spawnSync('/bin/true', [mark]);
      for (const protocol of ['audit', 'ebpf']) await until(() => line.texts(protocol).some((text) => text.includes(mark)), `the mark by ${protocol}`);
    };
    spawnSync('sh', ['-c', 'i=0; while [ $i -lt 200 ]; do /bin/true; i=$((i + 1)); done']);
    spawnSync('python3', ['-c', 'import os; os.execve(os.open("/usr/bin/env", os.O_RDONLY), ["env"], {})']); // execveat: the rule is about execve
    const by32 = thirtyTwo();
    const other = join(root, 'by-32');
    copyFileSync('/bin/true', other);
    if (by32 !== null) assert.equal(spawnSync(by32, [other, 'by-32']).status, 0);
    await settled();
    reconciliation.tick(Date.now() + 100_000);

    const [differs] = told.filter(({ event }) => event === 'exec.differs').map(({ fields }) => fields);
    const { audit: byAudit, onlyAudit, rules } = told.find(({ event }) => event === 'exec.reconciled')!.fields as Record<string, number | string>;
    assert.equal(rules, 'all');
    assert.ok(Number(byAudit) - Number(onlyAudit) >= 201, JSON.stringify(told));
    if (by32 !== null) for (const protocol of ['audit', 'ebpf']) assert.ok(line.texts(protocol).some((text) => text.includes(other)), `the 32-bit execution by ${protocol}`);
    assert.doesNotMatch(`${String(differs!['seenByEbpf'])} ${String(differs!['seenByAudit'])}`, /by-32/, 'both count what is executed by the interface for 32 bits');
    assert.match(String(differs!['seenByEbpf']), /\/dev\/fd\/\d+/);
    assert.doesNotMatch(String(differs!['seenByAudit']), /bin\/true/); // others on this machine may just have been under way
  });
});
