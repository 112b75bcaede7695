// SPDX-License-Identifier: Apache-2.0
// Processes of this machine as far as they were told of, each for as long as it lives and a while longer: who asks for the
// ancestors of a process finds those that are gone already. A process is its id and when it started.
import type { ProcFacts } from './proc.ts';
import { TICK_NS } from './proc.ts';

/** Beyond that many those that ended first are forgotten; beyond it without any, those that came first. */
const PROCESSES_MAX = 32_768;
/** Then those that were forgotten are taken out of the order of ends. */
const ENDED_MAX = 2 * PROCESSES_MAX;
/** Upwards of a process. */
export const ANCESTORS_MAX = 8;
/** Executables that a process had before are kept for those that it forked then. */
const EARLIER_MAX = 3;

/** A program that a process was seen to execute. */
export interface Image {
  readonly executable: string;
  /** Its octets were no UTF-8. */
  readonly escaped: boolean;
  readonly sinceNs: number;
  /** What came before, the newest first. */
  readonly earlier: readonly Image[];
}

export class Process {
  readonly pid: number;
  /** ns since boot; null: not known, because nothing of it said so. */
  startedNs: number | null;
  /** The same by halves, as events have it; -1: not exactly known. */
  startedLow = -1;
  startedHigh = -1;
  /** With all digits, for the record. */
  startedText: string;
  /** 0: it has none. */
  parentPid = 0;
  /** Parent first, as far as they are known. */
  ancestors: readonly Process[] = [];
  name: string | null = null;
  nameEscaped = false;
  image: Image | null = null;
  login: number | null = null;
  /** Numbers of its cgroups; 0: none. */
  cgroupV2 = 0;
  cgroupV1 = 0;
  /** Paths that /proc said, of a process whose numbers were not told. */
  cgroupPaths: readonly string[] = [];
  endedNs: number | null = null;
  /** A time at which it was there, where it is not known when it started. */
  seenNs: number | null = null;
  /** How it stands in the ancestry of others; null: to be made anew. */
  asAncestor: string | null = null;
  /** Everything that an event of it says at its end; null: to be made anew. */
  written: Uint8Array | null = null;
  /** Which event told its ancestry; null: none yet. */
  toldIn: string | null = null;

  constructor(pid: number, startedNs: number | null, startedText = startedNs === null ? 'null' : String(startedNs)) {
    this.pid = pid;
    this.startedNs = startedNs;
    this.startedText = startedText;
  }
}

export class ProcessTable {
  readonly #byPid = new Map<number, Process>();
  /** In the order in which they ended; those that were dropped since are passed over. A set would walk over all that went before. */
  #ended: Process[] = [];
  #endedFrom = 0;

  get size(): number {
    return this.#byPid.size;
  }

  values(): Iterator<Process> {
    return this.#byPid.values();
  }

  /** The newest one of that id, living or not. */
  get(pid: number): Process | undefined {
    return this.#byPid.get(pid);
  }

  add(process: Process): void {
    const before = this.#byPid.get(process.pid);
    if (before !== undefined) this.#drop(before);
    this.#byPid.set(process.pid, process);
    if (this.#byPid.size > PROCESSES_MAX) this.#drop(this.#firstEnded() ?? this.#byPid.values().next().value!);
  }

  /** What is written of them is made anew. */
  forgetWritten(): void {
    for (const process of this.#byPid.values()) process.written = null;
  }

  end(process: Process, atNs: number): void {
    if (process.endedNs === null) this.#ended.push(process);
    if (this.#ended.length > ENDED_MAX) this.#ended = this.#ended.slice(this.#takeEnded()).filter((one) => this.#isKnown(one));
    process.endedNs = atNs;
    process.written = null;
  }

  /** Null: all that are known live. */
  #firstEnded(): Process | null {
    while (this.#endedFrom < this.#ended.length) {
      const process = this.#ended[this.#endedFrom++]!;
      if (this.#isKnown(process)) return process;
    }
    return null;
  }

  #takeEnded(): number {
    const from = this.#endedFrom;
    this.#endedFrom = 0;
    return from;
  }

  #isKnown(process: Process): boolean {
    return this.#byPid.get(process.pid) === process;
  }

  /** Its ancestors, those included that became known since it was looked at last. */
  ancestors(process: Process): readonly Process[] {
    const all = [...process.ancestors];
    while (all.length < ANCESTORS_MAX) {
      const parent = this.parentOf(all.at(-1) ?? process);
      // Where starts are not known, ids that were given anew can make a circle.
      if (parent === null || parent === process || all.includes(parent)) break;
      all.push(parent, ...parent.ancestors.filter((one) => one !== process && !all.includes(one)));
    }
    if (all.length > process.ancestors.length) process.ancestors = all.slice(0, ANCESTORS_MAX);
    return process.ancestors;
  }

  /** The process that was the parent's id when the child began. */
  parentOf({ parentPid, startedNs, seenNs }: Process): Process | null {
    const parent = parentPid === 0 ? undefined : this.#byPid.get(parentPid);
    const thereNs = startedNs ?? seenNs;
    if (parent === undefined || thereNs === null) return parent ?? null;
    if (parent.startedNs !== null && parent.startedNs > thereNs) return null; // another one by now
    return parent.endedNs !== null && parent.endedNs < thereNs ? null : parent;
  }

  /** Fills in what /proc says and was not known. Returns the process. */
  observe({ pid, parent, name, startedNs, login, cgroups }: ProcFacts): Process {
    const before = this.#byPid.get(pid);
    const process = before !== undefined && before.endedNs === null && isSame(before.startedNs, startedNs) ? before : new Process(pid, startedNs);
    if (process !== before) this.add(process);
    process.asAncestor = null;
    if (process.startedNs === null) [process.startedNs, process.startedText] = [startedNs, String(startedNs)];
    process.name ??= name;
    process.login ??= login;
    if (process.parentPid === 0) process.parentPid = parent;
    if (process.cgroupV2 === 0 && process.cgroupV1 === 0) process.cgroupPaths = [...cgroups.values()];
    return process;
  }

  #drop(process: Process): void {
    this.#byPid.delete(process.pid);
    process.ancestors = []; // its children have lists of their own; a line of ancestors would be kept for ever
  }
}

/** Whether times of start are of one process: /proc tells them in ticks. */
function isSame(knownNs: number | null, ticksNs: number): boolean {
  return knownNs === null || Math.floor(knownNs / TICK_NS) === Math.floor(ticksNs / TICK_NS);
}

/** What a process was executing at a time: what it forked then goes on with it. */
export function imageAt({ image }: Process, atNs: number): Image | null {
  return image === null || image.sinceNs <= atNs ? image : image.earlier.find(({ sinceNs }) => sinceNs <= atNs) ?? null;
}

const NONE: readonly Image[] = [];

export function execute(process: Process, executable: string, escaped: boolean, sinceNs: number): void {
  const { image } = process;
  const earlier = image === null ? NONE : [{ ...image, earlier: NONE }, ...image.earlier].slice(0, EARLIER_MAX);
  process.image = { executable, escaped, sinceNs, earlier };
  process.asAncestor = null;
}
