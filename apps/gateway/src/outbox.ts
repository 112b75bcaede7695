// SPDX-License-Identifier: Apache-2.0
// From runs to submissions. Each stream has a lane; lanes take turns, so a stream that brings much waits for its own
// data, not the others for it. While nothing is unacknowledged a submission leaves at the end of the event loop's turn;
// otherwise runs gather for up to 2 ms or 512 KiB, which makes submissions large exactly when there are many. A full one
// leaves at once: so the credit is used up, and reading stops, before thousands of connections have had their say.
import { KIND, type SubmittedRun } from '@strongroom/evidence';
import type { SubmitClient, SubmitReceipt } from '@strongroom/service';

const SUBMISSION_BYTES = 512 * 1024;
/** What a lane may put into a submission before the next lane's turn. */
const TURN_BYTES = 64 * 1024;
const GATHER_MS = 2;
/** Runs carry facts beside their data; counted so that many tiny runs do not make a huge submission. */
const RUN_OVERHEAD_BYTES = 256;
const RUNS_MAX = 4096;

/** A run on its way, with what has to be known when it is sealed. */
export interface Entry {
  readonly run: SubmittedRun;
  /** Octets of its records. */
  readonly bytes: number;
  /** How many of its records the producer is owed an answer for. */
  readonly owed: number;
  /** Whether its owner wants to hear where it lies. */
  readonly wantsPlace?: boolean;
}

/** Where an entry's first record lies, in a log of `size` entries, and the signed checkpoint of its commit. */
export interface Place {
  readonly entry: number;
  readonly record: number;
  readonly size: number;
  readonly checkpoint: string;
}

/** What happens to entries, in the order in which they were put. */
export interface LaneOwner {
  sealed(entry: Entry, place: Place | undefined): void;
  /** The vault did not seal it. */
  denied(entry: Entry, code: string): void;
  /** Called after a series of these. */
  settled(): void;
  /** What waits in the lane has become less. */
  drained(): void;
}

export class Lane {
  readonly owner: LaneOwner;
  entries: Entry[] = [];
  /** Octets that wait in it, not those that are submitted. */
  bytes = 0;
  hasTurn = false;

  constructor(owner: LaneOwner) {
    this.owner = owner;
  }
}

type Line = Pick<SubmitClient, 'submit' | 'full'>;
type Sent = readonly { readonly lane: Lane; readonly entry: Entry }[];

export class Outbox {
  readonly #line: Line;
  #turns: Lane[] = [];
  #bytes = 0;
  #inFlight = 0;
  #timer: NodeJS.Timeout | undefined;
  #soon: NodeJS.Immediate | undefined;

  constructor(line: Line) {
    this.#line = line;
  }

  /** Octets that wait, of all lanes. */
  get bytes(): number {
    return this.#bytes;
  }

  get isEmpty(): boolean {
    return this.#turns.length === 0;
  }

  /** Puts an entry into a lane. False when it became part of the one before: then they are settled as one. */
  put(lane: Lane, entry: Entry): boolean {
    const last = lane.entries.at(-1);
    const joined = last === undefined ? undefined : join(last, entry);
    if (joined === undefined) lane.entries.push(entry);
    else lane.entries[lane.entries.length - 1] = joined;
    lane.bytes += entry.bytes;
    this.#bytes += entry.bytes;
    if (!lane.hasTurn) {
      lane.hasTurn = true;
      this.#turns.push(lane);
    }
    this.#schedule();
    return joined === undefined;
  }

