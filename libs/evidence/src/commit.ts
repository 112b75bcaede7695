// SPDX-License-Identifier: Apache-2.0
// Records of the commit log, docs/FORMAT.md section 5:
//   u32 length of body ‖ u8 type ‖ body ‖ SHA-256(digest before ‖ u32 length ‖ u8 type ‖ body)
import { createHash } from 'node:crypto';
import { ByteReader, ByteWriter, Refused } from '@strongroom/bytes';

export const COMMIT_BODY_MAX: number = 256 * 1024 * 1024;
export const NO_DIGEST: Buffer = Buffer.alloc(32);
/** Of a record, beside its body: length, type, digest. */
export const COMMIT_FRAMING_BYTES: number = 4 + 1 + 32;
/**
 * Snapshots of version 1 knew one open segment, and neither holds nor destructions. Of producers there are three forms: without
 * denials, with them, and with the number up to which they were heard.
 */
const SNAPSHOT_VERSION = 4;
const CYCLE_VERSION = 3;
const OPEN_BYTES = 8 + 8 + 4;
const HOLD_BYTES = 16 + 32;
/** The least that a producer and a stream take, with every text empty. */
const PRODUCER_BYTES_MIN = 16 + 2 + 8 + 32 + 8 + 2 + 4;
const STREAM_BYTES_MIN = 16 + 8 + 1 + 2;
const DENIAL_BYTES_MIN = 8 + 16 + 2;
const TYPE = { snapshot: 1, cycle: 2 } as const;

export interface StreamState {
  readonly stream: Buffer;
  readonly next: number;
  readonly open: boolean;
  readonly source: string;
}

/** The runs of this stream in submission `number` were not sealed. */
export interface DenialState {
  readonly number: number;
  readonly stream: Buffer;
  readonly code: string;
}

/** What the vault remembers of one life of a service, so that repeats are recognised and readers resume. */
export interface ProducerState {
  readonly instance: Buffer;
  readonly service: string;
  readonly last: number;
  readonly digest: Buffer;
  /** When it last committed, ns. */
  readonly seenAt: bigint;
  readonly token: Buffer;
  readonly streams: readonly StreamState[];
  /** Of submissions up to this one the service has heard what was denied. */
  readonly heard: number;
  /** In a cycle those of its submissions; in a snapshot all that may be unheard. */
  readonly denials: readonly DenialState[];
}

export interface Totals {
  readonly records: number;
  readonly batches: number;
  readonly bytes: number;
}

export interface OpenSegment {
  readonly id: number;
  readonly length: number;
  readonly frames: number;
}

export interface HeldSince {
  /** 32 hexadecimal digits. */
  readonly hold: string;
  /** HASH of its text. */
  readonly document: Buffer;
}

export interface Snapshot {
  readonly kind: 'snapshot';
  readonly size: number;
  readonly totals: Totals;
  readonly nextSegment: number;
  readonly open: readonly OpenSegment[];
  /** Legal holds that are in force. */
  readonly holds: readonly HeldSince[];
  /** `destroy` entries whose `destroyed` has not been committed. */
  readonly destroying: readonly Buffer[];
  readonly producers: readonly ProducerState[];
  /** Signed note; empty for an empty log. */
  readonly checkpoint: string;
}

export interface Cycle {
  readonly kind: 'cycle';
  readonly sizeBefore: number;
  readonly entries: readonly Buffer[];
  readonly producers: readonly ProducerState[];
  readonly checkpoint: string;
}

/** One record of the commit log and its digest, which the next record chains to. */
export function encodeCommit(before: Buffer, record: Snapshot | Cycle): { bytes: Buffer; digest: Buffer } {
  const body = record.kind === 'snapshot' ? snapshotBody(record) : cycleBody(record);
  const head = new ByteWriter(8).u32(body.length).u8(TYPE[record.kind]).finish();
  const digest = createHash('sha256').update(before).update(head).update(body).digest();
  return { bytes: Buffer.concat([head, body, digest]), digest };
}

function snapshotBody(snapshot: Snapshot): Buffer {
  const { totals, open, holds, destroying } = snapshot;
  const to = new ByteWriter(4096).u8(SNAPSHOT_VERSION).u64(snapshot.size).u64(totals.records).u64(totals.batches).u64(totals.bytes);
  to.u64(snapshot.nextSegment).u32(open.length);
  for (const { id, length, frames } of open) to.u64(id).u64(length).u32(frames);
  to.u32(holds.length);
  for (const { hold, document } of holds) to.bytes(Buffer.from(hold, 'hex')).bytes(document);
  to.u32(destroying.length);
  for (const entry of destroying) to.u16(entry.length).bytes(entry);
  writeProducers(to, snapshot.producers);
  return to.str16(snapshot.checkpoint).finish();
}

function cycleBody(cycle: Cycle): Buffer {
  const to = new ByteWriter(4096).u8(CYCLE_VERSION).u64(cycle.sizeBefore).u32(cycle.entries.length);
  for (const entry of cycle.entries) to.u16(entry.length).bytes(entry);
  writeProducers(to, cycle.producers);
  return to.str16(cycle.checkpoint).finish();
}

