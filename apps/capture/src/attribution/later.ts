// SPDX-License-Identifier: Apache-2.0
// What was not known of a process when an event told of it, and processes of the audit's events: looked up beside the events,
// and told in facts of their own, docs/FORMAT.md, "Who". Everything here is bounded: a storm is told of in its own events, and
// what could not be looked up is counted.
import { callerIn, isSaid, saidOf } from '../audit/caller.ts';
import type { AuditEvent } from '../audit/joiner.ts';
import type { AuditRecord } from '../audit/record.ts';
import { bootClock } from '../host.ts';
import { auditedProcess, wordsOf, type AuditedProcess, type Words } from './audit-facts.ts';
import type { Cgroups } from './cgroups.ts';
import { pathIn } from './cgroup-mounts.ts';
import { GoneTogether } from './gone-together.ts';
import type { Places } from './places.ts';
import { nowNs, readProcess } from './proc.ts';
import { execute, Process, type ProcessTable } from './process-table.ts';
import { isWhole, processLine, type From } from './who.ts';

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
/** Kept of each; who chooses longer names is recognised by his facts, which costs more. */
const SAID_BYTES_MAX = 1024;
/** For so long the wall clock is taken to stand as it did. */
const CLOCK_MS = 100;
/** What times by the wall clock and by /proc may differ. */
const APART_NS = 50_000_000;

/** What facts are made of. */
export interface Told {
  readonly table: ProcessTable;
  readonly cgroups: Cgroups;
  readonly places: Places;
  readonly person: (login: number | null) => string | null;
}

export interface LaterOptions extends Told {
  /** Seals facts, in order. */
  readonly tell: (lines: readonly string[]) => void;
  readonly isHeld: () => boolean;
  readonly isWatched: () => boolean;
}

/** A process of an event of the audit. What its record says of it is looked at when its turn comes. */
interface Waiting {
  readonly words: Words;
  /** It began before, in ns since boot. */
  readonly seenNs: number;
  readonly atMs: number;
  /** Null, as the process: not looked for yet. */
  facts: AuditedProcess | null;
  process: Process | null;
  gone: boolean;
  /** It is gone, and another process has its id. */
  isReused: boolean;
}

export class Later {
  readonly #options: LaterOptions;
  /** With something lacking: when to look again, and how long to wait then. */
  readonly #lacking = new Map<Process, { readonly atMs: number; readonly waitMs: number }>();
  readonly #audited = new Map<number, Waiting>();
  /** By process id: what was told of it, when, and the octets by which an event was seen to say the same since; null: none came yet. */
  readonly #told = new Map<number, { readonly key: string; readonly said: Uint8Array | null; readonly atMs: number }>();
  readonly #gone: GoneTogether;
  /** What the present tick tells, and when it is; null: not looked at yet. */
  #lines: string[] = [];
  #tickNs: number | null = null;
  #facts = 0;
  #skipped = 0;
  /** What to take from the time of an event for ns since boot. */
  #bootMs = bootClock();
  #bootAtMs = 0;

  constructor(options: LaterOptions) {
    this.#options = options;
    this.#gone = new GoneTogether(options.table, options.person);
  }

  /** An event told of a process, and something was not known. */
  lacks(process: Process, nowMs: number): void {
    if (this.#lacking.size < WAITING_MAX) this.#lacking.set(process, { atMs: nowMs, waitMs: FIRST_WAIT_MS });
    else this.#skipped += 1;
  }

  /** Most say of their process what was said of it before: that is seen by the octets. */
  audit(event: AuditEvent, nowMs: number): void {
    const record = event.records[0]!;
    const caller = callerIn(record);
    if (caller === null) return this.#auditOther(event, nowMs);
    const told = this.#told.get(caller.pid);
    if (told !== undefined && nowMs - told.atMs < AGAIN_MS) {
      if (told.said !== null && isSaid(told.said, caller, record)) return;
      const facts = auditedProcess(wordsOf(record));
      if (facts === null) return;
      if (told.key === keyOf(facts)) {
        // The same in other words: it was told of just now, or a thread has a name of its own by now. The next ones are seen by these.
        const said = saidOf(caller, record);
        this.#told.set(caller.pid, { ...told, said: said === null || said.length > SAID_BYTES_MAX ? null : Buffer.from(said) });
        return;
      }
    }
    this.#wait(caller.pid, event.timeMs, record, nowMs);
  }

  /** What programs report has its process in another way. */
  #auditOther({ records, timeMs }: AuditEvent, nowMs: number): void {
    for (const record of records) {
      const facts = auditedProcess(wordsOf(record));
      if (facts === null) continue;
      const told = this.#told.get(facts.pid);
      if (told?.key !== keyOf(facts) || nowMs - told.atMs >= AGAIN_MS) this.#wait(facts.pid, timeMs, record, nowMs);
      return;
    }
  }

