// SPDX-License-Identifier: Apache-2.0
// From runs to submissions. Runs and the position behind them go together: a submission's token always says exactly
// what it and all before it hold, so whichever submission the vault committed last, the next life goes on behind it.
// What may be the last that the machine says leaves at once while nothing waits for the vault, else with the next acknowledgement.
// All else gathers for a while: each submission costs a commit, and a commit costs as much as sealing hundreds of records.
import { KIND, MESSAGE_BYTES_MAX, RUNS_MAX, type SubmittedRun } from '@strongroom/evidence';
import type { SourceStats, SubmitClient } from '@strongroom/service';
import { newTally, sumsOf, waitingOf, type Tally } from './sums.ts';
import { encodeToken, type Position } from './token.ts';

const SUBMISSION_BYTES = 2 * 1024 * 1024;
/** The vault takes no larger submission, and none of more runs: what was refused for that would be sent again for ever. */
const SUBMISSION_BYTES_MAX = MESSAGE_BYTES_MAX / 2;
const SUBMISSION_RUNS_MAX = RUNS_MAX / 2;
/** What gathers is lost with this process, if its source does not keep it. So it is little that gathers for as long as configured; more waits no longer than this. */
const LITTLE_BYTES = 64 * 1024;
const SOON_MS = 1000;

/** When a run is to be sealed: *at-once*, it may be the last that the machine says; *soon*, it tells something by itself; *later*, in company. */
export type When = 'at-once' | 'soon' | 'later';

type Line = Pick<SubmitClient, 'submit' | 'whenReady' | 'full' | 'drain'>;
type OnDenied = (fields: { code: string; stream: string; records: number }) => void;

export class Feed {
  readonly #line: Line;
  readonly #onDenied: OnDenied;
  readonly #tallies = new Map<string, Tally>();
  /** When each unacknowledged submission left, in ms of the monotonic clock, oldest first. */
  readonly #sentAt: number[] = [];
  #position: Position;
  #runs: SubmittedRun[] = [];
  #bytes = 0;
  #urgent = false;
  #leaves: { readonly atMs: number; readonly timer: NodeJS.Timeout } | undefined;
  readonly #gatherMs: number;

  constructor(line: Line, position: Position, onDenied: OnDenied, gatherMs: number = SOON_MS) {
    this.#gatherMs = gatherMs;
    this.#line = line;
    this.#position = position;
    this.#onDenied = onDenied;
  }

  /** Behind the last run that was added. */
  get position(): Position {
    return this.#position;
  }

