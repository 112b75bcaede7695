// SPDX-License-Identifier: Apache-2.0
// What this host says of its clocks and processes.
import { readFileSync } from 'node:fs';

const KTHREADD = 2;

/** What to add to milliseconds since boot for milliseconds since 1970; to 10 ms. */
export function bootClock(): number {
  return Date.now() - Number(readFileSync('/proc/uptime', 'latin1').split(' ', 1)[0]) * 1000;
}

/** Whether `parent` is one of the kernel's own threads: what they execute makes no system call, so the audit cannot know of it. */
export function isStartedByKernel(parent: number): boolean {
  if (parent === KTHREADD) return true;
  try {
    const stat = readFileSync(`/proc/${parent}/stat`, 'latin1');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === KTHREADD;
  } catch {
    return false;
  }
}
