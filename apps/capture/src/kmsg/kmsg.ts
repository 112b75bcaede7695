// SPDX-License-Identifier: Apache-2.0
// Kernel messages: every record of this boot that no earlier life sealed, in order, and each hole in their numbers as an
// event between its neighbours. The kernel's ring is the buffer: while the vault takes no more, nothing is read.
import { setTimeout as delay } from 'node:timers/promises';
import type { SubmittedRun } from '@strongroom/evidence';
import type { Elsewhere } from '../audit/elsewhere.ts';
import type { Feed } from '../feed.ts';
import { kmsgSequence, type KmsgRead } from './device.ts';
import { observe, type Observed } from '../observed.ts';
import type { LocalStream } from '../stream.ts';
import { addLost } from '../sums.ts';

/** Libuv cannot poll this device. 250 ms costs nothing, and a ring of 128 KiB holds that long at 15,000 records a second. */
const POLL_MS_MAX = 250;
const POLL_MS_MIN = 10;
/** Read in one turn of the event loop. */
const READS_PER_TURN = 1000;
/** At the stop: more than any ring holds. */
const LAST_TURNS = 100;

export interface KmsgOptions {
  readonly read: KmsgRead;
  readonly feed: Feed;
  readonly stream: LocalStream;
  /** Octets of a record that are kept whole. */
  readonly recordBytesMax: number;
  /** Is shown each record. */
  readonly elsewhere?: Pick<Elsewhere, 'kmsg'> | null;
}

interface Hole {
  readonly from: number;
  readonly to: number;
  readonly reason: 'before-first-read' | 'while-stopped' | 'overwritten' | 'skipped';
}

export class Kmsg {
  readonly #options: KmsgOptions;
  #first = true;
  #overwritten = false;

  constructor(options: KmsgOptions) {
    this.#options = options;
  }

  /** Reads until `stop` is aborted, then what is there to read at once. Rejects with `Failed('kmsg.unreadable')`. */
  async run(stop: AbortSignal): Promise<void> {
    const { feed } = this.#options;
    let wait = POLL_MS_MIN;
    while (!stop.aborted) {
      await feed.ready(stop);
      const reads = this.turn();
      wait = reads > 0 ? POLL_MS_MIN : Math.min(wait * 2, POLL_MS_MAX);
      await delay(reads < READS_PER_TURN ? wait : 0, undefined, { signal: stop }).catch(() => undefined);
    }
    for (let turns = 0; turns < LAST_TURNS && this.turn() > 0;) turns += 1;
  }

  /** Takes what can be read now, within bounds. Returns how many reads gave something. */
  turn(): number {
    const { read, feed, stream } = this.#options;
    const runs: SubmittedRun[] = [];
    let records: Observed[] = [];
    let last = feed.position.kmsg;
    let reads = 0;
    for (; reads < READS_PER_TURN; reads += 1) {
      const got = read();
      if (got === 'empty') break;
      if (got === 'overwritten') {
        this.#overwritten = true;
        continue;
      }
      const sequence = kmsgSequence(got);
      if (sequence !== null) {
        if (last !== null && sequence <= last) continue; // an earlier life sealed it
        const hole = this.#holeBefore(sequence, last);
        if (hole !== null) {
          runs.push(...stream.take(records), this.#state(hole));
          records = [];
        }
        last = sequence;
      }
      this.#options.elsewhere?.kmsg(got);
      records.push(observe(got, this.#options.recordBytesMax));
    }
    runs.push(...stream.take(records));
    if (runs.length > 0) feed.add(runs, { kmsg: last }, 'at-once');
    return reads;
  }

  #holeBefore(sequence: number, last: number | null): Hole | null {
    const reason = last === null ? 'before-first-read' : this.#overwritten ? 'overwritten' : this.#first ? 'while-stopped' : 'skipped';
    this.#first = false;
    this.#overwritten = false;
    const from = last === null ? 0 : last + 1;
    return sequence > from ? { from, to: sequence - 1, reason } : null;
  }

  #state({ from, to, reason }: Hole): SubmittedRun {
    const { feed, stream } = this.#options;
    const count = to - from + 1;
    const ours = reason !== 'before-first-read';
    if (ours) addLost(feed.tally(stream.protocol), reason, count);
    return stream.event(ours ? 'kmsg.missing' : 'kmsg.began', { from, to, count, reason, boot: feed.position.boot });
  }
}
