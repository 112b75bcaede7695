// SPDX-License-Identifier: Apache-2.0
// Joins records to events. The kernel ends an event of a system call with EOE; what it reports outside of one it ends with
// nothing, so such an event is over when nothing more has come for a while. Records of different events interleave: each
// processor queues its own. A record may come after its event was taken for finished; it makes another event of that
// serial, marked as late.
import { isAlone, TYPE, type AuditRecord } from './record.ts';

export interface AuditEvent {
  readonly serial: number;
  readonly timeMs: number;
  /** Lines in the order in which they came. */
  readonly lines: readonly Buffer[];
  /** Types of them. */
  readonly types: readonly number[];
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
  /** How many finished events are remembered, so that what comes late is known to be. */
  readonly rememberedMax?: number;
}

interface Open {
  readonly serial: number;
  readonly timeMs: number;
  readonly lines: Buffer[];
  readonly types: number[];
  readonly late: boolean;
  bytes: number;
  lastAtMs: number;
}

export class Joiner {
  /** By serial, the longest silent first. */
  readonly #open = new Map<number, Open>();
  /** Time of finished events by serial, oldest first. */
  readonly #finished = new Map<number, number>();
  readonly #options: Required<JoinerOptions>;

  constructor(options: JoinerOptions = {}) {
    this.#options = { quietMs: 2000, openMax: 4096, recordsMax: 1024, bytesMax: 256 * 1024, rememberedMax: 16_384, ...options };
  }

  get open(): number {
    return this.#open.size;
  }

  /** Takes a record that was read at `atMs` (any steady clock) and returns the events that are over by it. */
  add(record: AuditRecord, atMs: number): AuditEvent[] {
    const { serial, timeMs, type, line } = record;
    if (isAlone(type)) return [{ serial, timeMs, lines: [line], types: [type], end: 'alone', late: false }];
    const over: AuditEvent[] = [];
    let open = this.#open.get(serial);
    if (open !== undefined && open.timeMs !== timeMs) { // the serial was given out again
      over.push(this.#finish(open, 'crowded'));
      open = undefined;
    }
    if (open === undefined) open = { serial, timeMs, lines: [], types: [], late: this.#finished.get(serial) === timeMs, bytes: 0, lastAtMs: atMs };
    else this.#open.delete(serial);
    open.lines.push(line);
    open.types.push(type);
    open.bytes += line.length + 1;
    open.lastAtMs = atMs;
    const { openMax, recordsMax, bytesMax } = this.#options;
    if (type === TYPE.eoe) over.push(this.#finish(open, 'eoe'));
    else if (open.lines.length >= recordsMax || open.bytes >= bytesMax) over.push(this.#finish(open, 'full'));
    else this.#open.set(serial, open);
    if (this.#open.size > openMax) over.push(this.#finish(this.#open.values().next().value!, 'crowded'));
    return over;
  }

  /** Events that are over because nothing more came. `atMs`: all that the kernel had sent by then has been added. */
  expire(atMs: number): AuditEvent[] {
    const over: AuditEvent[] = [];
    for (const open of this.#open.values()) {
      if (atMs - open.lastAtMs < this.#options.quietMs) break;
      over.push(this.#finish(open, 'quiet'));
    }
    return over;
  }

  /** What is still open, at the end of reading. */
  flush(): AuditEvent[] {
    return [...this.#open.values()].map((open) => this.#finish(open, 'flushed'));
  }

  #finish({ serial, timeMs, lines, types, late }: Open, end: AuditEvent['end']): AuditEvent {
    this.#open.delete(serial);
    this.#finished.delete(serial);
    this.#finished.set(serial, timeMs);
    if (this.#finished.size > this.#options.rememberedMax) this.#finished.delete(this.#finished.keys().next().value!);
    return { serial, timeMs, lines, types, end, late };
  }
}

/** Whether records of it are known to be missing: those of a system call come with SYSCALL and EOE, or with neither. */
export function isIncomplete({ types, end, late }: AuditEvent): boolean {
  if (late || end === 'full') return false;
  return types.includes(TYPE.syscall) !== types.includes(TYPE.eoe);
}
