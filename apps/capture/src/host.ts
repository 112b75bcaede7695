// SPDX-License-Identifier: Apache-2.0
// Which machine, and which life of it, the records come from; and when it began.
import { readFileSync } from 'node:fs';
import { hostname, release } from 'node:os';
import { Failed } from '@strongroom/bytes';
import { bootIdOf } from './token.ts';

const BOOT_ID_FILE = '/proc/sys/kernel/random/boot_id';
const MACHINE_ID_FILE = '/etc/machine-id';

export interface Host {
  readonly boot: string;
  readonly kernel: string;
  readonly hostname: string;
  /** 32 hexadecimal digits; null where systemd has given the machine none. */
  readonly machine: string | null;
}

/** Throws `Failed('capture.boot-id-unreadable')`. */
export function readHost(): Host {
  return { boot: readBootId(), kernel: release(), hostname: hostname(), machine: readMachineId() };
}

/** What to add to milliseconds since boot for milliseconds since 1970; to 10 ms. */
export function bootClock(): number {
  return Date.now() - Number(readFileSync('/proc/uptime', 'latin1').split(' ', 1)[0]) * 1000;
}

function readBootId(): string {
  try {
    return bootIdOf(readFileSync(BOOT_ID_FILE, 'latin1'));
  } catch (error) {
    throw new Failed('capture.boot-id-unreadable', `${BOOT_ID_FILE} does not tell which boot this is`, {
      why: (error as Error).message, fix: 'mount /proc where capture runs', cause: error,
    });
  }
}

function readMachineId(): string | null {
  try {
    const id = readFileSync(MACHINE_ID_FILE, 'latin1').trim();
    return /^[0-9a-f]{32}$/.test(id) ? id : null;
  } catch {
    return null;
  }
}