  #wait(pid: number, timeMs: number, record: AuditRecord, nowMs: number): void {
    if (this.#audited.has(pid)) return;
    if (this.#audited.size >= WAITING_MAX) {
      this.#skipped += 1;
      return;
    }
    this.#lookAtClock(nowMs);
    this.#audited.set(pid, {
      words: wordsOf(record), seenNs: (timeMs - this.#bootMs) * 1e6 + APART_NS, atMs: nowMs, facts: null, process: null, gone: false, isReused: false,
    });
  }

  /** Processes of audit events that wait to be looked up or told of. */
  get audited(): number {
    return this.#audited.size;
  }

  /** When there is something to look up or to tell; null: nothing waits. */
  get dueMs(): number | null {
    let dueMs = Number.POSITIVE_INFINITY;
    for (const { atMs } of this.#lacking.values()) dueMs = Math.min(dueMs, atMs);
    for (const { atMs, process } of this.#audited.values()) dueMs = Math.min(dueMs, process === null || !this.#options.isWatched() ? atMs : atMs + BY_EBPF_MS);
    return dueMs === Number.POSITIVE_INFINITY ? null : dueMs;
  }

  tick(nowMs: number): void {
    if (this.#options.isHeld()) return;
    let count = 0;
    for (const [process, { atMs, waitMs }] of this.#lacking) {
      if (atMs > nowMs) continue;
      if ((count += 1) > AT_ONCE) break;
      this.#lacking.delete(process);
      if (this.#lookUp(process, nowMs)) this.#tell(process, 'ebpf');
      else if (waitMs <= WAIT_MS_MAX) this.#lacking.set(process, { atMs: nowMs + waitMs, waitMs: waitMs * 2 });
    }
    this.#tickAudited(nowMs);
    if (!this.#gone.isEmpty) this.#lines.push(...this.#gone.take(this.#now));
    if (this.#lines.length > 0) this.#options.tell(this.#lines);
    [this.#lines, this.#tickNs] = [[], null];
  }

  /** The wall clock may be set. */
  #lookAtClock(nowMs: number): void {
    if (nowMs - this.#bootAtMs < CLOCK_MS) return;
    [this.#bootMs, this.#bootAtMs] = [bootClock(), nowMs];
  }

  /** In ns since boot, once for each tick: it is read from a file. */
  get #now(): number {
    return this.#tickNs ??= nowNs();
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
        this.#find(waiting);
      }
      if (this.#options.isWatched() && nowMs - waiting.atMs < BY_EBPF_MS) continue;
      this.#audited.delete(pid);
      if (waiting.facts === null) continue; // a record that looks like one and is none
      if (this.#told.size >= TOLD_MAX) this.#told.clear();
      this.#told.set(pid, { key: keyOf(waiting.facts), said: null, atMs: nowMs });
      const process = (waiting.isReused ? null : this.#options.table.get(pid)) ?? waiting.process!;
      if (process.toldIn === null) this.#tellAudited(process, waiting);
    }
  }

  /** As /proc has it, or, of one that is gone, as the audit's own record had it. Whoever has its id by now is somebody else. */
  #find(waiting: Waiting): void {
    const { table } = this.#options;
    const facts = auditedProcess(waiting.words);
    if (facts === null) return;
    waiting.facts = facts;
    const { seenNs } = waiting;
    const { pid, name, executable } = facts;
    const found = readProcess(pid);
    waiting.isReused = found !== null && found.startedNs > seenNs;
    waiting.gone = found === null || waiting.isReused;
    const known = waiting.isReused ? undefined : table.get(pid);
    if (waiting.gone && known !== undefined && known.toldIn !== null) {
      waiting.process = known;
      return;
    }
    const process = waiting.gone ? goneOne(facts, seenNs) : table.observe(found!);
    waiting.process = process;
    if (found === null) {
      table.add(process);
      table.end(process, this.#now);
    }
    // It may have another one than when it was met.
    if (process.toldIn === null && name !== null) [process.name, process.nameEscaped, process.asAncestor] = [name.text, name.escaped, null];
    if (process.toldIn === null && executable !== null && process.image?.executable !== executable.text) execute(process, executable.text, executable.escaped, 0);
  }

  #tellAudited(process: Process, { process: met, gone }: Waiting): void {
    if (!gone) return this.#tell(process, 'proc');
    if (process !== met || process.startedNs !== null) return this.#tell(process, 'audit', { gone: true }); // more is known of it
    process.written = null;
    this.#facts += 1;
    this.#gone.add(process);
  }

  #tell(process: Process, from: From, more: { readonly gone?: true } = {}): void {
    const { table, places, person } = this.#options;
    process.written = null;
    this.#facts += 1;
    const facts = { place: places.of(process), person: person(process.login), ancestors: table.ancestors(process) };
    this.#lines.push(processLine(process, facts, { from, ...more, asOf: this.#now }));
  }
}

/** By the audit's words alone. */
function goneOne({ pid, parent, login, name }: AuditedProcess, seenNs: number): Process {
  const process = new Process(pid, null);
  [process.parentPid, process.login, process.name, process.nameEscaped, process.seenNs] = [parent, login, name?.text ?? null, name?.escaped ?? false, seenNs];
  return process;
}

function keyOf({ parent, login, executable }: AuditedProcess): string {
  return `${parent} ${login} ${executable?.text}`;
}
