// SPDX-License-Identifier: Apache-2.0
// What was not known of a process when an event told of it, and processes of the audit's events: looked up beside the events,
// and told in facts of their own, docs/FORMAT.md, "Who". Everything here is bounded: a storm is told of in its own events, and
// what could not be looked up is counted.
import type { AuditEvent } from '../audit/joiner.ts';
import { auditedProcess, type AuditedProcess } from './audit-facts.ts';
import type { Cgroups } from './cgroups.ts';
import { pathIn } from './cgroup-mounts.ts';
import type { Places } from './places.ts';
import { nowNs, readProcess } from './proc.ts';
import { execute, Process, type ProcessTable } from './process-table.ts';
import { ancestryOf, asWritten, factsOf, isWhole } from './who.ts';

/** Processes that wait, of each kind. */
const WAITING_MAX = 4096;
/** Looked up in one tick. */
const AT_ONCE = 64;
/** A cgroup or an ancestor is looked for at once, again after so long, and each time after twice as long, up to that. */
const [FIRST_WAIT_MS, WAIT_MS_MAX] = [200, 6400];
/** So long events by eBPF are waited for, which tell it all by themselves. */
const BY_EBPF_MS = 2000;
/** After so long a process is told of again. */
const AGAIN_MS = 3_600_000;
const TOLD_MAX = 32_768;

/** What facts are made of. */
export interface Told {
  readonly table: ProcessTable;
  readonly cgroups: Cgroups;
  readonly places: Places;
  readonly person: (login: number | null) => string | null;
}

export interface LaterOptions extends Told {
  readonly tell: (line: string) => void;
  readonly isHeld: () => boolean;
  readonly isWatched: () => boolean;
}

type From = 'ebpf' | 'proc' | 'audit';

export class Later {
  readonly #options: LaterOptions;
  /** With something lacking: when to look again, and how long to wait then. */
  readonly #lacking = new Map<Process, { readonly atMs: number; readonly waitMs: number }>();
  readonly #audited = new Map<number, { readonly facts: AuditedProcess; readonly atMs: number; process: Process | null; gone: boolean }>();
  /** By process id: what was told of it, and when. */
  readonly #told = new Map<number, { readonly key: string; readonly atMs: number }>();
  #facts = 0;
  #skipped = 0;

  constructor(options: LaterOptions) {
    this.#options = options;
  }

  /** An event told of a process, and something was not known. */
  lacks(process: Process, nowMs: number): void {
    if (this.#lacking.size < WAITING_MAX) this.#lacking.set(process, { atMs: nowMs, waitMs: FIRST_WAIT_MS });
    else this.#skipped += 1;
  }

  audit(event: AuditEvent, nowMs: number): void {
    const facts = auditedProcess(event);
    if (facts === null) return;
    const told = this.#told.get(facts.pid);
    if ((told?.key === keyOf(facts) && nowMs - told.atMs < AGAIN_MS) || this.#audited.has(facts.pid)) return;
    if (this.#audited.size < WAITING_MAX) this.#audited.set(facts.pid, { facts, atMs: nowMs, process: null, gone: false });
    else this.#skipped += 1;
  }

  tick(nowMs: number): void {
    if (this.#options.isHeld()) return;
    let count = 0;
    for (const [process, { atMs, waitMs }] of this.#lacking) {
      if (atMs > nowMs) continue;
      if ((count += 1) > AT_ONCE) break;
      this.#lacking.delete(process);
      if (this.#lookUp(process, nowMs)) this.#tell(process, 'ebpf', {});
      else if (waitMs <= WAIT_MS_MAX) this.#lacking.set(process, { atMs: nowMs + waitMs, waitMs: waitMs * 2 });
    }
    this.#tickAudited(nowMs);
  }

  values(): Record<string, number> {
    return { whoFacts: this.#facts, whoSkipped: this.#skipped };
  }

  /** Returns whether all is known. */
  #lookUp(process: Process, nowMs: number): boolean {
    const { table, cgroups, places } = this.#options;
    if (places.lacks(process) && process.endedNs === null) {
      const facts = readProcess(process.pid);
      for (const hierarchy of facts === null ? [] : ['v2', 'v1'] as const) {
        const path = pathIn(hierarchy, facts!.cgroups);
        if (path !== null) cgroups.learn(hierarchy, path);
      }
    }
    if (places.lacks(process)) cgroups.look(nowMs);
    const ancestors = table.ancestors(process);
    if (!isWhole(process, ancestors)) {
      const facts = readProcess((ancestors.at(-1) ?? process).parentPid);
      if (facts !== null) table.observe(facts);
    }
    return !places.lacks(process) && isWhole(process, table.ancestors(process));
  }

  /** Each is read as soon as it can be, and told of when events by eBPF must have told of it. */
  #tickAudited(nowMs: number): void {
    let count = 0;
    for (const [pid, waiting] of this.#audited) {
      if (waiting.process === null) {
        if ((count += 1) > AT_ONCE) break;
        [waiting.process, waiting.gone] = this.#auditedProcess(waiting.facts);
      }
      if (this.#options.isWatched() && nowMs - waiting.atMs < BY_EBPF_MS) continue;
      this.#audited.delete(pid);
      if (this.#told.size >= TOLD_MAX) this.#told.clear();
      this.#told.set(pid, { key: keyOf(waiting.facts), atMs: nowMs });
      const process = this.#options.table.get(pid) ?? waiting.process;
      if (process.toldIn === null) this.#tell(process, waiting.gone ? 'audit' : 'proc', waiting.gone ? { gone: true } : {});
    }
  }

  /** As /proc has it, or, of one that is gone, as the audit's own record had it. */
  #auditedProcess({ pid, parent, login, name, executable }: AuditedProcess): [Process, gone: boolean] {
    const { table } = this.#options;
    const facts = readProcess(pid);
    const known = table.get(pid);
    if (facts === null && known !== undefined && known.toldIn !== null) return [known, true];
    const process = facts === null ? new Process(pid, null) : table.observe(facts);
    if (facts === null) {
      [process.parentPid, process.login, process.name, process.nameEscaped] = [parent, login, name?.text ?? null, name?.escaped ?? false];
      table.add(process);
      table.end(process, nowNs());
    }
    if (process.toldIn === null && executable !== null && process.image?.executable !== executable.text) execute(process, executable.text, executable.escaped, 0);
    return [process, facts === null];
  }

  #tell(process: Process, from: From, more: { gone?: true }): void {
    const { table, places, person, tell } = this.#options;
    process.written = null;
    this.#facts += 1;
    const { pid, startedText, name, nameEscaped, login } = process;
    const before = { pid, started: asWritten(startedText), name, ...(nameEscaped ? { escaped: true } : {}), login, ...factsOf(process, places.of(process), person(login)) };
    const after = { from, ...more, asOf: nowNs() };
    tell(`${JSON.stringify(before).slice(0, -1)},"ancestry":${ancestryOf(process, table.ancestors(process))},${JSON.stringify(after).slice(1)}`);
  }
}

function keyOf({ parent, login, executable }: AuditedProcess): string {
  return `${parent} ${login} ${executable?.text}`;
}
