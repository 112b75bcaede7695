// SPDX-License-Identifier: Apache-2.0
// What /proc says of a process to anybody: no right is needed for it, so the program that it runs is not among it.
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** Ticks in which /proc tells times; the kernel shows 100 a second to programs, whatever it uses itself. */
export const TICK_NS = 10_000_000;
const UNSET = 0xffff_ffff;
const NAME_CHARACTERS_MAX = 64;

/** Of the kernel's first namespace of processes, which events count in. In another one /proc has other processes by the same ids. */
const FIRST_NAMESPACE = 'pid:[4026531836]';

export interface ProcFacts {
  readonly pid: number;
  readonly parent: number;
  readonly name: string;
  /** ns since boot, to {@link TICK_NS}. */
  readonly startedNs: number;
  readonly login: number | null;
  /** Path by hierarchy: `v2`, or the controllers of a v1 one. */
  readonly cgroups: ReadonlyMap<string, string>;
}

/** Null: there is no such process, not any more, or we cannot tell which one it is. */
export function readProcess(pid: number): ProcFacts | null {
  if (!isFirstNamespace() || !existsSync(`/proc/${pid}`)) return null; // most that are asked for are gone: an error would cost several times as much
  try {
    const read = (name: string): string => readFileSync(`/proc/${pid}/${name}`, 'utf8');
    const stat = read('stat');
    const end = stat.lastIndexOf(')'); // a name may hold anything
    const fields = stat.slice(end + 2).split(' ');
    const cgroups = cgroupsIn(read('cgroup'));
    const facts = { pid, parent: Number(fields[1]), name: stat.slice(stat.indexOf('(') + 1, end).slice(0, NAME_CHARACTERS_MAX), startedNs: Number(fields[19]) * TICK_NS, cgroups };
    return Number.isSafeInteger(facts.parent) && Number.isSafeInteger(facts.startedNs) ? { ...facts, login: loginOf(read) } : null;
  } catch {
    return null;
  }
}

/** Since boot, to {@link TICK_NS}. */
export function nowNs(): number {
  return Math.round(Number(readFileSync('/proc/uptime', 'latin1').split(' ', 1)[0]) * 100) * TICK_NS;
}

/** Whether a process that was there is not any more, or its id is another's now. False where that cannot be told. */
export function isGone(pid: number, startedNs: number | null): boolean {
  if (!isFirstNamespace()) return false;
  const facts = readProcess(pid);
  return facts === null || (startedNs !== null && Math.floor(startedNs / TICK_NS) !== Math.floor(facts.startedNs / TICK_NS));
}

/** Lines `number:controllers:path`; v2 has number 0 and no controllers. Of a cgroup that is gone the kernel says so behind its path. */
export function cgroupsIn(text: string): Map<string, string> {
  const all = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, number, controllers, path] = /^(\d+):([^:]*):(\/.*)$/.exec(line) ?? [];
    if (path !== undefined) all.set(number === '0' && controllers === '' ? 'v2' : controllers!, path.replace(/ \(deleted\)$/, ''));
  }
  return all;
}

/** A kernel without audit has no such file. */
function loginOf(read: (name: string) => string): number | null {
  try {
    const login = Number(read('loginuid'));
    return Number.isSafeInteger(login) && login !== UNSET ? login : null;
  } catch {
    return null;
  }
}

/** All processes that are there. */
export function processIds(): number[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number);
}

let isFirst: boolean | null = null;

function isFirstNamespace(): boolean {
  try {
    isFirst ??= readlinkSync('/proc/self/ns/pid') === FIRST_NAMESPACE;
    return isFirst;
  } catch {
    return false;
  }
}
