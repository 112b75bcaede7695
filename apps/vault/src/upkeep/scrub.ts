// SPDX-License-Identifier: Apache-2.0
// Passes over everything that is closed, one after the other: the log's files bundle by bundle, and each segment where its
// closing entry stands. A restart goes on at the segment it was at. Finds and tells; restores nothing.
import { Bug } from '@strongroom/bytes';
import { TILE_WIDTH, type CloseEntry, type LogKey } from '@strongroom/evidence';
import type { LogDirectory } from '../commit/log-directory.ts';
import type { PublishedLog } from './published-log.ts';
import { bytesPerSecond, dueAt, type Pace, type Plan } from './pace.ts';
import { bundleFault, checkpointFault } from './scrub-log.ts';
import { locate, segmentFault, type Fault, type SegmentTools } from './scrub-segment.ts';
import { DAMAGE_MAX, type UpkeepState } from './state.ts';

/** What an entry takes in the log, for how far a pass is. */
const ENTRY_BYTES = 512;
const CHECKPOINT = 'checkpoint';

export interface ScrubTools extends SegmentTools {
  readonly directory: LogDirectory;
  /** The log as it is published now. */
  readonly log: () => PublishedLog;
  /** The log's keys of now. */
  readonly key: () => LogKey;
  readonly pace: Pace;
  readonly periodMs: number;
  /** Octets of all segments now. */
  readonly segmentBytes: () => number;
  /** Whether what the log closed was destroyed by decision: then there is nothing to read. */
  readonly isDestroyed: (segment: string) => Promise<boolean>;
  readonly save: () => Promise<void>;
  readonly event: (event: string, level: 'info' | 'warn' | 'error', fields: Readonly<Record<string, string | number>>) => void;
}

interface Checked {
  /** What was looked at; the file that is damaged may be one of several. */
  readonly subject: string;
  readonly where: string;
  readonly entry: number;
  readonly fault: Fault | null;
}

export class Scrub {
  readonly #state: UpkeepState['scrub'];
  readonly #tools: ScrubTools;
  #bytesTotal = 1;
  /** Which pass it is: one that was given up counts nothing more. */
  #number = 0;

  constructor(state: UpkeepState['scrub'], tools: ScrubTools) {
    this.#state = state;
    this.#tools = tools;
  }