function writeProducers(to: ByteWriter, producers: readonly ProducerState[]): void {
  to.u32(producers.length);
  for (const producer of producers) {
    to.bytes(producer.instance).str16(producer.service).u64(producer.last).bytes(producer.digest).u64(producer.seenAt);
    to.u16(producer.token.length).bytes(producer.token).u32(producer.streams.length);
    for (const { stream, next, open, source } of producer.streams) to.bytes(stream).u64(next).u8(open ? 1 : 0).str16(source);
    to.u64(producer.heard).u32(producer.denials.length);
    for (const { number, stream, code } of producer.denials) to.u64(number).bytes(stream).str16(code);
  }
}

/**
 * Reads records from the start of a file until it ends or a record is torn; `validBytes` is where the whole ones end.
 * A record that is whole in length but fails its digest is torn too: nothing after it was ever acknowledged.
 * Throws `Refused`: `commit.version`, `commit.body` for records that pass their digest and still make no sense.
 */
export function decodeCommits(bytes: Buffer): { records: (Snapshot | Cycle)[]; digest: Buffer; validBytes: number } {
  const records: (Snapshot | Cycle)[] = [];
  let digest = NO_DIGEST;
  let at = 0;
  while (bytes.length - at >= COMMIT_FRAMING_BYTES) {
    const end = at + COMMIT_FRAMING_BYTES + bytes.readUInt32BE(at);
    if (end > bytes.length) break;
    const next = decodeCommit(digest, bytes.subarray(at, end));
    if (next === null) break;
    records.push(next.record);
    digest = next.digest;
    at = end;
  }
  return { records, digest, validBytes: at };
}

/** One whole record after the digest `before`; null when its own digest is another. Throws as {@link decodeCommits}. */
export function decodeCommit(before: Buffer, bytes: Buffer): { record: Snapshot | Cycle; digest: Buffer } | null {
  const end = bytes.length - NO_DIGEST.length;
  const digest = createHash('sha256').update(before).update(bytes.subarray(0, end)).digest();
  if (!digest.equals(bytes.subarray(end))) return null;
  return { record: decodeBody(bytes[4]!, bytes.subarray(5, end)), digest };
}

function decodeBody(type: number, body: Buffer): Snapshot | Cycle {
  const from = new ByteReader(body);
  const version = from.u8();
  if (type !== TYPE.snapshot && type !== TYPE.cycle) throw malformed(`type ${type} is not known`);
  if (version < 1 || version > (type === TYPE.snapshot ? SNAPSHOT_VERSION : CYCLE_VERSION)) throw new Refused('commit.version', 'a commit record has another version');
  const record = type === TYPE.snapshot ? readSnapshot(from, version) : readCycle(from, version);
  from.end();
  return record;
}

function readSnapshot(from: ByteReader, version: number): Snapshot {
  return {
    kind: 'snapshot', size: from.size(), totals: { records: from.size(), batches: from.size(), bytes: from.size() },
    nextSegment: from.size(), ...(version === 1 ? readFirstForm(from) : readSecondForm(from)),
    producers: readProducers(from, version - 1), checkpoint: from.str16(),
  };
}

type Pending = Pick<Snapshot, 'open' | 'holds' | 'destroying'>;

function readFirstForm(from: ByteReader): Pending {
  return { open: readFlag(from) ? [readOpen(from)] : [], holds: [], destroying: [] };
}

function readSecondForm(from: ByteReader): Pending {
  return {
    open: Array.from({ length: readCount(from, OPEN_BYTES) }, () => readOpen(from)),
    holds: Array.from({ length: readCount(from, HOLD_BYTES) }, () => ({ hold: from.take(16).toString('hex'), document: Buffer.from(from.take(32)) })),
    destroying: Array.from({ length: readCount(from, 2) }, () => Buffer.from(from.take(from.u16()))),
  };
}

function readOpen(from: ByteReader): OpenSegment {
  return { id: from.size(), length: from.size(), frames: from.u32() };
}

function readCycle(from: ByteReader, version: number): Cycle {
  const sizeBefore = from.size();
  const entries = Array.from({ length: readCount(from, 2) }, () => from.take(from.u16()));
  return { kind: 'cycle', sizeBefore, entries, producers: readProducers(from, version), checkpoint: from.str16() };
}

function readProducers(from: ByteReader, form: number): ProducerState[] {
  return Array.from({ length: readCount(from, PRODUCER_BYTES_MIN) }, () => ({
    instance: Buffer.from(from.take(16)), service: from.str16(), last: from.size(), digest: Buffer.from(from.take(32)), seenAt: from.u64(),
    token: Buffer.from(from.take(from.u16())),
    streams: Array.from({ length: readCount(from, STREAM_BYTES_MIN) }, () => (
      { stream: Buffer.from(from.take(16)), next: from.size(), open: readFlag(from), source: from.str16() }
    )),
    heard: form > 2 ? from.size() : 0,
    denials: Array.from({ length: form > 1 ? readCount(from, DENIAL_BYTES_MIN) : 0 }, () => (
      { number: from.size(), stream: Buffer.from(from.take(16)), code: from.str16() }
    )),
  }));
}

/** A count that what is left can hold, before anything is made for it. */
function readCount(from: ByteReader, bytesMin: number): number {
  const count = from.u32();
  if (count * bytesMin > from.remaining) throw malformed(`${count} items are announced, ${from.remaining} octets are left`);
  return count;
}

function readFlag(from: ByteReader): boolean {
  const flag = from.u8();
  if (flag > 1) throw malformed(`a flag is ${flag}, expected 0 or 1`);
  return flag === 1;
}

function malformed(why: string): Refused {
  return new Refused('commit.body', 'a commit record is not in the form that the vault writes', { why });
}
