// SPDX-License-Identifier: Apache-2.0
// A command run to its end, with what it cost: its processes and theirs.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Failed } from '@strongroom/bytes';
import { ticksPerSecond } from '../processes.ts';

const POLL_MS = 50;

export interface Cost {
  readonly seconds: number;
  /** User and system time. */
  readonly cpuSeconds: number;
  /** Most memory of the first process, in bytes. */
  readonly peakBytes: number;
}

export interface Ran extends Cost {
  readonly code: number | null;
  readonly stdout: string;
}

/** Throws `Failed('bench.command')` when the exit code is none of `expected`. */
export async function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv, expected: readonly number[] = [0]): Promise<Ran> {
  const [before, began] = [endedChildrenSeconds(), performance.now()];
  const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const parts = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  child.stdout.on('data', (part: Buffer) => parts.stdout.push(part));
  child.stderr.on('data', (part: Buffer) => parts.stderr.push(part));
  let peakBytes = 0;
  const poll = setInterval(() => { peakBytes = Math.max(peakBytes, peakBytesOf(child.pid!)); }, POLL_MS);
  const code = await new Promise<number | null>((done, reject) => { child.once('error', reject).once('close', done); });
  clearInterval(poll);
  const seconds = (performance.now() - began) / 1000;
  if (code === null || !expected.includes(code)) throw new Failed('bench.command', `${command} ${args[0] ?? ''} ended with ${code}`, { why: Buffer.concat(parts.stderr).toString().slice(0, 2000) });
  return { code, stdout: Buffer.concat(parts.stdout).toString(), seconds, cpuSeconds: endedChildrenSeconds() - before, peakBytes };
}

/** CPU seconds of our children that ended and were waited for, theirs included: proc(5), cutime and cstime. */
function endedChildrenSeconds(): number {
  const text = readFileSync('/proc/self/stat', 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[16 - 3]) + Number(fields[17 - 3])) / ticksPerSecond;
}

/** The most memory that a process ever had, in bytes; 0 when it is gone. */
export function peakBytesOf(pid: number): number {
  return figureOf(`/proc/${pid}/status`, /^VmHWM:\s+(\d+) kB$/m) * 1024;
}

/** Octets that a process has read so far, from the page cache or the disk. */
export function readBytesOf(pid: number): number {
  return figureOf(`/proc/${pid}/io`, /^rchar: (\d+)$/m);
}

function figureOf(path: string, figure: RegExp): number {
  try {
    return Number(figure.exec(readFileSync(path, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