  get plan(): Plan {
    return { startedAt: this.#state.startedAt, periodMs: this.#tools.periodMs, bytesDone: this.#state.bytes, bytesTotal: this.#bytesTotal };
  }

  /** Begins a pass now, beside what is under way: that one is given up. */
  beginAnew(): void {
    this.#number += 1;
    Object.assign(this.#state, { startedAt: Date.now(), entry: 0, bytes: 0 });
  }

  /** From where it stopped to the end of the log as it is then; resolves when that pass is whole. */
  async pass(): Promise<void> {
    const { directory, key, event, save } = this.#tools;
    await this.#lookAgain();
    for (let log = this.#measure(); this.#state.entry < log.size; log = this.#measure()) await this.#bundle(log);
    const checkpoint = checkpointFault(directory, key());
    this.#note({ subject: CHECKPOINT, where: `store/log/${CHECKPOINT}`, entry: 0, fault: wholeFile(checkpoint) });
    const tookMs = Date.now() - this.#state.startedAt;
    event('vault.scrubbed', 'info', { entries: this.#state.entry, bytes: this.#state.bytes, seconds: Math.round(tookMs / 1000), damaged: this.#state.damage.length });
    this.#state.lastPassAt = Date.now();
    this.beginAnew();
    await save();
  }

  #measure(): PublishedLog {
    const log = this.#tools.log();
    this.#bytesTotal = Math.max(1, this.#tools.segmentBytes() + log.size * ENTRY_BYTES);
    this.#tools.pace.rate = bytesPerSecond(this.plan, Date.now());
    return log;
  }

  /** The rest of the bundle that the pass is in, then waits until the next is due. */
  async #bundle(log: PublishedLog): Promise<void> {
    const number = this.#number;
    const index = Math.floor(this.#state.entry / TILE_WIDTH);
    const end = Math.min(log.size, (index + 1) * TILE_WIDTH);
    const bundle = await this.#checkBundle(index, log.size);
    this.#note(bundle);
    // A bundle that cannot be trusted names no segments; those are looked at once it is whole again.
    if (bundle.fault === null) {
      for (const { index: at, entry } of log.entries(this.#state.entry)) {
        if (at >= end || this.#number !== number) break;
        if (entry.kind === 'close') await this.#close(entry, at);
      }
    }
    if (this.#number !== number) return;
    this.#advance(end, 0);
    await this.#tools.save();
    await this.#tools.pace.until(dueAt(this.plan));
  }

  async #close(entry: CloseEntry, at: number): Promise<void> {
    const number = this.#number;
    await this.#tools.pace.until(dueAt(this.plan));
    const checked = await this.#checkSegment(entry, at);
    this.#note(checked);
    if (this.#number !== number) return;
    this.#advance(at + 1, entry.length);
    await this.#tools.save();
  }

  #advance(entry: number, bytes: number): void {
    this.#state.bytes += bytes + (entry - this.#state.entry) * ENTRY_BYTES;
    this.#state.entry = entry;
  }

  /** What was damaged, first of all: it may have been put right. The checkpoint is looked at in every pass. */
  async #lookAgain(): Promise<void> {
    const log = this.#tools.log();
    for (const { subject, entry: at } of this.#state.damage.filter((one) => one.subject !== CHECKPOINT)) {
      const bundle = await this.#checkBundle(Math.floor(at / TILE_WIDTH), log.size);
      if (subject === bundle.subject) this.#note(bundle);
      if (subject === bundle.subject || bundle.fault !== null) continue;
      const { entry } = firstOf(log.entries(at));
      if (entry.kind === 'close') this.#note(await this.#checkSegment(entry, at));
    }
  }

  async #checkBundle(index: number, size: number): Promise<Checked> {
    const { directory } = this.#tools;
    const first = bundleFault(directory, index, size);
    const second = first === null ? null : bundleFault(directory, index, size);
    if (first !== null && second === null) this.#wasTransient(first.where, 0, first.detail);
    await this.#tools.spent(TILE_WIDTH * ENTRY_BYTES);
    return { subject: `bundle ${index}`, where: second?.where ?? '', entry: index * TILE_WIDTH, fault: wholeFile(second) };
  }

  /** Read twice before it is called damaged: a bit that flipped on the way is not one on the medium. */
  async #checkSegment(entry: CloseEntry, at: number): Promise<Checked> {
    const where = `store/segments/${entry.segment}.seg`;
    const checked = { subject: `segment ${entry.segment}`, where, entry: at };
    const first = await segmentFault(entry, this.#tools);
    if (first !== null && (await this.#tools.isDestroyed(entry.segment))) return { ...checked, fault: null };
    const second = first === null ? null : await segmentFault(entry, this.#tools);
    if (first !== null && second === null) this.#wasTransient(where, first.offset, first.detail);
    return { ...checked, fault: second === null ? null : await locate(entry, second, this.#tools.log(), this.#tools) };
  }

  #wasTransient(where: string, offset: number, detail: string): void {
    this.#state.transient += 1;
    this.#tools.event('vault.scrub-transient', 'warn', { where, offset, detail });
  }

  /** Damage is told when it is found, and when it is gone. */
  #note({ subject, where, entry, fault }: Checked): void {
    const { damage } = this.#state;
    const known = damage.findIndex((one) => one.subject === subject);
    if (fault === null && known !== -1) {
      const [healed] = damage.splice(known, 1);
      this.#tools.event('vault.scrub-good-again', 'warn', { where: healed!.where, since: healed!.since });
    }
    if (fault === null || known !== -1) return;
    this.#tools.event('vault.scrub-failed', 'error', { where, offset: fault.offset, detail: fault.detail });
    if (damage.length < DAMAGE_MAX) damage.push({ subject, where, entry, ...fault, since: new Date().toISOString() });
  }
}

function wholeFile(fault: { readonly detail: string } | null): Fault | null {
  return fault === null ? null : { offset: 0, detail: fault.detail };
}

function firstOf<T>(values: Iterable<T>): T {
  for (const value of values) return value;
  throw new Bug('upkeep.no-entry', 'an entry of the log that was read before is gone');
}