  /**
   * Adds runs which take the position to `moved`. They are sealed in one submission, or not at all, so they are far
   * from what the vault takes at once.
   */
  add(runs: readonly SubmittedRun[], moved: Partial<Position> = {}, when: When = 'later'): void {
    const bytes = runs.reduce((sum, run) => sum + octetsOf(run), 0);
    if (this.#bytes + bytes > SUBMISSION_BYTES_MAX || this.#runs.length + runs.length > SUBMISSION_RUNS_MAX) this.#send();
    this.#bytes += bytes;
    for (const run of runs) {
      if (!isObserved(run)) continue;
      const tally = this.tally(run.protocol);
      tally.received += run.lengths.length;
      tally.receivedBytes += octetsOf(run);
    }
    this.#runs.push(...runs);
    this.#position = { ...this.#position, ...moved };
    this.#urgent ||= when === 'at-once';
    if ((this.#urgent && this.#sentAt.length === 0) || this.#bytes >= SUBMISSION_BYTES) this.#send();
    else this.#sendWithin(when === 'soon' || this.#bytes >= LITTLE_BYTES ? Math.min(SOON_MS, this.#gatherMs) : this.#gatherMs);
  }

  /** Whether the vault takes no more at present. */
  get isHeld(): boolean {
    return this.#line.full;
  }

  /** Resolves when the vault can take more, or when `stop` is aborted: sources are read no faster than it seals. */
  async ready(stop: AbortSignal): Promise<void> {
    if (!this.#line.full || stop.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const go = (): void => resolve();
    stop.addEventListener('abort', go, { once: true });
    void this.#line.whenReady().then(go);
    await promise;
    stop.removeEventListener('abort', go);
  }

  tally(protocol: string): Tally {
    let tally = this.#tallies.get(protocol);
    if (tally === undefined) this.#tallies.set(protocol, tally = newTally());
    return tally;
  }

  /** Sends what is gathered and resolves when all is sealed. Rejects with `Failed('submit.closed')`. */
  async drain(): Promise<void> {
    this.#send();
    await this.#line.drain();
  }

  /** Records that were received and are not settled yet. */
  get waiting(): number {
    return [...this.#tallies.values()].reduce((sum, tally) => sum + waitingOf(tally), 0);
  }

  /** All sums by name, such as `kmsgProduced`. */
  values(): Record<string, number> {
    const values: Record<string, number> = {};
    for (const [protocol, tally] of this.#tallies) {
      for (const [name, value] of Object.entries(sumsOf(tally))) values[`${protocol}${name[0]!.toUpperCase()}${name.slice(1)}`] = value;
    }
    return values;
  }

  /** All protocols as one source. */
  source(connections: number): SourceStats {
    const tallies = [...this.#tallies.values()];
    const sum = (of: (tally: Tally) => number): number => tallies.reduce((total, tally) => total + of(tally), 0);
    const bytes = sum((tally) => tally.receivedBytes);
    const ackedBytes = sum((tally) => tally.sealedBytes);
    const oldest = this.#sentAt[0];
    return {
      events: sum((tally) => tally.received), bytes, ackedBytes, connections, waiting: bytes - ackedBytes,
      lagMs: oldest === undefined ? 0 : Math.round(performance.now() - oldest),
    };
  }

  #sendWithin(ms: number): void {
    const atMs = performance.now() + ms;
    if (this.#leaves !== undefined && this.#leaves.atMs <= atMs) return;
    clearTimeout(this.#leaves?.timer);
    this.#leaves = { atMs, timer: setTimeout(() => this.#send(), ms) };
  }

  #send(): void {
    clearTimeout(this.#leaves?.timer);
    this.#leaves = undefined;
    if (this.#runs.length === 0) return;
    const runs = this.#runs;
    this.#runs = [];
    this.#bytes = 0;
    const urgent = this.#urgent;
    this.#urgent = false;
    this.#sentAt.push(performance.now());
    void this.#submit(runs, urgent);
  }

  async #submit(runs: readonly SubmittedRun[], urgent: boolean): Promise<void> {
    const denied = await this.#line.submit(runs, encodeToken(this.#position), urgent).catch(() => null);
    if (denied === null) return; // the line is closed for good: the next life reads on from the committed token
    this.#sentAt.shift();
    this.#settle(runs, new Map(denied.map(({ stream, code }) => [stream.toString('hex'), code])));
    if (this.#sentAt.length === 0 && this.#urgent) this.#send();
  }

  #settle(runs: readonly SubmittedRun[], denied: ReadonlyMap<string, string>): void {
    for (const run of runs) {
      if (!isObserved(run)) continue;
      const tally = this.tally(run.protocol);
      const stream = run.stream.toString('hex');
      const code = denied.get(stream);
      const records = run.lengths.length;
      if (code === undefined) {
        tally.sealed += records;
        tally.sealedBytes += octetsOf(run);
      } else {
        tally.denied += records;
        this.#onDenied({ code, stream, records });
      }
    }
  }
}

function isObserved(run: SubmittedRun): boolean {
  return run.kind === KIND.data || run.kind === KIND.cut;
}

function octetsOf(run: SubmittedRun): number {
  if (Buffer.isBuffer(run.data)) return run.data.length;
  return run.lengths.reduce((sum, length) => sum + length, 0);
}
