// SPDX-License-Identifier: Apache-2.0
// What keeps the store as it is, beside the log: flags, checksums kept outside, and reading everything again. It runs in a
// thread of the vault without keys and with the lowest priority, so that neither a slow disk nor a volume that hangs holds
// up sealing. All of it is help, not proof.
import { Worker } from 'node:worker_threads';
import type { CloseEntry } from '@strongroom/evidence';
import type { Fields, Level, ProtectFlag, UpkeepFacts, WormFacts } from '@strongroom/service';
import { partsOf } from '../commit/segment-parts.ts';
import { SYSTEM_DISK } from '../disk.ts';

const POLL_MS = 1000;
/** A log that closes nothing is followed this often. */
const FOLLOW_MS = 60_000;
const SETTLE_MS_MAX = 3000;
const RESTART_MS = 60_000;

export interface UpkeepPaths {
  readonly store: string;
  readonly log: string;
  readonly segments: string;
  /** Where it is remembered how far upkeep got. */
  readonly state: string;
  /** Where the checksum database lies. */
  readonly checksums: string;
}

export interface ThreadData extends UpkeepPaths {
  /** One of the log's keys; rotations in the store lead to the others. */
  readonly vkey: string;
  readonly periodMs: number;
}

export type ToUpkeep =
  | { readonly kind: 'published' }
  /** Flags can be set here. */
  | { readonly kind: 'held' }
  | { readonly kind: 'opened' | 'flagged'; readonly segment: string }
  | { readonly kind: 'settle' }
  | { readonly kind: 'scrub' };

export type FromUpkeep =
  | { readonly kind: 'protect'; readonly paths: readonly string[] }
  | { readonly kind: 'event'; readonly event: string; readonly level: Level; readonly fields: Fields }
  | { readonly kind: 'facts'; readonly facts: UpkeepFacts }
  | { readonly kind: 'settled' };

export interface UpkeepOptions {
  readonly data: ThreadData;
  readonly protect: (path: string, flag: ProtectFlag) => Promise<boolean>;
  /** An event that is also a record. */
  readonly seal: (event: string, level: Level, fields: Fields) => void;
  readonly event: (event: string, level: Level, fields: Fields) => void;
  /** Why the store needs a person; null when it does not. */
  readonly degraded: (reason: string | null) => void;
  readonly publishedSize: () => number;
}

const NO_FACTS: UpkeepFacts = {
  scrub: { percent: 0, passStartedAt: null, lastPassAt: null, hurried: false, damaged: 0, damage: null, transient: 0 },
  checksums: { directory: '', away: null, sharesVolume: null },
};

export class Upkeep {
  readonly #options: UpkeepOptions;
  #thread: Worker | undefined;
  #worm: WormFacts = { append: false, immutable: false, reason: 'no segment was opened yet' };
  #facts = NO_FACTS;
  #seenSize = -1;
  #closedSince = true;
  #flagging: Promise<unknown> = Promise.resolve();
  #settled = Promise.withResolvers<void>();
  #timer: NodeJS.Timeout | undefined;
  #ended = false;
  /** Segments that are written to, or not flagged yet. */
  readonly #open = new Set<string>();

  constructor(options: UpkeepOptions) {
    this.#options = options;
  }

  /** The store is recovered and published. */
  start(): void {
    this.#startThread();
    this.#pollIn(this.#closedSince ? POLL_MS : FOLLOW_MS);
  }

  get worm(): WormFacts {
    return this.#worm;
  }

  get facts(): UpkeepFacts {
    return this.#facts;
  }

  /** A segment's file is there. */
  opened(segment: string, path: string): void {
    this.#open.add(segment);
    this.#post({ kind: 'opened', segment });
    this.#follow(this.#append(path));
  }

