// SPDX-License-Identifier: Apache-2.0
// Time that passes only from one event to the next. Between two events all that follows from the first has happened:
// the order of events is the whole order of a simulation.
import { BOUND_UNKNOWN } from '@strongroom/evidence';

/** Whose event it is: those of a process that was killed never happen. */
export interface Owner {
  readonly isAlive: boolean;
}

interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly owner: Owner;
  readonly run: () => void;
  isCancelled: boolean;
}

const NOBODY: Owner = { isAlive: true };
const BEGIN_NS = 1_800_000_000_000_000_000n;

export class SimulatedTime {
  readonly #events: Event[] = [];
  #nowMs = 0;
  #order = 0;
  #utcOffsetNs = BEGIN_NS;
  #latestNs = BEGIN_NS;
  /** Events that have happened. */
  steps = 0;

  /** Monotonic. */
  get nowMs(): number {
    return this.#nowMs;
  }

  get nowNs(): bigint {
    return this.#utcOffsetNs + BigInt(Math.round(this.#nowMs * 1e6));
  }

  /** The latest that the wall clock ever showed. */
  get latestNs(): bigint {
    return this.nowNs > this.#latestNs ? this.nowNs : this.#latestNs;
  }

  /** The wall clock is set, forwards or back. */
  jump(ms: number): void {
    this.#latestNs = this.latestNs;
    this.#utcOffsetNs += BigInt(Math.round(ms)) * 1_000_000n;
  }

  /** Nothing happens for so long: what is due by then is late. */
  stall(ms: number): void {
    this.#nowMs += ms;
  }

  /** Calls after so long, unless cancelled by what this returns. */
  after(ms: number, run: () => void, owner: Owner = NOBODY): () => void {
    const event = { atMs: this.#nowMs + Math.max(0, ms), order: (this.#order += 1), owner, run, isCancelled: false };
    this.#push(event);
    return () => { event.isCancelled = true; };
  }

  /** Lets events happen until `isOver`, or until none is left or so much time has passed: then false. */
  async run(isOver: () => boolean, ms: number): Promise<boolean> {
    const end = this.#nowMs + ms;
    await settled();
    while (!isOver()) {
      const event = this.#pop();
      if (event === undefined || event.atMs > end) {
        if (event !== undefined) this.#push(event);
        return false;
      }
      if (event.isCancelled || !event.owner.isAlive) continue;
      this.#nowMs = Math.max(this.#nowMs, event.atMs);
      this.steps += 1;
      event.run();
      await settled();
    }
    return true;
  }

  /** What the clock of a process looks like from inside. */
  clock(owner: Owner) {
    return {
      nowNs: (): bigint => this.nowNs,
      stamp: () => ({ at: this.nowNs, bound: BOUND_UNKNOWN }),
      nowMs: (): number => this.#nowMs,
      turn: (): Promise<void> => new Promise((resolve) => { this.after(0, resolve, owner); }),
      after: (ms: number, call: () => void): (() => void) => this.after(ms, call, owner),
      sleep: (ms: number, signal?: AbortSignal): Promise<void> => new Promise((resolve) => {
        if (signal?.aborted === true) return resolve();
        signal?.addEventListener('abort', () => resolve(), { once: true });
        this.after(ms, resolve, owner);
      }),
    };
  }

  #push(event: Event): void {
    const heap = this.#events;
    let at = heap.push(event) - 1;
    for (let up = (at - 1) >> 1; at > 0 && isBefore(event, heap[up]!); at = up, up = (at - 1) >> 1) heap[at] = heap[up]!;
    heap[at] = event;
  }

  #pop(): Event | undefined {
    const heap = this.#events;
    const [first, last] = [heap[0], heap.pop()];
    if (heap.length === 0 || last === undefined) return first;
    let at = 0;
    for (;;) {
      let down = 2 * at + 1;
      if (down + 1 < heap.length && isBefore(heap[down + 1]!, heap[down]!)) down += 1;
      if (down >= heap.length || !isBefore(heap[down]!, last)) break;
      heap[at] = heap[down]!;
      at = down;
    }
    heap[at] = last;
    return first;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

/** All promises that can go on have gone on. Nothing in a simulation waits for the real world. */
function settled(): Promise<void> {
  return new Promise((resolve) => { setImmediate(resolve); });
}
