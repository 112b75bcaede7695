// SPDX-License-Identifier: Apache-2.0
// What this machine says of itself: its clocks and its boot now, and what it wrote down about how it went the last time.
import { join } from 'node:path';
import { BOUND_UNKNOWN } from '@strongroom/evidence';
import type { Stamp } from '@strongroom/service';
import type { DarkFacts, Heartbeat } from '@strongroom/service/coverage';
import { panics } from './last-words.ts';
import { namesIn, textOr } from './said-in-files.ts';
import { shutdowns } from './shutdowns.ts';

export interface MachinePaths {
  readonly proc: string;
  readonly sys: string;
  /** Directories where the kernel's last words may lie, as files or one level below. */
  readonly pstore: readonly string[];
  readonly wtmp: string;
  readonly wtmpdb: string;
}

/** systemd moves what it finds in pstore at the next boot. */
const MOVED = '/var/lib/systemd/pstore';
/**
 * What was written down about an end came after the last sign of life, by the same clock, which may be cut off to seconds: what is
 * older tells of an end before. The clock of the next boot may be behind by so much.
 */
const SLACK_NS = { before: 5_000_000_000n, after: 300_000_000_000n } as const;

export function machinePaths(pstore: string): MachinePaths {
  return { proc: '/proc', sys: '/sys', pstore: [pstore, MOVED], wtmp: '/var/log/wtmp', wtmpdb: '/var/log/wtmp.db' };
}

/** Clocks that are read further apart would look as if one had been set: they are read again, so often. */
const APART_NS = 100_000_000n;
const READINGS_MAX = 5;

/** The present moment by all clocks. Where /proc does not say, boot is unknown and each life is one. */
export function signOfLife(paths: MachinePaths, life: string, stamp: () => Stamp): Heartbeat {
  for (let readings = 1; ; readings += 1) {
    const began = process.hrtime.bigint();
    const sign = clocksOf(paths, life, stamp());
    if (process.hrtime.bigint() - began < APART_NS || readings >= READINGS_MAX) return sign;
  }
}

function clocksOf({ proc }: MachinePaths, life: string, { at: wallNs, bound }: Stamp): Heartbeat {
  const monotonicNs = process.hrtime.bigint();
  const uptime = /^(\d+)\.(\d\d)\s/.exec(textOr(join(proc, 'uptime'), ''));
  const bootNs = uptime === null ? monotonicNs : BigInt(uptime[1]! + uptime[2]!) * 10_000_000n;
  const boot = textOr(join(proc, 'sys/kernel/random/boot_id'), '').trim();
  return { boot: /^[0-9a-f-]{36}$/.test(boot) ? boot : '00000000-0000-0000-0000-000000000000', life, bootNs, monotonicNs, wallNs, boundNs: bound === BOUND_UNKNOWN ? null : bound };
}

/** What was written down between two moments by others than us. */
export function traces(paths: MachinePaths, before: Heartbeat, after: Heartbeat): Pick<DarkFacts, 'pstore' | 'machineShutDown' | 'watchdogReset'> {
  const booted = before.boot !== after.boot;
  const within = (ns: bigint): boolean => ns >= before.wallNs - SLACK_NS.before && ns <= after.wallNs + SLACK_NS.after;
  return {
    pstore: booted && paths.pstore.some((directory) => panics(directory).some(within)),
    machineShutDown: booted && shutdowns(paths).some(within),
    watchdogReset: booted && watchdogReset(join(paths.sys, 'class/watchdog')),
  };
}

/** WDIOF_CARDRESET: the card says that it reset the machine last. */
function watchdogReset(directory: string): boolean {
  return namesIn(directory).some((name) => (Number(textOr(join(directory, name, 'bootstatus'), '0')) & 0x20) !== 0);
}
