// SPDX-License-Identifier: Apache-2.0
// What a reading could not look at, by segment: it goes on without, and tells of it at its end.
import { Failed, Refused } from '@strongroom/bytes';
import type { BatchEntry } from '@strongroom/evidence';

/** Segments of which it is told one by one. */
const SEGMENTS_MAX = 16;

export interface UnreadSegment {
  readonly segment: string;
  batches: number;
  records: number;
  /** Of the first of them. */
  readonly code: string;
  readonly why: string;
}

export interface UnreadFacts {
  readonly batches: number;
  readonly records: number;
  /** The first 16. */
  readonly segments: readonly UnreadSegment[];
}

export class Unread {
  readonly #segments = new Map<string, UnreadSegment>();
  #batches = 0;
  #records = 0;

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

  get facts(): UnreadFacts {
    return { batches: this.#batches, records: this.#records, segments: [...this.#segments.values()] };
  }
}

/**
 * Whether what was sealed is not there any more as it was, its data key is lost or another one, or the disk does not give
 * it. Not while the HSM is away, nor of what was destroyed meanwhile.
 */
export function isUnreadable(error: unknown): boolean {
  if (error instanceof Refused) return error.code === 'read.no-key' ? error.fields['isLost'] === true : error.code !== 'read.destroyed';
  return (error instanceof Failed && error.code === 'read.damaged') || (error as { readonly syscall?: unknown }).syscall !== undefined;
}
