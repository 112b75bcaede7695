// SPDX-License-Identifier: Apache-2.0
// Threads of the kernel, as proc(5) shows them.
import { readFileSync } from 'node:fs';

const KTHREADD = 2;

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