  /** Submits what waits, as far as there is credit. */
  flush(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#soon);
    this.#timer = undefined;
    this.#soon = undefined;
    while (this.#turns.length > 0 && !this.#line.full) void this.#submit();
  }

  #schedule(): void {
    if (this.#line.full) return;
    if (this.#bytes >= SUBMISSION_BYTES) this.flush();
    else if (this.#soon !== undefined) return;
    else if (this.#inFlight === 0) this.#soon = setImmediate(() => this.flush());
    else this.#timer ??= setTimeout(() => this.flush(), GATHER_MS);
  }

  async #submit(): Promise<void> {
    const sent = this.#gather();
    this.#inFlight += 1;
    let receipt: SubmitReceipt | undefined;
    const placed = sent.some(({ entry }) => entry.wantsPlace === true) ? (told: SubmitReceipt): void => { receipt = told; } : undefined;
    const sealed = this.#line.submit(sent.map(({ entry }) => entry.run), undefined, sent.some(({ entry }) => entry.owed > 0), placed);
    for (const owner of new Set(sent.map(({ lane }) => lane.owner))) owner.drained();
    const denied = await sealed.catch(() => null);
    if (denied === null) return; // the line was closed for good: nothing is answered any more
    this.#inFlight -= 1;
    settle(sent, new Map(denied.map(({ stream, code }) => [stream.toString('hex'), code])), receipt === undefined ? undefined : placesOf(receipt));
    if (this.#inFlight === 0) this.flush();
  }

  #gather(): Sent {
    const sent: { lane: Lane; entry: Entry }[] = [];
    let bytes = 0;
    while (this.#turns.length > 0 && bytes < SUBMISSION_BYTES && sent.length < RUNS_MAX) {
      const lane = this.#turns.shift()!;
      bytes += this.#takeTurn(lane, sent);
      lane.hasTurn = lane.entries.length > 0;
      if (lane.hasTurn) this.#turns.push(lane);
    }
    return sent;
  }

  #takeTurn(lane: Lane, sent: { lane: Lane; entry: Entry }[]): number {
    let taken = 0;
    let count = 0;
    while (count < lane.entries.length && taken < TURN_BYTES) {
      const entry = lane.entries[count]!;
      sent.push({ lane, entry });
      lane.bytes -= entry.bytes;
      this.#bytes -= entry.bytes;
      taken += entry.bytes + RUN_OVERHEAD_BYTES;
      count += 1;
    }
    lane.entries = count === lane.entries.length ? [] : lane.entries.slice(count);
    return taken;
  }
}

/** One run of two that were received at the same moment, unless that makes a long one. */
function join(first: Entry, second: Entry): Entry | undefined {
  const { run } = first;
  const isOne = run.kind === KIND.data && second.run.kind === KIND.data && run.receivedAt === second.run.receivedAt && run.bound === second.run.bound;
  if (!isOne || first.bytes + second.bytes > TURN_BYTES) return undefined;
  const lengths = new Uint32Array(run.lengths.length + second.run.lengths.length);
  lengths.set(run.lengths);
  lengths.set(second.run.lengths, run.lengths.length);
  return { run: { ...run, lengths, data: [run.data, second.run.data].flat() }, bytes: first.bytes + second.bytes, owed: first.owed + second.owed, wantsPlace: first.wantsPlace === true };
}

/** By stream and first sequence. */
function placesOf({ size, checkpoint, places }: SubmitReceipt): Map<string, Place> {
  return new Map(places.map(({ stream, firstSequence, entry, record }) => [`${stream.toString('hex')} ${firstSequence}`, { entry, record, size, checkpoint }]));
}

function placeOf({ run, wantsPlace }: Entry, places: ReadonlyMap<string, Place> | undefined): Place | undefined {
  return wantsPlace === true ? places?.get(`${run.stream.toString('hex')} ${run.firstSequence}`) : undefined;
}

function settle(sent: Sent, denied: ReadonlyMap<string, string>, places: ReadonlyMap<string, Place> | undefined): void {
  let last: Lane | undefined;
  for (const { lane, entry } of sent) {
    if (last !== undefined && last !== lane) last.owner.settled();
    last = lane;
    const code = denied.size === 0 ? undefined : denied.get(entry.run.stream.toString('hex'));
    if (code === undefined) lane.owner.sealed(entry, places === undefined ? undefined : placeOf(entry, places));
    else lane.owner.denied(entry, code);
  }
  last?.owner.settled();
}
