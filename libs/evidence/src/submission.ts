// SPDX-License-Identifier: Apache-2.0
// Messages between a service and the vault, docs/FORMAT.md section 6:
//   message = u32 length of (type, body) ‖ u8 type ‖ body
import { ByteReader, ByteWriter, invariant, Refused } from '@strongroom/bytes';
import { FLAGS_ALL, KIND, type RunKind, type RunFacts } from './receipt.ts';

export const MESSAGE = { hello: 1, welcome: 2, submit: 3, ack: 4, denied: 5, receipt: 6 } as const;
/** Octets of one message, type included. A submission stays far below: services cut at 512 KiB. */
export const MESSAGE_BYTES_MAX = 8 * 1024 * 1024;
export const TOKEN_BYTES_MAX = 256;
/** The gateway takes no further stream's turn beyond 4,096 of them. */
export const RUNS_MAX = 4608;
export const RECORDS_PER_RUN_MAX = 1_048_576;
const VERSION = 1;
/** Of the octet in a submission that says what its service wants to hear. */
const WANTS = { ack: 1, receipt: 2 } as const;
const EMPTY = Buffer.alloc(0);

/** A run as a service submits it: facts of its receipt, then `lengths.length` records laid end to end in `data`. */
export interface SubmittedRun extends RunFacts {
  readonly firstSequence: number;
  readonly lengths: Uint32Array;
  /** The records' bytes; several parts are written one after the other. */
  readonly data: Buffer | readonly Buffer[];
}

/** A run as it arrives: lengths stay big-endian bytes (u32 each), because a batch stores them in the same form. */
export interface ReceivedRun extends RunFacts {
  readonly firstSequence: number;
  readonly count: number;
  readonly lengths: Buffer;
  readonly data: Buffer;
}

export type Message =
  | { readonly type: 'hello'; readonly instance: Buffer }
  | { readonly type: 'welcome'; readonly last: number; readonly token: Buffer; readonly creditBytes: number }
  | { readonly type: 'submit'; readonly number: number; readonly awaited: boolean; readonly receipts: boolean; readonly token: Buffer; readonly runs: ReceivedRun[] }
  | { readonly type: 'ack'; readonly number: number }
  | { readonly type: 'denied'; readonly number: number; readonly stream: Buffer; readonly code: string }
  | { readonly type: 'receipt'; readonly number: number; readonly size: number; readonly checkpoint: string; readonly places: readonly RunPlace[] };

/** Where a run lies: its first record is `<entry>-<record>`, and the next ones follow it. */
export interface RunPlace {
  readonly stream: Buffer;
  readonly firstSequence: number;
  readonly count: number;
  readonly entry: number;
  readonly record: number;
}

export function encodeHello(instance: Buffer): Buffer {
  return seal(MESSAGE.hello, new ByteWriter(32).u8(VERSION).bytes(instance));
}

export function encodeWelcome(last: number, token: Buffer, creditBytes: number): Buffer {
  return seal(MESSAGE.welcome, new ByteWriter(64).u64(last).u16(token.length).bytes(token).u32(creditBytes));
}

export function encodeAck(number: number): Buffer {
  return seal(MESSAGE.ack, new ByteWriter(8).u64(number));
}

export function encodeDenied(number: number, stream: Buffer, code: string): Buffer {
  return seal(MESSAGE.denied, new ByteWriter(64).u64(number).bytes(stream).str16(code));
}

/** Where the runs of a submission lie, in a log that has `size` entries with them, and the signed checkpoint of their commit. */
export function encodeReceipt(number: number, size: number, checkpoint: string, places: readonly RunPlace[]): Buffer {
  const to = new ByteWriter(32 + 2 * checkpoint.length + places.length * 48).u64(number).u64(size).str16(checkpoint).u32(places.length);
  for (const { stream, firstSequence, count, entry, record } of places) to.bytes(stream).u64(firstSequence).u32(count).u64(entry).u32(record);
  return seal(MESSAGE.receipt, to);
}

/**
 * One submission, ready for the socket. Work is per run; records are copied as whole blocks. `awaited`: a producer waits
 * for the acknowledgement; otherwise the vault may let it wait for others, so that a quiet log is written to seldom. `receipts`:
 * the service wants to hear where the runs lie.
 */