  /** A closing entry is committed: the flag on every part, and once it is published the line in the checksum database. */
  closed({ segment }: CloseEntry): void {
    this.#closedSince = true;
    if (this.#timer !== undefined) this.#pollIn(POLL_MS);
    // Until its flag is set nobody shall miss it.
    this.#open.add(segment);
    this.#post({ kind: 'opened', segment });
    this.#follow(this.#immutable(segment));
  }

  /** A pass at once, as fast as the thread may. */
  scrub(): void {
    this.#post({ kind: 'scrub' });
  }

  /** Flags are set, and what is published has its checksums, unless that takes long: the next start goes on. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#flagging;
    this.#post({ kind: 'published' });
    this.#post({ kind: 'settle' });
    const late = setTimeout(() => this.#settled.resolve(), SETTLE_MS_MAX);
    if (this.#thread !== undefined) await this.#settled.promise;
    clearTimeout(late);
    this.#ended = true;
    void this.#thread?.terminate();
  }

  #follow(work: Promise<void>): void {
    const told = work.catch((error: Error) => this.#options.event('vault.protection-failed', 'warn', { why: error.message }));
    this.#flagging = Promise.all([this.#flagging, told]).then(() => undefined);
  }

  async #append(path: string): Promise<void> {
    const append = await this.#options.protect(path, 'append');
    this.#worm = { append, immutable: append, reason: append ? null : 'the flags cannot be set here: not root, or a file system without them' };
    if (append) this.#post({ kind: 'held' });
  }

  async #immutable(segment: string): Promise<void> {
    let failed = 0;
    for (const { path } of partsOf(SYSTEM_DISK, this.#options.data.segments, segment)) if (!(await this.#options.protect(path, 'immutable'))) failed += 1;
    // Where no flag can be set at all, that was said once.
    if (failed > 0 && this.#worm.append) this.#options.event('vault.protection-failed', 'warn', { files: failed });
    this.#open.delete(segment);
    this.#post({ kind: 'flagged', segment });
  }

  /** Flags that a sweep found missing. */
  async #restore(paths: readonly string[]): Promise<void> {
    let failed = 0;
    for (const path of paths) if (!(await this.#options.protect(path, 'immutable'))) failed += 1;
    if (failed > 0) this.#options.event('vault.protection-failed', 'warn', { files: failed });
  }

  #pollIn(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#poll(), ms).unref();
  }

  /** A segment that was closed is followed as soon as that is published, all else within a while. */
  #poll(): void {
    const size = this.#options.publishedSize();
    if (size !== this.#seenSize) {
      [this.#seenSize, this.#closedSince] = [size, false];
      this.#post({ kind: 'published' });
    }
    this.#pollIn(this.#closedSince ? POLL_MS : FOLLOW_MS);
  }

  #post(message: ToUpkeep): void {
    this.#thread?.postMessage(message);
  }

  #startThread(): void {
    const thread = new Worker(new URL('./upkeep-thread.ts', import.meta.url), { workerData: this.#options.data });
    thread.unref();
    thread.on('message', (message: FromUpkeep) => this.#take(message));
    thread.on('error', (error) => this.#lost(String(error)));
    this.#thread = thread;
    for (const segment of this.#open) this.#post({ kind: 'opened', segment });
    if (this.#worm.append) this.#post({ kind: 'held' });
  }

  #take(message: FromUpkeep): void {
    if (message.kind === 'settled') return this.#settled.resolve();
    if (message.kind === 'event') return this.#options.seal(message.event, message.level, message.fields);
    if (message.kind === 'protect') return this.#follow(this.#restore(message.paths));
    const { damaged, damage } = message.facts.scrub;
    this.#facts = message.facts;
    this.#options.degraded(damaged === 0 ? null : `what was sealed is damaged on the disk: ${damage}${damaged > 1 ? `, and ${damaged - 1} more` : ''}`);
  }

  /** The store does not need it; what it would have noticed does. */
  #lost(why: string): void {
    this.#thread = undefined;
    this.#settled.resolve();
    if (this.#ended) return;
    this.#options.event('vault.upkeep-ended', 'error', { why, againInMs: RESTART_MS });
    setTimeout(() => { if (!this.#ended) this.#startThread(); }, RESTART_MS).unref();
  }
}
