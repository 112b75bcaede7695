// SPDX-License-Identifier: Apache-2.0
// Two counts of the same executions, held against each other. Whoever sees one second finds the first waiting under its
// process id, and both are done with; what still waits when its time is settled was seen by one side alone. Times differ:
// the audit has when the system call began, eBPF when the new program was in place.
export type Side = 'audit' | 'ebpf';

export interface Exec {
  readonly side: Side;
  readonly pid: number;
  /** Milliseconds since 1970. */
  readonly timeMs: number;
  readonly executable: string;
  /** Process id of the parent; 0: this side does not say. */
  readonly parent: number;
}

/** What was executed from one time to another. */
export interface Settled {
  readonly fromMs: number;
  readonly toMs: number;
  /** Seen by both. */
  readonly both: number;
  /** Seen by one, oldest first. */
  readonly alone: readonly Exec[];
  /** Came when their time was settled already. */
  readonly late: number;
}

/** The same process id further apart is another process, where ids are few and processes many. */
const APART_MS = 10_000;
/** What both saw around the beginning may have reached us of one alone. */
const EDGE_MS = APART_MS;
/** Beyond that many the sides are too far apart to tell. */
const WAITING_MAX = 65_536;

export class Execs {
  /** Mostly one, under its process id; several of one process are of one side. */
  readonly #waiting = new Map<number, Exec[]>();
  #count = 0;
  #both: { minute: number; count: number }[] = [];
  #fromMs: number;
  #isFirst = true;
  #late = 0;

  /** `fromMs`: earlier ones are not looked at. */
  constructor(fromMs: number) {
    this.#fromMs = fromMs + EDGE_MS;
  }

  /** So many wait that there is no use in going on. */
  get isCrowded(): boolean {
    return this.#count >= WAITING_MAX;
  }

  /** `executable` is called only where nobody has seen it before. */
  take(side: Side, pid: number, timeMs: number, executable: () => string, parent = 0): void {
    const waiting = this.#waiting.get(pid);
    const index = waiting === undefined ? -1 : partnerIn(waiting, side, timeMs);
    if (index >= 0) return this.#pair(waiting!, index, pid, side === 'audit' ? timeMs : waiting![index]!.timeMs);
    // A little before, so that a pair over the edge is one; such a one is forgotten if it stays alone.
    if (timeMs < this.#fromMs - EDGE_MS) {
      this.#late += 1;
      return;
    }
    if (this.isCrowded) return;
    const exec = { side, pid, timeMs, executable: executable(), parent };
    if (waiting === undefined) this.#waiting.set(pid, [exec]);
    else waiting.push(exec);
    this.#count += 1;
  }

  #pair(waiting: Exec[], index: number, pid: number, timeMs: number): void {
    this.#count -= 1;
    if (waiting.length === 1) this.#waiting.delete(pid);
    else waiting.splice(index, 1);
    const minute = Math.floor(timeMs / 60_000);
    const last = this.#both.at(-1);
    if (last?.minute === minute) last.count += 1;
    else this.#pairEarlier(minute);
  }

  #pairEarlier(minute: number): void {
    const of = this.#both.find((one) => one.minute === minute);
    if (of !== undefined) of.count += 1;
    else this.#both = [...this.#both, { minute, count: 1 }].toSorted((a, b) => a.minute - b.minute);
  }

  /** All up to a whole minute, which both sides are known to have told of by now. Null: that is settled already. */
  settle(minute: number): Settled | null {
    const [fromMs, toMs] = [this.#fromMs, minute * 60_000];
    if (toMs <= fromMs) return null;
    const over = this.#both.filter((one) => one.minute < minute);
    this.#both = this.#both.filter((one) => one.minute >= minute);
    const all = this.#takeAlone(toMs);
    const alone = all.filter(({ timeMs }) => timeMs >= fromMs);
    const late = this.#late + (this.#isFirst ? 0 : all.length - alone.length);
    const settled = { fromMs, toMs, both: over.reduce((sum, { count }) => sum + count, 0), alone, late };
    [this.#late, this.#isFirst, this.#fromMs] = [0, false, toMs];
    return settled;
  }

  #takeAlone(toMs: number): Exec[] {
    const alone: Exec[] = [];
    for (const [pid, waiting] of this.#waiting) {
      const rest = waiting.filter(({ timeMs }) => timeMs >= toMs);
      if (rest.length === waiting.length) continue;
      alone.push(...waiting.filter(({ timeMs }) => timeMs < toMs));
      this.#count -= waiting.length - rest.length;
      if (rest.length === 0) this.#waiting.delete(pid);
      else this.#waiting.set(pid, rest);
    }
    return alone.toSorted((a, b) => a.timeMs - b.timeMs);
  }
}

function partnerIn(waiting: readonly Exec[], side: Side, timeMs: number): number {
  for (let index = 0; index < waiting.length; index += 1) {
    const one = waiting[index]!;
    if (one.side !== side && Math.abs(one.timeMs - timeMs) <= APART_MS) return index;
  }
  return -1;
}
