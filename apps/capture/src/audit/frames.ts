// SPDX-License-Identifier: Apache-2.0
// Frames of strongroom-audit by kind; the payload of each, big-endian (docs/FORMAT.md, "Between our processes"):
//   0 hello    u8 version 1 · u8 path (0 multicast, 1 plugin, 2 owner) · u32 pid · u64 octets of its receive buffer · u8 1 if it reads the status
//   1 records  u64 steady clock · u64 wall clock · u8 flags · any number of: u16 type · u32 length · octets, as the kernel sent them
//   2 lines    u64 steady clock · u64 wall clock · u8 flags · octets, as auditd wrote them
//   3 lost     u64 from · u64 to (wall clock) · u64 records that found no room in the receive buffer
//   4 status   u64 wall clock · 11 × u32: enabled, failure, pid, rate limit, backlog limit, lost, backlog, features, backlog wait time, time waited,
//              [executions that the rules report: 0 not known, 1 none, 2 some, 3 all]
//   5 note     u16 errno or 0 · text
// Clocks in ns. Flags: 1 nothing more was there at that time · 2 may have been sent before
import { ByteReader, Refused } from '@strongroom/bytes';

export const AUDIT_FRAME = { hello: 0, records: 1, lines: 2, lost: 3, status: 4, note: 5 } as const;
const VERSION = 1;
const [DRAINED, AGAIN] = [1, 2];
const PATHS = ['multicast', 'plugin', 'owner'] as const;
const NS_PER_MS = 1_000_000n;
const NOTE_BYTES_MAX = 1000;
/** Type and length. */
const RECORD_HEAD_BYTES = 6;

export interface Hello {
  readonly path: (typeof PATHS)[number];
  readonly pid: number;
  readonly receiveBytes: number;
  readonly readsStatus: boolean;
}

/** What frames of records and of lines begin with. */
export interface Moment {
  readonly atMs: number;
  readonly wallNs: bigint;
  /** Everything that the kernel had sent by `atMs` is in this frame or an earlier one. */
  readonly drained: boolean;
  readonly again: boolean;
}

export interface Lost {
  readonly fromNs: bigint;
  readonly toNs: bigint;
  readonly records: number;
}

/** As the kernel answers AUDIT_GET. */
export interface Status {
  readonly atNs: bigint;
  readonly enabled: number;
  readonly failure: number;
  readonly pid: number;
  readonly rateLimit: number;
  readonly backlogLimit: number;
  readonly lost: number;
  readonly backlog: number;
  readonly features: number;
  readonly backlogWaitTime: number;
  readonly waited: number;
  /** Executions that the rules report: an index into {@link EXEC_RULES}. */
  readonly execRules: number;
}

export const EXEC_RULES = ['unknown', 'none', 'some', 'all'] as const;
export type ExecRules = (typeof EXEC_RULES)[number];

/** Throws `Refused`: `audit.frame`, `bytes.*`; so do all below. */
export function parseHello(payload: Buffer): Hello {
  const from = new ByteReader(payload);
  const version = from.u8();
  if (version !== VERSION) throw malformed(`a reader's version is ${version}, known is ${VERSION}`);
  const path = PATHS[from.u8()];
  if (path === undefined) throw malformed('a reader names a path that is not known');
  const hello = { path, pid: from.u32(), receiveBytes: from.size(), readsStatus: from.u8() === 1 };
  from.end();
  return hello;
}

/** Calls `take` for each record of the frame, with the place of its octets there. Written for speed. */
export function parseRecords(payload: Buffer, take: (type: number, from: number, end: number, moment: Moment) => void): Moment {
  const reader = new ByteReader(payload);
  const moment = momentOf(reader);
  for (let at = reader.offset; at < payload.length;) {
    if (payload.length - at < RECORD_HEAD_BYTES) throw malformed('a record ends early');
    const from = at + RECORD_HEAD_BYTES;
    const end = from + payload.readUInt32BE(at + 2);
    if (end > payload.length) throw malformed('a record ends early');
    take(payload.readUInt16BE(at), from, end, moment);
    at = end;
  }
  return moment;
}

export function parseLines(payload: Buffer): { moment: Moment; octets: Buffer } {
  const from = new ByteReader(payload);
  return { moment: momentOf(from), octets: from.take(from.remaining) };
}

export function parseLost(payload: Buffer): Lost {
  const from = new ByteReader(payload);
  const lost = { fromNs: from.u64(), toNs: from.u64(), records: from.size() };
  from.end();
  return lost;
}

export function parseStatus(payload: Buffer): Status {
  const from = new ByteReader(payload);
  const status = {
    atNs: from.u64(), enabled: from.u32(), failure: from.u32(), pid: from.u32(), rateLimit: from.u32(), backlogLimit: from.u32(), lost: from.u32(),
    backlog: from.u32(), features: from.u32(), backlogWaitTime: from.u32(), waited: from.u32(),
    execRules: from.remaining === 0 ? 0 : from.u32(), // a reader that was built before does not say
  };
  from.end();
  return status;
}

export function parseNote(payload: Buffer): { errno: number; text: string } {
  const from = new ByteReader(payload);
  const errno = from.u16();
  if (from.remaining > NOTE_BYTES_MAX) throw malformed('a note is too long');
  return { errno, text: from.take(from.remaining).toString() };
}

function momentOf(from: ByteReader): Moment {
  const [steadyNs, wallNs, flags] = [from.u64(), from.u64(), from.u8()];
  if (flags > (DRAINED | AGAIN)) throw malformed(`flags are ${flags}`);
  return { atMs: Number(steadyNs / NS_PER_MS), wallNs, drained: (flags & DRAINED) !== 0, again: (flags & AGAIN) !== 0 };
}

export function malformed(why: string): Refused {
  return new Refused('audit.frame', 'strongroom-audit sent what it never should', { why, fix: 'set up Strongroom again, so that both are of one version' });
}
