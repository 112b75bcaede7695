// SPDX-License-Identifier: Apache-2.0
// Entries of the log, docs/FORMAT.md section 4: ASCII lines in a fixed order.
import { Refused, invariant } from '@strongroom/bytes';
import { decodeLines, encodeLines, type Fields } from './lines.ts';
import { encodeRanges, type SegmentRange } from './segment-ranges.ts';

/** What the log says of a batch. Times in ns; offsets and lengths in octets of the segment's logical bytes. */
export interface BatchEntry {
  readonly kind: 'batch';
  readonly records: number;
  readonly bytes: number;
  readonly from: bigint;
  readonly to: bigint;
  readonly root: Buffer;
  /** 16 hexadecimal digits. */
  readonly segment: string;
  readonly header: Buffer;
  readonly frame: number;
  readonly offset: number;
  readonly length: number;
  readonly digest: Buffer;
  readonly key: string;
}

export interface CloseEntry {
  readonly kind: 'close';
  readonly segment: string;
  readonly frames: number;
  readonly length: number;
  readonly digest: Buffer;
  readonly state: 'whole' | 'torn';
}

export interface HeartbeatEntry {
  readonly kind: 'heartbeat';
  readonly time: bigint;
}

export interface StartEntry {
  readonly kind: 'start';
  readonly time: bigint;
  readonly size: number;
  readonly rewritten: number;
}

/** The log's key changes: the checkpoint that ends with this entry is signed by both. Keys as verifier key lines. */
export interface RotateEntry {
  readonly kind: 'rotate';
  readonly time: bigint;
  readonly from: string;
  readonly to: string;
}

/** A legal hold is in force from here on. */
export interface HoldEntry {
  readonly kind: 'hold';
  readonly time: bigint;
  /** 32 hexadecimal digits. */
  readonly hold: string;
  /** HASH of the hold's text, which the log does not tell. */
  readonly document: Buffer;
}

export interface ReleaseEntry {
  readonly kind: 'release';
  readonly time: bigint;
  readonly hold: string;
  /** Id of the order, and HASH of its file with the approvals. */
  readonly order: string;
  readonly approvals: Buffer;
}

/** From here on the keys may be gone, and with them what the segments held. */
export interface DestroyEntry {
  readonly kind: 'destroy';
  readonly time: bigint;
  readonly class: string;
  readonly bucket: string;
  /** Ids of the wrapping keys. */
  readonly keys: readonly string[];
  readonly segments: readonly SegmentRange[];
  /** Segments under these keys that stay, because a hold's key wraps theirs too. */
  readonly held: readonly SegmentRange[];
  /** Of `segments`: batches, records, sum of raw lengths. */
  readonly batches: number;
  readonly records: number;
  readonly bytes: number;
  readonly order: string;
  readonly approvals: Buffer;
}

/** The keys are gone, the files too. */
export interface DestroyedEntry {
  readonly kind: 'destroyed';
  readonly time: bigint;
  readonly order: string;
  readonly keys: readonly string[];
  readonly files: number;
  /** Copies that this does not reach, by name. */
  readonly copies: readonly string[];
}

/** This log goes on from an older state of another, whose later entries are lost. It stands first. */
export interface RollbackEntry {
  readonly kind: 'rollback';
  readonly time: bigint;
  /** The log that was given up, and its state that was found. */
  readonly origin: string;
  readonly size: number;
  readonly root: Buffer;
  /** Its last state that was seen. */
  readonly seen: number;
  readonly seenRoot: Buffer;
  /** Id of the order, and HASH of its file with the approvals. */
  readonly order: string;
  readonly approvals: Buffer;
}

export type Entry = BatchEntry | CloseEntry | HeartbeatEntry | StartEntry | HoldEntry | ReleaseEntry | DestroyEntry | DestroyedEntry | RotateEntry | RollbackEntry;

const FIELDS = {
  batch: {
    records: 'size', bytes: 'size', from: 'time', to: 'time', root: 'hash', segment: 'segment', header: 'hash',
    frame: 'size', offset: 'size', length: 'size', digest: 'hash', key: 'word',
  },
  close: { segment: 'segment', frames: 'size', length: 'size', digest: 'hash', state: 'word' },
  heartbeat: { time: 'time' },
  start: { time: 'time', size: 'size', rewritten: 'size' },
  hold: { time: 'time', hold: 'id', document: 'hash' },
  release: { time: 'time', hold: 'id', order: 'id', approvals: 'hash' },
  destroy: {
    time: 'time', class: 'word', bucket: 'word', keys: 'words', segments: 'ranges', held: 'ranges', batches: 'size', records: 'size',
    bytes: 'size', order: 'id', approvals: 'hash',
  },
  rollback: { time: 'time', origin: 'word', size: 'size', root: 'hash', seen: 'size', 'seen-root': 'hash', order: 'id', approvals: 'hash' },
  rotate: { time: 'time', from: 'word', to: 'word' },
  destroyed: { time: 'time', order: 'id', keys: 'words', files: 'size', copies: 'words' },
} as const satisfies Record<Entry['kind'], Fields>;

const FIELDS_OF: Record<Entry['kind'], Fields> = FIELDS;
/** An entry of a log has at most 65,535 octets (C2SP tlog-tiles). */
const BYTES_MAX = 65_535;
/** What a `destroy` entry has left for its ranges when all its other lines are at their longest, 64 keys of 128 characters included. */
const DESTROY_RANGES_MAX = 56_000;

export function encodeEntry(entry: Entry): Buffer {
  const bytes = Buffer.from(encodeLines(`strongroom ${entry.kind} v1`, FIELDS_OF[entry.kind], entry as unknown as Record<string, unknown>, 'entry.malformed'));
  invariant(bytes.length <= BYTES_MAX, 'entry.malformed', `an entry of ${bytes.length} octets fits no bundle`);
  return bytes;
}

/** Throws `Refused('order.too-long')` for what is to be destroyed, and what stays, where they fit no `destroy` entry. */
export function checkDestroyRanges(segments: readonly SegmentRange[], held: readonly SegmentRange[]): void {
  const length = encodeRanges(segments).length + encodeRanges(held).length;
  if (length <= DESTROY_RANGES_MAX) return;
  throw new Refused('order.too-long', 'the log has no entry for so many scattered segments', {
    why: `they take ${length} characters, the limit is ${DESTROY_RANGES_MAX}: holds keep single segments in between`, fix: 'wait until a hold has ended, then draw the order up again',
  });
}

/** Throws `Refused('entry.malformed')`. Only the exact form that {@link encodeEntry} writes is an entry. */
export function decodeEntry(bytes: Buffer): Entry {
  const text = bytes.toString('latin1');
  const kind = /^strongroom ([a-z]+) v1\n/.exec(text)?.[1];
  if (kind === undefined || !Object.hasOwn(FIELDS, kind)) throw malformed('unknown kind or version');
  const entry = { kind, ...decodeLines(text, `strongroom ${kind} v1`, FIELDS_OF[kind as Entry['kind']], malformed) } as unknown as Entry;
  if (entry.kind === 'close' && entry.state !== 'whole' && entry.state !== 'torn') throw malformed('unknown state');
  return entry;
}

function malformed(why: string): Refused {
  return new Refused('entry.malformed', 'a log entry is not in the form that the vault writes', { why });
}
