// SPDX-License-Identifier: Apache-2.0
// The vault's side of timestamps: it hands out a published checkpoint when one is due, judges what the authority answered,
// keeps both, and seals when none could be had for long. It has no network: the witness service asks for it.
import { join } from 'node:path';
import { Refused } from '@strongroom/bytes';
import { TIMESTAMP_FILE, openCheckpoint, timestampTrust, verifyTimestamp, type Timestamp, type TimestampTrust } from '@strongroom/evidence';
import { pemDecode } from '@strongroom/keys';
import { errorFields, type Fields, type KeptTimestamp, type Level, type ServiceContext, type TimestampFacts } from '@strongroom/service';
import { listDirectory, putFile, readWhole } from '../disk.ts';
import type { Sealing } from '../sealing.ts';
import type { World } from '../world.ts';

const WATCH_MS = 1000;
/** So many intervals without a timestamp are worth to be told. */
const INTERVALS_MAX = 2;

type TimestampingContext = Pick<ServiceContext, 'paths' | 'config' | 'event'>;

/** What the witness service shall have stamped, once it is due. */
export interface Offer {
  readonly note: string;
  readonly size: number;
}

interface Kept extends Timestamp {
  readonly size: number;
  /** By our own clock: the authority's may be another. */
  readonly atMs: number;
}

export class Timestamping {
  readonly #world: World;
  readonly #context: TimestampingContext;
  readonly #sealing: Pick<Sealing, 'publisher' | 'vault' | 'record'>;
  readonly #trust: TimestampTrust;
  readonly #startedMs: number;
  #last: Kept | null;
  /** Sizes of which there is an answer, whatever it is worth: none is replaced. */
  readonly #kept: Set<number>;
  #offer: Offer | null = null;
  /** The operator wants one now, whatever the interval says; until there is one, or the vault ends. */
  #wished = false;
  /** When the last timestamp was made, or watching began, while that is longer ago than it may be. */
  #outSince: Date | null = null;

  /** Null where no authority is configured. Throws `Refused`: `pem.*`, `timestamp.*` for roots that are none. */
  static open(world: World, context: TimestampingContext, sealing: Pick<Sealing, 'publisher' | 'vault' | 'record'>): Timestamping | null {
    const roots = readWhole(world.disk, context.paths.timestampRoots);
    if (context.config.witness.timestamps.url === undefined || roots === null) return null;
    return new Timestamping(world, context, sealing, timestampTrust(pemDecode('CERTIFICATE', roots.toString())));
  }