export function encodeSubmit(number: number, token: Buffer, runs: readonly SubmittedRun[], awaited = true, receipts = false): Buffer {
  const to = new ByteWriter(runs.reduce((sum, run) => sum + dataLength(run) + 4 * run.lengths.length + 512, 64));
  to.u32(0).u8(MESSAGE.submit).u64(number).u8((awaited ? WANTS.ack : 0) | (receipts ? WANTS.receipt : 0)).u16(token.length).bytes(token).u32(runs.length);
  for (const run of runs) writeRun(to, run);
  const message = to.finish();
  // Who takes it would refuse it, and go on refusing it.
  invariant(runs.length <= RUNS_MAX && token.length <= TOKEN_BYTES_MAX && message.length - 4 <= MESSAGE_BYTES_MAX, 'submission.too-large', `a submission of ${runs.length} runs and ${message.length} octets is too large`);
  message.writeUInt32BE(message.length - 4, 0);
  return message;
}

function writeRun(to: ByteWriter, run: SubmittedRun): void {
  to.u8(run.kind).u8(run.flags).u64(run.receivedAt).u64(run.bound).str16(run.source).bytes(run.sourceKey);
  to.str16(run.protocol).str16(run.peer).bytes(run.stream);
  if (run.cut !== undefined) to.u64(run.cut.fullLength).bytes(run.cut.fullHash);
  to.u64(run.firstSequence).u32(run.lengths.length).u32(dataLength(run));
  to.bytes(bigEndian(run.lengths));
  if (Buffer.isBuffer(run.data)) to.bytes(run.data);
  else for (const part of run.data) to.bytes(part);
}

function dataLength(run: SubmittedRun): number {
  if (Buffer.isBuffer(run.data)) return run.data.length;
  return run.data.reduce((sum, part) => sum + part.length, 0);
}

function bigEndian(lengths: Uint32Array): Buffer {
  const bytes = Buffer.allocUnsafe(lengths.length * 4);
  for (let i = 0; i < lengths.length; i += 1) {
    const length = lengths[i]!;
    const at = i * 4;
    bytes[at] = length >>> 24;
    bytes[at + 1] = length >>> 16;
    bytes[at + 2] = length >>> 8;
    bytes[at + 3] = length;
  }
  return bytes;
}

function seal(type: number, body: ByteWriter): Buffer {
  const bytes = body.finish();
  return new ByteWriter(bytes.length + 5).u32(bytes.length + 1).u8(type).bytes(bytes).finish();
}

/**
 * One message's meaning. Views into `body`, not copies.
 * Throws `Refused`: `submission.type`, `submission.version`, `submission.flag`, `submission.limits`, `submission.run`, `bytes.*`.
 */
export function decodeMessage(type: number, body: Buffer): Message {
  const from = new ByteReader(body);
  const message = decodeBody(type, from);
  from.end();
  return message;
}

function decodeBody(type: number, from: ByteReader): Message {
  switch (type) {
    case MESSAGE.hello:
      if (from.u8() !== VERSION) throw new Refused('submission.version', 'the service speaks another version of the submission protocol');
      return { type: 'hello', instance: from.take(16) };
    case MESSAGE.welcome:
      return { type: 'welcome', last: from.size(), token: from.take(from.u16()), creditBytes: from.u32() };
    case MESSAGE.submit:
      return { type: 'submit', number: from.size(), ...readWants(from), token: readToken(from), runs: readRuns(from) };
    case MESSAGE.ack:
      return { type: 'ack', number: from.size() };
    case MESSAGE.denied:
      return { type: 'denied', number: from.size(), stream: from.take(16), code: from.str16() };
    case MESSAGE.receipt:
      return { type: 'receipt', number: from.size(), size: from.size(), checkpoint: from.str16(), places: readPlaces(from) };
    default:
      throw new Refused('submission.type', `message type ${type} is not known`);
  }
}

function readWants(from: ByteReader): { awaited: boolean; receipts: boolean } {
  const wants = from.u8();
  if (wants > (WANTS.ack | WANTS.receipt)) throw new Refused('submission.flag', `a submission wants ${wants}, which is not known`);
  return { awaited: (wants & WANTS.ack) !== 0, receipts: (wants & WANTS.receipt) !== 0 };
}

