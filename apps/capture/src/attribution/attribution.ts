// SPDX-License-Identifier: Apache-2.0
// Who did what an event tells of: ancestors, unit, container and person of its process, from what is known in memory when the
// event comes. What takes looking at files is done beside that, and what becomes known by it is told by itself (later.ts).
import { setTimeout as delay } from 'node:timers/promises';
import type { AuditEvent } from '../audit/joiner.ts';
import type { Who } from '../ebpf/event-line.ts';
import type { ProbeEvent } from '../ebpf/frames.ts';
import { literal, type LineWriter } from '../ebpf/line-writer.ts';
import { Cgroups } from './cgroups.ts';
import { processOf, timeOf } from './event-facts.ts';
import { Later, type Told } from './later.ts';
import { People } from './people.ts';
import { Places } from './places.ts';
import { isGone, nowNs, processIds, readProcess } from './proc.ts';
import { ProcessTable, type Process } from './process-table.ts';
import { ancestryOf, isWhole, openedWho, WHO_BYTES_MAX } from './who.ts';

/** Between two rounds of looking up, while something waits for it. */
const LOOK_UP_MS = 100;
const CARE_MS = 2000;
const PEOPLE_MS = 10_000;
/** Processes read at the start without a pause. */
const SCAN_STEP = 100;
const SCAN_MAX = 32_768;
/** Of so many, one is looked at each time: all in a minute. */
const SWEEP_SHARE = 30;

export interface AttributionOptions {
  /** Seals facts; null: nobody is told later. */
  readonly tell: ((lines: readonly string[]) => void) | null;
  /** Whether the vault takes no more at present. */
  readonly isHeld?: () => boolean;
  /** Whether events by eBPF come. */
  readonly isWatched?: () => boolean;
  readonly people?: People;
}

export class Attribution implements Who {
  readonly bytesMax = WHO_BYTES_MAX;
  readonly #table = new ProcessTable();
  readonly #cgroups = new Cgroups();
  readonly #people: People;
  readonly #places = new Places(this.#cgroups);
  readonly #later: Later | null;
  #peopleAtMs = 0;
  #stop: AbortSignal | null = null;
  #lookedUpAtMs = 0;
  #lookUp: { readonly atMs: number; readonly timer: NodeJS.Timeout } | null = null;
  #sweep: Iterator<Process> | null = null;

  constructor({ tell, isHeld = () => false, isWatched = () => true, people = new People() }: AttributionOptions) {
    this.#people = people;
    const known: Told = { table: this.#table, cgroups: this.#cgroups, places: this.#places, person: (login) => this.#personOf(login) };
    this.#later = tell === null ? null : new Later({ ...known, tell, isHeld, isWatched });
  }

  /** What is there at the start is known when it resolves; it goes on until `stop`. */
  async start(stop: AbortSignal): Promise<void> {
    await this.#cgroups.start();
    let count = 0;
    for (const pid of processIds().slice(0, SCAN_MAX)) {
      const facts = readProcess(pid);
      if (facts !== null) this.#table.observe(facts);
      if ((count += 1) % SCAN_STEP === 0) await delay(0);
    }
    this.#stop = stop;
    const care = setInterval(() => this.#care(performance.now()), CARE_MS);
    stop.addEventListener('abort', () => {
      clearInterval(care);
      clearTimeout(this.#lookUp?.timer);
      this.#cgroups.close();
    }, { once: true });
  }

  /** Takes what an event says of its process, and writes its `who`. */
  write(to: LineWriter, event: ProbeEvent): void {
    const process = processOf(event, this.#table);
    if (process.written === null) this.#writeNew(to, process, event);
    else to.putLong(process.written);
    if (event.type === 'exit') this.#table.end(process, timeOf(event));
  }

  /** An event of the audit, whose record stays as it is: of its process is told by itself what was not told yet. */
  audit(event: AuditEvent): void {
    if (this.#later === null) return;
    const [before, nowMs] = [this.#later.audited, performance.now()];
    this.#later.audit(event, nowMs);
    if (this.#later.audited > before) this.#lookUpAt(nowMs);
  }

  values(): Record<string, number> {
    return { whoProcesses: this.#table.size, ...this.#later?.values() };
  }

  #writeNew(to: LineWriter, process: Process, { cpu, sequence, type }: ProbeEvent): void {
    const place = this.#places.of(process);
    const opened = openedWho(process, place, this.#personOf(process.login));
    if (process.toldIn !== null) {
      const text = `${opened},"ancestryIn":"${process.toldIn}"}`;
      if (type === 'exit') return to.string(text); // nothing more comes of it
      process.written = literal(text);
      return to.putLong(process.written);
    }
    process.toldIn = `${cpu}/${sequence}`;
    const ancestors = this.#table.ancestors(process);
    to.string(`${opened},"ancestry":${ancestryOf(process, ancestors)}}`);
    if (isWhole(process, ancestors) && !this.#places.lacks(process)) return;
    const nowMs = performance.now();
    this.#later?.lacks(process, nowMs);
    this.#lookUpAt(nowMs);
  }

  #personOf(login: number | null): string | null {
    return login === null ? null : this.#people.of(login);
  }

  /** Whose end was not told, because events were missing, is found gone: else its id would be taken for it when another has it. */
  #look(): void {
    for (let count = Math.ceil(this.#table.size / SWEEP_SHARE); count > 0; count -= 1) {
      this.#sweep ??= this.#table.values();
      const { value, done } = this.#sweep.next();
      if (done === true) this.#sweep = null;
      else if (value.endedNs === null && isGone(value.pid, value.startedNs)) this.#table.end(value, nowNs());
    }
  }

  /** A process may be gone soon: where none was just now, a round comes right behind the events that are read. */
  #lookUpAt(dueMs: number): void {
    const atMs = Math.max(dueMs, this.#lookedUpAtMs + LOOK_UP_MS);
    if (this.#later === null || this.#stop?.aborted !== false || (this.#lookUp !== null && this.#lookUp.atMs <= atMs)) return;
    clearTimeout(this.#lookUp?.timer);
    this.#lookUp = { atMs, timer: setTimeout(() => this.#lookUpNow(), Math.max(0, atMs - performance.now())) };
  }

  #lookUpNow(): void {
    this.#lookUp = null;
    this.#lookedUpAtMs = performance.now();
    this.#later?.tick(this.#lookedUpAtMs);
    const dueMs = this.#later?.dueMs ?? null;
    if (dueMs !== null) this.#lookUpAt(dueMs);
  }

  #care(nowMs: number): void {
    this.#look();
    if (nowMs - this.#peopleAtMs < PEOPLE_MS) return;
    this.#peopleAtMs = nowMs;
    if (this.#people.refresh()) this.#table.forgetWritten();
  }
}
