// SPDX-License-Identifier: Apache-2.0
// What processes used, as the kernel counts it: proc(5).
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks per second in /proc. */
export const ticksPerSecond: number = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

interface Stat {
  readonly parent: number;
  /** User and system time of the process and of its children that ended and were waited for, in ticks. */
  readonly ticks: number;
}

/** A process and all its descendants. */
export function processTree(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    const parent = Number.isNaN(pid) ? undefined : stat(pid)?.parent;
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const tree = [root];
  for (const pid of tree) tree.push(...(children.get(pid) ?? []));
  return tree;
}

/** CPU seconds (user and system) that these processes have used so far, with those of children that ended. */
export function cpuSeconds(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + (stat(pid)?.ticks ?? 0), 0) / ticksPerSecond;
}

/** Proportional set size of all of them in bytes; null when the kernel does not let us see it. */
export function proportionalBytes(pids: readonly number[]): number | null {
  let sum = 0;
  for (const pid of pids) {
    const text = read(`/proc/${pid}/smaps_rollup`);
    if (text === 'refused') return null;
    sum += Number(/^Pss:\s+(\d+) kB$/m.exec(text ?? '')?.[1] ?? 0) * 1024;
  }
  return sum;
}

/** The part of a command line that tells what a process is. */
export function processName(pid: number): string {
  const command = (read(`/proc/${pid}/cmdline`) ?? '').split('\0');
  return /apps\/([^/]+)\//.exec(command.join(' '))?.[1] ?? command[0]?.split('/').at(-1) ?? String(pid);
}

function stat(pid: number): Stat | undefined {
  const text = read(`/proc/${pid}/stat`);
  if (text === undefined || text === 'refused') return undefined;
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' '); // the name before may hold anything; state is field 3
  const field = (number: number): number => Number(fields[number - 3]);
  return { parent: field(4), ticks: field(14) + field(15) + field(16) + field(17) };
}

/** Undefined when the process is gone. */
function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EACCES' || code === 'EPERM') return 'refused';
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
}