function readPlaces(from: ByteReader): RunPlace[] {
  const count = from.u32();
  if (count > RUNS_MAX) throw limits('runs', count, RUNS_MAX);
  return Array.from({ length: count }, () => ({ stream: from.take(16), firstSequence: from.size(), count: from.u32(), entry: from.size(), record: from.u32() }));
}

function readToken(from: ByteReader): Buffer {
  const length = from.u16();
  if (length > TOKEN_BYTES_MAX) throw limits('resume token', length, TOKEN_BYTES_MAX);
  return length === 0 ? EMPTY : from.take(length);
}

function readRuns(from: ByteReader): ReceivedRun[] {
  const count = from.u32();
  if (count > RUNS_MAX) throw limits('runs', count, RUNS_MAX);
  const runs: ReceivedRun[] = [];
  for (let i = 0; i < count; i += 1) runs.push(readRun(from));
  return runs;
}

function readRun(from: ByteReader): ReceivedRun {
  const kind = from.u8();
  if (kind > KIND.event) throw new Refused('submission.run', `a service may not submit runs of kind ${kind}`);
  const flags = from.u8();
  // What a receipt may not say must not reach one: it would be sealed and then be unreadable.
  if ((flags & ~FLAGS_ALL) !== 0) throw new Refused('submission.run', `flags ${flags} are not known`);
  const facts = {
    kind: kind as RunKind, flags, receivedAt: from.u64(), bound: from.u64(),
    source: from.str16(), sourceKey: from.take(32), protocol: from.str16(), peer: from.str16(), stream: from.take(16),
    ...(kind === KIND.cut ? { cut: { fullLength: from.u64(), fullHash: from.take(32) } } : {}),
  };
  const firstSequence = from.size();
  const records = from.u32();
  if (records === 0 || records > RECORDS_PER_RUN_MAX) throw limits('records of a run', records, RECORDS_PER_RUN_MAX);
  if (!Number.isSafeInteger(firstSequence + records)) throw new Refused('submission.run', 'the numbers of a run pass 2^53');
  const bytes = from.u32();
  const lengths = from.take(records * 4);
  if (sum(lengths) !== bytes) throw new Refused('submission.run', 'the lengths of a run do not add up to its data');
  return { ...facts, firstSequence, count: records, lengths, data: from.take(bytes) };
}

function sum(lengths: Buffer): number {
  let total = 0;
  for (let at = 0; at < lengths.length; at += 4) total += lengths.readUInt32BE(at);
  return total;
}

function limits(what: string, value: number, limit: number): Refused {
  return new Refused('submission.limits', `too many: ${what}`, { why: `${value} against a limit of ${limit}` });
}

/** Cuts a byte stream into messages. Holds at most one unfinished message. */
export class MessageSplitter {
  readonly #limit: number;
  #held: Buffer[] = [];
  #heldBytes = 0;

  constructor(limit = MESSAGE_BYTES_MAX) {
    this.#limit = limit;
  }

  /** Calls `message` for each whole message. Throws `submission.limits` before a too long one is buffered. */
  push(chunk: Buffer, message: (type: number, body: Buffer) => void): void {
    this.#held.push(chunk);
    this.#heldBytes += chunk.length;
    let needed = this.#needed();
    while (this.#heldBytes >= needed) {
      const whole = this.#take(needed);
      message(whole[4]!, whole.subarray(5));
      needed = this.#needed();
    }
  }

  #needed(): number {
    if (this.#heldBytes < 5) return 5;
    if (this.#held[0]!.length < 5) this.#held = [Buffer.concat(this.#held)];
    const length = this.#held[0]!.readUInt32BE(0);
    if (length === 0 || length > this.#limit) throw limits('octets of a message', length, this.#limit);
    return length + 4;
  }

  #take(length: number): Buffer {
    const joined = this.#held.length === 1 ? this.#held[0]! : Buffer.concat(this.#held, this.#heldBytes);
    this.#heldBytes -= length;
    this.#held = this.#heldBytes === 0 ? [] : [joined.subarray(length)];
    return joined.subarray(0, length);
  }
}
