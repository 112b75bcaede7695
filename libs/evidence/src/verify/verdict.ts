// SPDX-License-Identifier: Apache-2.0
// What verification finds: failures, which make a store invalid, and facts, which a reader should know.
export type FailureCode =
  | 'store.format' | 'store.read' | 'store.rollback' | 'store.fork' | 'store.remembered'
  | 'log.checkpoint-missing' | 'log.checkpoint-signature' | 'log.checkpoint-origin' | 'log.root' | 'log.tile' | 'log.bundle' | 'log.entry' | 'log.rotation' | 'log.rollback'
  | 'segment.missing' | 'segment.truncated' | 'segment.header' | 'segment.place' | 'segment.frame' | 'segment.frame-digest'
  | 'segment.final-frame' | 'segment.closed' | 'segment.closed-length' | 'segment.closed-frames' | 'segment.closed-digest'
  | 'segment.trailing' | 'segment.checksum' | 'segment.key' | 'segment.destroyed'
  | 'destroy.order' | 'destroy.segments' | 'release.order'
  | 'batch.sealed' | 'batch.contents'
  | 'timestamp.missing' | 'timestamp.checkpoint' | 'timestamp.token'
  | 'witness.missing' | 'witness.checkpoint' | 'witness.cosignature' | 'witness.quorum'
  | 'commit.missing' | 'commit.name' | 'commit.format' | 'commit.digest' | 'commit.entries' | 'commit.checkpoint';

export type FactCode =
  | 'log.rollback' | 'store.unknown-file' | 'store.as-of' | 'store.mirror' | 'segment.unlisted' | 'segment.torn' | 'segment.unprotected' | 'segment.remains' | 'destroy.under-way'
  | 'stream.gap' | 'stream.jump' | 'stream.repeat' | 'stream.untracked' | 'timestamp.unfinished';

export interface Finding<Code extends string> {
  readonly code: Code;
  /** A path in the store with an offset or an entry's number, for people and for `jq`. */
  readonly where: string;
  readonly detail: string;
}

export type Failure = Finding<FailureCode>;
export type Fact = Finding<FactCode>;

/** What a timestamp pins: the first `size` entries existed before `time`, give or take the accuracy. */
export interface TimestampedSpan {
  readonly size: number;
  /** RFC 3339. */
  readonly time: string;
  /** Null when the authority does not say. */
  readonly accuracyNs: number | null;
  readonly authority: string;
}

/** What came of the timestamps of a store. */
export interface TimestampsFound {
  /** How many there are, of checkpoints that this one covers. */
  readonly kept: number;
  /** `checked`, or `not checked: ` and why. */
  readonly checked: string;
  /** Of the checked ones those that hold. */
  readonly valid: number;
  /** The valid ones of the fewest and of the most entries. */
  readonly first: TimestampedSpan | null;
  readonly last: TimestampedSpan | null;
}

export const NO_TIMESTAMPS: TimestampsFound = { kept: 0, checked: 'not checked: none are kept', valid: 0, first: null, last: null };

/** A checkpoint of the store that carries cosignatures. */
export interface Witnessed {
  readonly size: number;
  /** The latest cosignature, ISO 8601, and who cosigned; null and none without a policy, which alone knows their keys. */
  readonly at: string | null;
  readonly by: readonly string[];
}

/** The answer to "is this store what its checkpoint says?". Counts are of what the checkpoint covers. */
export interface Verdict {
  readonly ok: boolean;
  /** Valid or not: a fact among {@link facts} says that somebody should look at what keeps the store safe. */
  readonly degraded: boolean;
  readonly records: number;
  readonly batches: number;
  readonly segments: number;
  /** Of these, destroyed by order of two custodians. */
  readonly destroyedSegments: number;
  readonly destroyedRecords: number;
  readonly logSize: number;
  /** Octets in segments that this checkpoint does not cover: newer ones of a live store, or left by a crash. */
  readonly uncommittedBytes: number;
  /** `checked`, or `not checked: ` and why. */
  readonly contents: string;
  /** Whether the file system holds segments to what they are: `held`, `not held`, `not looked at`, and more words. */
  readonly protection: string;
  readonly timestamps: TimestampsFound;
  /** How far a checkpoint with cosignatures reaches; null where there is none, or none that holds. */
  readonly witnessed: Witnessed | null;
  /** At most {@link FINDINGS_MAX}; the others are counted in `failuresOmitted`. */
  readonly failures: readonly Failure[];
  readonly failuresOmitted: number;
  /** Not failures: what the evidence itself says of gaps, and what lies in the store beside it. */
  readonly facts: readonly Fact[];
  readonly factsOmitted: number;
}

export const FINDINGS_MAX = 1000;

/** Takes any number of findings and keeps the first {@link FINDINGS_MAX} of each kind. */
export class Findings {
  readonly failures: Failure[] = [];
  readonly facts: Fact[] = [];
  failuresOmitted = 0;
  factsOmitted = 0;
  degraded = false;
  readonly #said = new Set<string>();

  /** The same finding twice is one: files are looked at by more than one check. */
  fail(code: FailureCode, where: string, detail: string): void {
    const same = `${code} ${where} ${detail}`;
    if (this.#said.has(same)) return;
    if (this.failures.length >= FINDINGS_MAX) {
      this.failuresOmitted += 1;
      return;
    }
    this.#said.add(same);
    this.failures.push({ code, where, detail });
  }

  note(code: FactCode, where: string, detail: string): void {
    if (this.facts.length < FINDINGS_MAX) this.facts.push({ code, where, detail });
    else this.factsOmitted += 1;
  }

  /** A fact that makes the store degraded, not invalid. */
  degrade(code: FactCode, where: string, detail: string): void {
    this.degraded = true;
    this.note(code, where, detail);
  }
}

/** What an error says, in one line. */
export function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { why } = error as { why?: unknown };
  return typeof why === 'string' ? `${error.message} (${why})` : error.message;
}
