// SPDX-License-Identifier: Apache-2.0
// Frames of strongroom-files by kind; the payload of each, big-endian (docs/FORMAT.md, "Between our processes"):
//   0 hello       u8 version 1 · u32 pid · u64 baseline · u64 next number · u64 number of the scan with the digest · 32 B digest ·
//                 u64 watched directories · u64 entries · watched trees, each ended by 0
//   1 difference  u64 number · u8 type · u8 how · u64 noticed · u8 count · count × (u64 started · u32 pid) · u16 length · path · u16 length · other path ·
//                 u8 flags (1 before, 2 after) · [facts before] · [facts after]
//   2 scan        u64 number · u8 reason · u8 deep · 11 × u64: from, to, entries, files, directories, others, bytes, taken, healed, unreadable, left out · 32 B digest
//   3 executable  u32 pid · u64 started · facts · path
//   4 lost        u64 number · u8 what · u64 count · u64 from · u64 to
//   5 note        text
//   6 counts      7 × u64: next number, events, waiting, watched directories, entries, bytes hashed, executables
//   7 mount       u64 number · u8 what · u16 errno · u64 device · path
//   facts         u8 kind · u8 content (0 none, 1 hashed, 2 unreadable) · u8 1 if there are extended attributes · u16 errno · u32 mode · u32 uid · u32 gid ·
//                 u64 device (major · 2^20 + minor) · u64 inode · u64 size · i64 modified · i64 changed · 32 B SHA-256 · 32 B of the attributes
import { ByteReader, Refused } from '@strongroom/bytes';

export const FILES_FRAME = { hello: 0, difference: 1, scan: 2, executable: 3, lost: 4, note: 5, counts: 6, mount: 7 } as const;
const VERSION = 1;
const HASH_BYTES = 32;
const NOTE_BYTES_MAX = 1000;
const TYPES = ['created', 'changed', 'removed', 'renamed'] as const;
const HOWS = ['event', 'directory', 'scan'] as const;
const KINDS = ['other', 'file', 'directory', 'link', 'fifo', 'socket', 'character-device', 'block-device'] as const;
const REASONS = ['start', 'schedule', 'overflow'] as const;
const LOST = ['events', 'executables-overflow', 'executables'] as const;
const MOUNTS = ['watched', 'gone', 'hashed', 'not-hashed'] as const;

export interface FilesHello {
  readonly pid: number;
  /** Random, of one baseline as long as it is continued. */
  readonly baseline: bigint;
  /** The number that the next difference will have. */
  readonly next: number;
  /** Of the scan after which the baseline was written; 0: none yet. */
  readonly digestNumber: number;
  readonly digest: Buffer;
  readonly directories: number;
  readonly entries: number;
  readonly watch: readonly string[];
}

export interface FileFacts {
  readonly kind: (typeof KINDS)[number];
  /** Null: it has no content, or that could not be read. */
  readonly sha256: Buffer | null;
  /** Why it could not be read, an errno; 0: it could. */
  readonly error: number;
  /** Digest of the extended attributes; null: there are none. */
  readonly attributes: Buffer | null;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly device: bigint;
  readonly inode: bigint;
  readonly size: number;
  readonly modifiedNs: bigint;
  readonly changedNs: bigint;
}

export interface Doer {
  readonly pid: number;
  /** In ns since boot, to a clock tick; null: it was gone already. */
  readonly startedNs: bigint | null;
}

export interface Difference {
  readonly number: number;
  readonly type: (typeof TYPES)[number];
  readonly how: (typeof HOWS)[number];
  readonly noticedNs: bigint;
  readonly doers: readonly Doer[];
  readonly path: Buffer;
  /** Of a renamed one, its new path; of a changed one, the path that what is there now had before. */
  readonly other: Buffer | null;
  readonly before: FileFacts | null;
  readonly after: FileFacts | null;
}

export interface Scan {
  readonly number: number;
  readonly reason: (typeof REASONS)[number];
  /** Whether all content was read. */
  readonly deep: boolean;
  readonly fromNs: bigint;
  readonly toNs: bigint;
  readonly counts: Readonly<Record<(typeof SCAN_COUNTS)[number], number>>;
  readonly digest: Buffer;
}
const SCAN_COUNTS = ['entries', 'files', 'directories', 'others', 'bytes', 'taken', 'healed', 'unreadable', 'leftOut'] as const;

export interface Executable {
  readonly doer: Doer;
  readonly facts: FileFacts;
  readonly path: Buffer;
}

export interface FilesLost {
  readonly number: number;
  readonly what: (typeof LOST)[number];
  readonly count: number;
  readonly fromNs: bigint;
  readonly toNs: bigint;
}

