// SPDX-License-Identifier: Apache-2.0
// Joins records to events. The kernel ends an event of a system call with EOE; what it reports outside of one it ends with
// nothing, so such an event is over when nothing more has come for a while. Records of different events interleave: each
// processor queues its own. A record may come after its event was taken for finished; it makes another event of that
// serial, marked as late.
import { isAlone, TYPE, type AuditRecord } from './record.ts';

export interface AuditEvent {
  readonly serial: number;
  readonly timeMs: number;
  /** In the order in which they came. */
  readonly records: readonly AuditRecord[];
  /**
   * `eoe`: the kernel's mark came. `alone`: its one record is all. `quiet`: nothing more came. `full`: it grew beyond the
   * bounds, and goes on in a late one. `crowded`: too many were open. `flushed`: reading ended.
   */
  readonly end: 'eoe' | 'alone' | 'quiet' | 'full' | 'crowded' | 'flushed';
  /** Records of this serial were given out before. */
  readonly late: boolean;
}

export interface JoinerOptions {
  /** So long after its last record an event without EOE is over. ausearch waits as long. */
  readonly quietMs?: number;
  readonly openMax?: number;
  readonly recordsMax?: number;
  readonly bytesMax?: number;
  /** Of so many serials at least it is remembered that they are finished, so that what comes late is known to be. */
  readonly rememberedMax?: number;
}

const NONE: AuditEvent[] = [];

interface Open {
  readonly serial: number;
  readonly timeMs: number;
  readonly records: AuditRecord[];
  readonly late: boolean;
  bytes: number;
  lastAtMs: number;
}

export class Joiner {
  /** By serial, the first begun first. */
  readonly #open = new Map<number, Open>();
  /** The one that the last record went to, if it is open. */
  #last: Open | null = null;
  /** Serial and time of finished events, by the last bits of the serial. */
  readonly #finished: Uint32Array;
  readonly #finishedTimes: Float64Array;
  readonly #options: Required<JoinerOptions>;

  constructor(options: JoinerOptions = {}) {
    this.#options = { quietMs: 2000, openMax: 4096, recordsMax: 1024, bytesMax: 256 * 1024, rememberedMax: 32_768, ...options };
    const places = 2 ** Math.ceil(Math.log2(this.#options.rememberedMax));
    this.#finished = new Uint32Array(places);
    this.#finishedTimes = new Float64Array(places).fill(-1);
  }

  get open(): number {
    return this.#open.size;
  }

  /** Takes a record that was read at `atMs` (any steady clock) and returns the events that are over by it. */
  add(record: AuditRecord, atMs: number): AuditEvent[] {
    const { serial, timeMs, type } = record;
    if (isAlone(type)) return [{ serial, timeMs, records: [record], end: 'alone', late: false }];
    const open = this.#last?.serial === serial ? this.#last : this.#open.get(serial);
    if (open === undefined || open.timeMs !== timeMs) return this.#begin(record, open, atMs);
    this.#last = open;
    this.#take(open, record, atMs);
    const end = this.#isOver(open, type);
    return end === null ? NONE : [this.#finish(open, end)];
  }

  /** Events that are over because nothing more came. `atMs`: all that the kernel had sent by then has been added. */
  expire(atMs: number): AuditEvent[] {
    const over: AuditEvent[] = [];
    for (const open of this.#open.values()) {
      if (atMs - open.lastAtMs >= this.#options.quietMs) over.push(this.#finish(open, 'quiet'));
    }
    return over;
  }

  /** What is still open, at the end of reading. */
  flush(): AuditEvent[] {
    return [...this.#open.values()].map((open) => this.#finish(open, 'flushed'));
  }

  /** `replaced`: an event that is open under the same serial, which was given out again. */
  #begin(record: AuditRecord, replaced: Open | undefined, atMs: number): AuditEvent[] {
    const over = replaced === undefined ? [] : [this.#finish(replaced, 'crowded')];
    const { serial, timeMs, type } = record;
    const place = serial % this.#finished.length;
    const late = this.#finished[place] === serial && this.#finishedTimes[place] === timeMs;
    const open: Open = { serial, timeMs, records: [], late, bytes: 0, lastAtMs: atMs };
    this.#take(open, record, atMs);
    const end = this.#isOver(open, type);
    if (end !== null) over.push(this.#finish(open, end));
    else this.#open.set(serial, this.#last = open);
    if (this.#open.size > this.#options.openMax) over.push(this.#finish(this.#open.values().next().value!, 'crowded'));
    return over;
  }

  #take(open: Open, record: AuditRecord, atMs: number): void {
    open.records.push(record);
    open.bytes += record.prefix.length + record.end - record.from + 1;
    open.lastAtMs = atMs;
  }

  #isOver({ records, bytes }: Open, type: number): 'eoe' | 'full' | null {
    if (type === TYPE.eoe) return 'eoe';
    return records.length >= this.#options.recordsMax || bytes >= this.#options.bytesMax ? 'full' : null;
  }

  #finish(open: Open, end: AuditEvent['end']): AuditEvent {
    const { serial, timeMs, records, late } = open;
    if (this.#last === open) this.#last = null;
    this.#open.delete(serial);
    const place = serial % this.#finished.length;
    this.#finished[place] = serial;
    this.#finishedTimes[place] = timeMs;
    return { serial, timeMs, records, end, late };
  }
}

/** Whether records of it are known to be missing: those of a system call come with SYSCALL and EOE, or with neither. */
export function isIncomplete({ records, end, late }: AuditEvent): boolean {
  if (late || end === 'full') return false;
  return has(records, TYPE.syscall) !== has(records, TYPE.eoe);
}

function has(records: readonly AuditRecord[], type: number): boolean {
  return records.some((record) => record.type === type);
}
