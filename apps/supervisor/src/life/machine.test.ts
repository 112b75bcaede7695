// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { UNMEASURED } from '@strongroom/service';
import type { Heartbeat } from '@strongroom/service/coverage';
import { utmp } from './utmp.fixture.ts';
import { signOfLife, traces, type MachinePaths } from './machine.ts';

const SECOND = 1_000_000_000n;
const T = 1_800_000_000;
const before: Heartbeat = { boot: 'a', life: '1', bootNs: 0n, monotonicNs: 0n, wallNs: BigInt(T) * SECOND, boundNs: null };
const since: Heartbeat = { ...before, boot: 'b', wallNs: BigInt(T + 600) * SECOND };
const root = mkdtempSync(join(tmpdir(), 'strongroom-machine-'));
const paths: MachinePaths = { proc: join(root, 'proc'), sys: join(root, 'sys'), pstore: [join(root, 'pstore'), join(root, 'moved')], wtmp: join(root, 'wtmp'), wtmpdb: join(root, 'wtmp.db') };

after(() => rmSync(root, { recursive: true, force: true }));
beforeEach(() => rmSync(root, { recursive: true, force: true }));

function put(path: string, content: string | Buffer, seconds?: number): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
  if (seconds !== undefined) utimesSync(join(root, path), seconds, seconds);
}

test('the clocks and the boot are those of /proc', () => {
  put('proc/uptime', '123456.78 100.00\n');
  put('proc/sys/kernel/random/boot_id', '11111111-2222-3333-4444-555555555555\n');
  const { boot, bootNs } = signOfLife(paths, '1', () => UNMEASURED.stamp());
  assert.deepEqual([boot, bootNs], ['11111111-2222-3333-4444-555555555555', 123_456_780_000_000n]);
});

test('the real machine tells its own', () => {
  const now = signOfLife({ ...paths, proc: '/proc' }, '1', () => UNMEASURED.stamp());
  assert.match(now.boot, /^[0-9a-f]{8}-/);
  assert.ok(now.bootNs > 0n && now.monotonicNs > 0n);
});

test('what was written down counts if it is of that end, and not of one before', () => {
  put('pstore/dmesg-ramoops-0', 'Panic#1 Part1\n', T - 60);
  assert.equal(traces(paths, before, since).pstore, false, 'systemd copied it at the boot before');
  put('pstore/dmesg-ramoops-0', 'Panic#1 Part1\n', T + 30);
  assert.equal(traces(paths, before, since).pstore, true);
  assert.equal(traces(paths, before, { ...since, boot: 'a' }).pstore, false, 'without a boot there was none');
  rmSync(join(root, 'pstore'), { recursive: true });
  put('moved/dmesg-ramoops-0', 'Panic#1 Part1\n', T + 590);
  assert.equal(traces(paths, before, since).pstore, true, 'systemd moved it');
  for (const [seconds, expected] of [[-60, false], [30, true]] as const) {
    put('wtmp', utmp('shutdown', 1, T + seconds));
    assert.equal(traces(paths, before, since).machineShutDown, expected, `${seconds}`);
  }
});

test('a watchdog says that it caused the boot', () => {
  put('sys/class/watchdog/watchdog0/bootstatus', '0\n');
  assert.equal(traces(paths, before, since).watchdogReset, false);
  put('sys/class/watchdog/watchdog1/bootstatus', '32\n');
  assert.equal(traces(paths, before, since).watchdogReset, true);
});

test('clocks that were read with a pause between them are read again', () => {
  const [pause, sleep] = [new Int32Array(new SharedArrayBuffer(4)), [150, 0]];
  let readings = 0;
  const sign = signOfLife({ ...paths, proc: '/proc' }, '1', () => {
    const stamp = UNMEASURED.stamp();
    Atomics.wait(pause, 0, 0, sleep[readings] ?? 0);
    readings += 1;
    return stamp;
  });
  assert.ok(readings >= 2 && readings <= 5);
  assert.ok(sign.wallNs > 0n);
});
