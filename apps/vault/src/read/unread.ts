// SPDX-License-Identifier: Apache-2.0
// What a reading could not look at, by segment: it goes on without, and tells of it at its end.
import { Failed, Refused } from '@strongroom/bytes';
import type { BatchEntry } from '@strongroom/evidence';

/** Segments of which it is told one by one. */
const SEGMENTS_MAX = 16;
/** The same of places in the log. */
const PLACES_MAX = 16;

const DAMAGE: ReadonlySet<string> = new Set(['read.damaged', 'vault.log-damaged']);

export interface UnreadSegment {
  readonly segment: string;
  batches: number;
  records: number;
  /** Of the first of them. */
  readonly code: string;
  readonly why: string;
}

/** Entries of the log that follow one another. */
export interface UnreadLogEntries {
  readonly first: number;
  count: number;
  readonly code: string;
  readonly why: string;
}

export interface UnreadFacts {
  readonly batches: number;
  readonly records: number;
  /** The first 16. */
  readonly segments: readonly UnreadSegment[];
  /** Entries of the log: what they were about is not known. */
  readonly entries: number;
  /** The first 16 places. */
  readonly log: readonly UnreadLogEntries[];
}

export class Unread {
  readonly #segments = new Map<string, UnreadSegment>();
  #batches = 0;
  #records = 0;
  readonly #log: UnreadLogEntries[] = [];
  #entries = 0;

  /** Throws `error` unless it is about this batch alone. */
  note({ segment, records }: Pick<BatchEntry, 'segment' | 'records'>, error: unknown): void {
    if (!isUnreadable(error)) throw error;
    this.#batches += 1;
    this.#records += records;
    const known = this.#segments.get(segment);
    if (known !== undefined) {
      known.batches += 1;
      known.records += records;
    } else if (this.#segments.size < SEGMENTS_MAX) {
      const { code, message } = error as { readonly code?: unknown; readonly message: string };
      this.#segments.set(segment, { segment, batches: 1, records, code: String(code), why: message });
    }
  }

  /** Throws `error` unless it is about these entries of the log alone. */
  noteEntries(first: number, count: number, error: unknown): void {
    if (!isUnreadable(error)) throw error;
    this.#entries += count;
    const { code, message } = error as { readonly code?: unknown; readonly message: string };
    const last = this.#log.at(-1);
    if (last !== undefined && last.first + last.count === first && last.code === String(code)) last.count += count;
    else if (this.#log.length < PLACES_MAX) this.#log.push({ first, count, code: String(code), why: message });
  }

  get facts(): UnreadFacts {
    return { batches: this.#batches, records: this.#records, segments: [...this.#segments.values()], entries: this.#entries, log: this.#log };
  }
}

/**
 * Whether what was sealed is not there any more as it was, its data key is lost or another one, or the disk does not give
 * it. Not while the HSM is away, nor of what was destroyed meanwhile.
 */
export function isUnreadable(error: unknown): boolean {
  if (error instanceof Refused) return error.code === 'read.no-key' ? error.fields['isLost'] === true : error.code !== 'read.destroyed';
  return (error instanceof Failed && DAMAGE.has(error.code)) || (error as { readonly syscall?: unknown }).syscall !== undefined;
}