export interface Mount {
  readonly number: number;
  readonly what: (typeof MOUNTS)[number];
  /** An errno, of one that is not hashed; else 0. */
  readonly error: number;
  readonly device: bigint;
  readonly path: Buffer;
}

const COUNTS = ['next', 'events', 'pending', 'directories', 'entries', 'hashedBytes', 'executables'] as const;
export type FilesCounts = Readonly<Record<(typeof COUNTS)[number], number>>;

/** Throws `Refused`: `files.frame`, `bytes.*`; so do all below. */
export function parseHello(payload: Buffer): FilesHello {
  const from = new ByteReader(payload);
  const version = from.u8();
  if (version !== VERSION) throw malformed(`its version is ${version}, known is ${VERSION}`);
  const hello = {
    pid: from.u32(), baseline: from.u64(), next: from.size(), digestNumber: from.size(), digest: from.take(HASH_BYTES), directories: from.size(), entries: from.size(),
  };
  return { ...hello, watch: from.take(from.remaining).toString().split('\0').slice(0, -1) };
}

export function parseDifference(payload: Buffer): Difference {
  const from = new ByteReader(payload);
  const [number, type, how, noticedNs, count] = [from.size(), named(TYPES, from.u8()), named(HOWS, from.u8()), from.u64(), from.u8()];
  const doers = Array.from({ length: count }, () => doerOf(from.u64(), from.u32()));
  const path = from.take(from.u16());
  const other = from.take(from.u16());
  const flags = from.u8();
  const before = (flags & 1) === 0 ? null : readFacts(from);
  const after = (flags & 2) === 0 ? null : readFacts(from);
  from.end();
  return { number, type, how, noticedNs, doers, path, other: other.length === 0 ? null : other, before, after };
}

export function parseScan(payload: Buffer): Scan {
  const from = new ByteReader(payload);
  const [number, reason, deep, fromNs, toNs] = [from.size(), named(REASONS, from.u8()), from.u8() === 1, from.u64(), from.u64()];
  const counts = Object.fromEntries(SCAN_COUNTS.map((name) => [name, from.size()])) as Scan['counts'];
  const digest = from.take(HASH_BYTES);
  from.end();
  return { number, reason, deep, fromNs, toNs, counts, digest };
}

export function parseExecutable(payload: Buffer): Executable {
  const from = new ByteReader(payload);
  const pid = from.u32();
  return { doer: doerOf(from.u64(), pid), facts: readFacts(from), path: from.take(from.remaining) };
}

export function parseLost(payload: Buffer): FilesLost {
  const from = new ByteReader(payload);
  const lost = { number: from.size(), what: named(LOST, from.u8()), count: from.size(), fromNs: from.u64(), toNs: from.u64() };
  from.end();
  return lost;
}

export function parseMount(payload: Buffer): Mount {
  const from = new ByteReader(payload);
  return { number: from.size(), what: named(MOUNTS, from.u8()), error: from.u16(), device: from.u64(), path: from.take(from.remaining) };
}

export function parseNote(payload: Buffer): string {
  if (payload.length > NOTE_BYTES_MAX) throw malformed('a note is too long');
  return payload.toString();
}

export function parseCounts(payload: Buffer): FilesCounts {
  const from = new ByteReader(payload);
  const counts = Object.fromEntries(COUNTS.map((name) => [name, from.size()])) as FilesCounts;
  from.end();
  return counts;
}

function readFacts(from: ByteReader): FileFacts {
  const [kind, content, hasAttributes, error] = [named(KINDS, from.u8()), from.u8(), from.u8() === 1, from.u16()];
  const facts = {
    kind, error, mode: from.u32(), uid: from.u32(), gid: from.u32(), device: from.u64(), inode: from.u64(), size: from.size(),
    modifiedNs: BigInt.asIntN(64, from.u64()), changedNs: BigInt.asIntN(64, from.u64()),
  };
  const [sha256, attributes] = [from.take(HASH_BYTES), from.take(HASH_BYTES)];
  return { ...facts, sha256: content === 1 ? sha256 : null, attributes: hasAttributes ? attributes : null };
}

function doerOf(startedNs: bigint, pid: number): Doer {
  return { pid, startedNs: startedNs === 0n ? null : startedNs };
}

function named<T>(names: readonly T[], number: number): T {
  const name = names[number];
  if (name === undefined) throw malformed(`${number} is none of ${names.length} known kinds`);
  return name;
}

export function malformed(why: string): Refused {
  return new Refused('files.frame', 'strongroom-files sent what it never should', { why, fix: 'set up Strongroom again, so that both are of one version' });
}
