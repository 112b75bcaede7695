// SPDX-License-Identifier: Apache-2.0
// What the vault says of its log, and of what keeps watch over it.

/** What the vault says of its log. `rootHash` base64, `vkey` a C2SP verifier key line, `checkpointAt` ISO 8601 or null. */
export interface LogFacts {
  readonly origin: string;
  readonly size: number;
  readonly rootHash: string;
  readonly vkey: string;
  readonly checkpointAt: string | null;
}

/** Whether the file system keeps segments from being altered. */
export interface WormFacts {
  readonly append: boolean;
  readonly immutable: boolean;
  /** Why not, in words; null when both hold. */
  readonly reason: string | null;
}

/** How the vault keeps watch over what it has sealed. Times RFC 3339. */
export interface UpkeepFacts {
  readonly scrub: {
    /** Of the pass under way. */
    readonly percent: number;
    readonly passStartedAt: string | null;
    readonly lastPassAt: string | null;
    /** Whether it runs as fast as it may, because somebody asked for it. */
    readonly hurried: boolean;
    /** Files that are not what was sealed, and the first of them in words. */
    readonly damaged: number;
    readonly damage: string | null;
    /** Readings that a second one did not confirm. */
    readonly transient: number;
  };
  readonly checksums: {
    readonly directory: string;
    /** Why the checksum database cannot be written at present; null when it can. */
    readonly away: string | null;
    /** Whether it lies on the same file system as the store; null: not known. */
    readonly sharesVolume: boolean | null;
  };
}

/** Legal holds, and what custodians ordered. */
export interface CustodyFacts {
  /** Holds in force. */
  readonly holds: number;
  /** Orders that wait for approvals, or to be carried out. */
  readonly waiting: number;
  /** Destructions that are begun and not finished. */
  readonly destroying: number;
  /** Buckets over their time that are not held, at the last look (`retention.checkMinutes`). */
  readonly due: number;
  /** What an order could not be carried out for, of those that wait; it is tried again. Null: nothing. */
  readonly failure: string | null;
}

/** How far the log is witnessed, where a policy is configured. Times are ISO 8601. */
export interface WitnessFacts {
  /** Of the last checkpoint that a quorum cosigned; 0 before the first. */
  readonly size: number;
  /** When, as the latest of its cosigners says. */
  readonly at: string | null;
  /** Who, as the policy calls them. */
  readonly by: readonly string[];
  /** What is acknowledged and not witnessed yet; `ageMs` of the oldest commit of it, null when there is none. */
  readonly unwitnessed: { readonly ageMs: number | null; readonly records: number; readonly bytes: number };
  /** The quorum has been out of reach since then, for longer than `witness.graceSeconds`; else null. */
  readonly since: string | null;
  /** Whether, since the start, a quorum of witnesses was found that had seen this log, and this store extends what they saw. */
  readonly compared: boolean;
  /** Of so many witnesses: who had seen it, to whom it is new, and who says, without showing it, that there was more. */
  readonly comparison: { readonly of: number; readonly known: readonly string[]; readonly unknown: readonly string[]; readonly ahead: readonly string[] };
}

/** The hardware counter, where one is configured. Times are ISO 8601. */
export interface CountingFacts {
  readonly kind: 'tpm';
  /** Where it stands by the last statement about it, and how many entries were published then; null before the first. */
  readonly value: number | null;
  readonly size: number;
  /** When the store was last held against it; null: not since the start. */
  readonly comparedAt: string | null;
  /** Why it does not answer, or null. */
  readonly away: string | null;
}

/** Timestamps of an authority outside, where one is configured. Times are ISO 8601. */
export interface TimestampFacts {
  readonly kept: number;
  /** Entries that the newest one covers; 0 before the first. */
  readonly size: number;
  /** When, and who says so. */
  readonly at: string | null;
  readonly by: string | null;
  /** None could be had since then, for more than two intervals; else null. */
  readonly since: string | null;
}

/** A timestamp that the vault keeps, over so many entries. */
export interface KeptTimestamp {
  readonly size: number;
  /** RFC 3339, by the authority's clock. */
  readonly at: string;
  readonly accuracyNs: number | null;
  readonly authority: string;
  readonly serial: string;
  readonly policy: string;
}