  private constructor(world: World, context: TimestampingContext, sealing: Pick<Sealing, 'publisher' | 'vault' | 'record'>, trust: TimestampTrust) {
    [this.#world, this.#context, this.#sealing, this.#trust] = [world, context, sealing, trust];
    this.#startedMs = this.#nowMs();
    this.#kept = new Set(this.#sizes());
    this.#last = this.#load(Math.max(0, ...[...this.#kept].filter((size) => size <= sealing.publisher.publishedSize)));
  }

  #sizes(): number[] {
    const names = listDirectory(this.#world.disk, this.#context.paths.timestamps).map((name) => TIMESTAMP_FILE.exec(name));
    return names.filter((match) => match?.[2] === 'tsr').map((match) => Number(match![1]));
  }

  /** The newest one of what this log has. One that these roots do not bear out is as good as none here; `verify` judges it. */
  #load(size: number): Kept | null {
    if (size === 0) return null;
    const [note, response] = [readWhole(this.#world.disk, this.#path(size, 'checkpoint')), readWhole(this.#world.disk, this.#path(size, 'tsr'))];
    try {
      if (note === null || response === null) throw new Refused('timestamp.missing', 'a file of the newest timestamp is missing', { fix: 'run "strongroom verify"' });
      const timestamp = verifyTimestamp(response, note, this.#trust);
      return { size, atMs: Math.min(this.#nowMs(), timeMs(timestamp)), ...timestamp };
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.#context.event('vault.timestamp-ignored', 'warn', { size, ...errorFields(error) });
      return null;
    }
  }

  #path(size: number, kind: 'checkpoint' | 'tsr'): string {
    return join(this.#context.paths.timestamps, `${size}.${kind}`);
  }

  #nowMs(): number {
    return Number(this.#world.clock.nowNs() / 1_000_000n);
  }

  get #intervalMs(): number {
    return this.#context.config.witness.timestamps.intervalSeconds * 1000;
  }

  /** The next one is due as soon as more is published than was stamped. Returns how much that was: a timestamp beyond it fulfils the wish. */
  wish(): { readonly after: number } {
    this.#wished = true;
    return { after: this.#last?.size ?? 0 };
  }

  /** The published checkpoint when it is due; else how long to wait. `last`: the newest that is kept. */
  next(): { readonly offer: Offer | null; readonly dueInMs: number; readonly last: KeptTimestamp | null } {
    const last = this.#last === null ? null : keptFacts(this.#last);
    return { ...this.#due(), last };
  }

  #due(): { readonly offer: Offer | null; readonly dueInMs: number } {
    const { publisher, vault } = this.#sealing;
    const dueInMs = this.#last === null || this.#wished ? 0 : Math.max(0, Math.min(this.#intervalMs, this.#last.atMs + this.#intervalMs - this.#nowMs()));
    if (dueInMs > 0 || publisher.checkpoint === '') return { offer: null, dueInMs: Math.max(dueInMs, WATCH_MS) };
    const { size } = openCheckpoint(publisher.checkpoint, vault.keys);
    if (size === 0 || this.#kept.has(size) || size > publisher.publishedSize) return { offer: null, dueInMs: WATCH_MS };
    this.#offer = { note: publisher.checkpoint, size };
    return { offer: this.#offer, dueInMs: 0 };
  }

  /**
   * Keeps the answer over the checkpoint that was handed out last. Order, and what a crash leaves: 1. the checkpoint (alone:
   * it waits for an answer, and the next one is asked for anew); 2. the answer (both: a timestamp). Nothing is replaced.
   * Throws `Refused`: `timestamp.*`, `der.*`; `Failed` of the disk.
   */
  async keep(size: number, response: Buffer): Promise<KeptTimestamp> {
    const offer = this.#offer;
    if (offer?.size !== size) throw new Refused('timestamp.not-asked', `no checkpoint of ${size} entries was handed out`, { why: offer === null ? 'none is at present' : `one of ${offer.size} entries is` });
    const timestamp = verifyTimestamp(response, Buffer.from(offer.note), this.#trust);
    this.#offer = null;
    await putFile(this.#world.disk, this.#path(size, 'checkpoint'), offer.note);
    await putFile(this.#world.disk, this.#path(size, 'tsr'), response);
    this.#last = { size, atMs: this.#nowMs(), ...timestamp };
    this.#kept.add(size);
    this.#wished = false;
    const facts = keptFacts(this.#last);
    this.#say('vault.timestamped', 'info', { ...facts });
    this.#look();
    return facts;
  }

  /** Watches, from when the vault serves until it stops, how long ago the last timestamp was. */
  async watch(stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      this.#look();
      await this.#world.clock.sleep(WATCH_MS, stop);
    }
  }

  #look(): void {
    const since = this.#last?.atMs ?? this.#startedMs;
    const isOut = this.#nowMs() - since > INTERVALS_MAX * this.#intervalMs;
    if (isOut && this.#outSince === null) {
      this.#outSince = new Date(since);
      this.#say('vault.untimestamped', 'warn', { since: this.#outSince.toISOString(), timestampedSize: this.#last?.size ?? 0 });
    } else if (!isOut && this.#outSince !== null) {
      this.#say('vault.timestamped-again', 'info', { since: this.#outSince.toISOString(), forMs: this.#nowMs() - this.#outSince.getTime(), timestampedSize: this.#last?.size ?? 0 });
      this.#outSince = null;
    }
  }

  #say(event: string, level: Level, fields: Fields): void {
    this.#context.event(event, level, fields);
    this.#sealing.record(event, fields, level);
  }

  get facts(): TimestampFacts {
    const last = this.#last;
    return { kept: this.#kept.size, size: last?.size ?? 0, at: last === null ? null : timeOf(last).toISOString(), by: last?.authority ?? null, since: this.#outSince?.toISOString() ?? null };
  }
}

function keptFacts(kept: Kept): KeptTimestamp {
  const { size, accuracyNs, authority, serial, policy } = kept;
  return { size, at: timeOf(kept).toISOString(), accuracyNs: accuracyNs === null ? null : Number(accuracyNs), authority, serial, policy };
}

function timeMs({ time }: Timestamp): number {
  return Number(time / 1_000_000n);
}

function timeOf(timestamp: Timestamp): Date {
  return new Date(timeMs(timestamp));
}
