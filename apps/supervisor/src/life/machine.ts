// SPDX-License-Identifier: Apache-2.0
// What this machine says of itself: its clocks and its boot now, and what it wrote down about how it went the last time.
import { closeSync, fstatSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { BOUND_UNKNOWN } from '@strongroom/evidence';
import type { Stamp } from '@strongroom/service';
import type { DarkFacts, Heartbeat } from '@strongroom/service/coverage';

export interface MachinePaths {
  readonly proc: string;
  readonly sys: string;
  /** Directories where the kernel's last words may lie, as files or one level below. */
  readonly pstore: readonly string[];
  readonly wtmp: string;
}

/** systemd moves what it finds in pstore at the next boot. */
const MOVED = '/var/lib/systemd/pstore';
/** Clocks of firmware, which stamps what lies in pstore, and ours may differ so much. */
const TRACE_SLACK_NS = 300_000_000_000n;
const ENTRIES_MAX = 1000;

export function machinePaths(pstore: string): MachinePaths {
  return { proc: '/proc', sys: '/sys', pstore: [pstore, MOVED], wtmp: '/var/log/wtmp' };
}

/** The present moment by all clocks. Where /proc does not say, boot is unknown and each life is one. */
export function signOfLife({ proc }: MachinePaths, life: string, { at: wallNs, bound }: Stamp): Heartbeat {
  const monotonicNs = process.hrtime.bigint();
  const uptime = /^(\d+)\.(\d\d)\s/.exec(textOr(join(proc, 'uptime'), ''));
  const bootNs = uptime === null ? monotonicNs : BigInt(uptime[1]! + uptime[2]!) * 10_000_000n;
  const boot = textOr(join(proc, 'sys/kernel/random/boot_id'), '').trim();
  return { boot: /^[0-9a-f-]{36}$/.test(boot) ? boot : '00000000-0000-0000-0000-000000000000', life, bootNs, monotonicNs, wallNs, boundNs: bound === BOUND_UNKNOWN ? null : bound };
}

/** What was written down between two moments by others than us. */
export function traces(paths: MachinePaths, before: Heartbeat, after: Heartbeat): Pick<DarkFacts, 'pstore' | 'machineShutDown' | 'watchdogReset'> {
  const booted = before.boot !== after.boot;
  const within = (ns: bigint): boolean => ns >= before.wallNs - TRACE_SLACK_NS && ns <= after.wallNs + TRACE_SLACK_NS;
  return {
    pstore: booted && paths.pstore.some((directory) => lastWords(directory).some(within)),
    machineShutDown: booted && shutdowns(paths.wtmp).some(within),
    watchdogReset: booted && watchdogReset(join(paths.sys, 'class/watchdog')),
  };
}

/** Whether every link of the machine's own hardware is down. Null: it has none that says. */
export function linkDown({ sys }: MachinePaths): boolean | null {
  const directory = join(sys, 'class/net');
  const states = namesIn(directory).filter((name) => statSync(join(directory, name, 'device'), { throwIfNoEntry: false }) !== undefined)
    .map((name) => textOr(join(directory, name, 'operstate'), 'unknown').trim());
  return states.length === 0 ? null : states.every((state) => state !== 'up' && state !== 'unknown');
}

/** When each dump of a panic was written. */
function lastWords(directory: string): bigint[] {
  return namesIn(directory).flatMap((name) => (name.startsWith('dmesg-') ? [name] : namesIn(join(directory, name)).filter((below) => below.includes('dmesg')).map((below) => join(name, below))))
    .map((name) => statSync(join(directory, name), { bigint: true, throwIfNoEntry: false })?.mtimeNs ?? 0n);
}

/** WDIOF_CARDRESET: the card says that it reset the machine last. */
function watchdogReset(directory: string): boolean {
  return namesIn(directory).some((name) => (Number(textOr(join(directory, name, 'bootstatus'), '0')) & 0x20) !== 0);
}

/** `struct utmp` of glibc where times in it have 32 bits (x86): type at 0, user at 44, seconds at 340. */
const UTMP_BYTES = 384;
const RUN_LEVEL = 1;
const WTMP_BYTES_MAX = 170 * UTMP_BYTES;

/** When the machine was shut down in order, by the end of its own book. */
function shutdowns(wtmp: string): bigint[] {
  const bytes = endOf(wtmp, WTMP_BYTES_MAX);
  const found: bigint[] = [];
  for (let at = 0; at + UTMP_BYTES <= bytes.length; at += UTMP_BYTES) {
    const user = bytes.toString('latin1', at + 44, at + 76).replace(/\0.*$/s, '');
    if (bytes.readInt16LE(at) === RUN_LEVEL && user === 'shutdown') found.push(BigInt(bytes.readUInt32LE(at + 340)) * 1_000_000_000n);
  }
  return found;
}

/** Whole records from the end of a file; none where it cannot be read, or is not of this form. */
function endOf(path: string, bytesMax: number): Buffer {
  try {
    const file = openSync(path, 'r');
    try {
      const { size } = fstatSync(file);
      if (size % UTMP_BYTES !== 0) return Buffer.alloc(0);
      const bytes = Buffer.alloc(Math.min(size, bytesMax));
      return bytes.subarray(0, readSync(file, bytes, 0, bytes.length, size - bytes.length));
    } finally {
      closeSync(file);
    }
  } catch {
    return Buffer.alloc(0);
  }
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory).slice(0, ENTRIES_MAX);
  } catch {
    return [];
  }
}

function textOr(path: string, other: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return other;
  }
}
