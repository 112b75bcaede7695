// SPDX-License-Identifier: Apache-2.0
// An event as it is sealed: one line of JSON, its members in this order, docs/FORMAT.md section 18. Numbers of 64 bits are
// written with all their digits.
import { addressOf } from '../audit/sockaddr.ts';
import { systemCall } from './calls.table.ts';
import { EVENT_TYPES, type EventType, type ProbeEvent } from './frames.ts';
import { ESCAPED_BYTES_MAX, LineWriter, literal } from './line-writer.ts';
import { ProcessMembers } from './process-members.ts';

const [CLAIMED, UNREADABLE, COMPAT, URING, MEMFD] = [1, 2, 4, 8, 16];
/** All that a line has beside its texts. */
const LINE_BYTES_MAX = 4096;
/** Descriptors and the like, which may be negative; the rest of the arguments is unsigned. */
const SIGNED = new Set(['fd', 'directory', 'toDirectory', 'target', 'toUid', 'toGid', 'toEuid', 'toEgid', 'toSuid', 'toSgid', 'clock']);

const member = (name: string): Uint8Array => literal(`,"${name}":`);
const HEADS = Object.fromEntries(EVENT_TYPES.map((type) => [type, literal(`{"type":"${type}","time":`)])) as Readonly<Record<EventType, Uint8Array>>;
const [CPU, SEQUENCE, CALL, RESULT, STATUS] = [member('cpu'), member('sequence'), member('call'), member('result'), member('status')];
const [SIGNAL, TARGET, TARGET_UID, CAPABILITY, ASKED_SPACE] = [member('signal'), member('target'), member('targetUid'), member('capability'), member('askedSpace')];
const [EXECUTABLE, COMMAND_BYTES, ADDRESS, PATH, TO, ATTRIBUTE, INODE] =
  [member('executable'), member('commandBytes'), member('address'), member('path'), member('to'), member('attribute'), member('inode')];
const [DEVICE, COLON, CLOSE_QUOTE] = [literal(',"device":"'), literal(':'), literal('"')];
const [COMMAND, COMMA, CLOSE_LIST, END] = [literal(',"command":['), literal(','), literal(']'), literal('}')];
/** By flag, in the order in which they are told. */
const TOLD = [[COMPAT, 'compat'], [URING, 'uring'], [CLAIMED, 'claimed'], [UNREADABLE, 'unreadable']].map(([flag, name]) => ({ flag: flag as number, written: literal(`,"${name}":true`) }));
const UNHASHED = literal(',"unhashed":"memfd"');

/** Takes each event, and writes member `who` of its line: at most so many octets. */
export interface Who {
  readonly bytesMax: number;
  write(to: LineWriter, event: ProbeEvent): void;
}

/** Lines of events, gathered. */
export class EventLines {
  readonly #who: Who | null;
  readonly #to = new LineWriter();
  readonly #process = new ProcessMembers();
  #lengths: number[] = [];
  #begin = 0;
  /** Members of the present line whose octets are no UTF-8. */
  #escaped: string[] = [];

  /** `who` null: lines are without. */
  constructor(who: Who | null = null) {
    this.#who = who;
  }

  add(event: ProbeEvent): void {
    const to = this.#to;
    const { view, at, type } = event;
    to.reserve(LINE_BYTES_MAX + (this.#who?.bytesMax ?? 0) + ESCAPED_BYTES_MAX * (event.endAt - event.firstAt));
    const begin = this.#begin = to.at;
    if (this.#escaped.length > 0) this.#escaped = [];
    to.put(HEADS[type]);
    to.u64(view, at + 24);
    this.#number(CPU, event.cpu);
    this.#number(SEQUENCE, event.sequence);
    if (this.#process.write(to, event)) this.#escaped.push('name');
    this.#addCall(event);
    this.#addFile(event);
    this.#addTexts(event);
    if ((event.flags & MEMFD) !== 0) to.put(UNHASHED);
    for (const { flag, written } of TOLD) if ((event.flags & flag) !== 0) to.put(written);
    if (this.#escaped.length > 0) to.string(`,"escaped":${JSON.stringify([...new Set(this.#escaped)])}`);
    this.#who?.write(to, event);
    to.put(END);
    this.#lengths.push(to.at - begin);
  }

  /** Octets of the lines since the last time. */
  get bytes(): number {
    return this.#to.at;
  }

  /** The last line, as long as it was not taken. */
  get last(): Uint8Array {
    return this.#to.since(this.#begin);
  }

  /** The lines since the last time, end to end, and how long each is. */
  take(): { readonly data: Buffer; readonly lengths: Uint32Array } {
    const lengths = Uint32Array.from(this.#lengths);
    this.#lengths = [];
    return { data: this.#to.take(), lengths };
  }

  #addCall(event: ProbeEvent): void {
    const { view, at, type } = event;
    const number = view.getInt32(at + 92, true);
    if (type === 'exit') {
      const code = view.getUint32(at + 128, true);
      this.#number(STATUS, (code >>> 8) & 0xff);
      this.#number(SIGNAL, code & 0x7f);
    } else if (type === 'signal') {
      this.#arguments(view, at, [SIGNAL, TARGET, TARGET_UID]);
      this.#result(view, at);
    } else if (type === 'capability') {
      this.#arguments(view, at, [CAPABILITY, ASKED_SPACE]);
      this.#result(view, at);
    } else if (number >= 0) {
      this.#addSystemCall(event, number);
    }
  }

  #addSystemCall({ view, at, type, flags }: ProbeEvent, number: number): void {
    const to = this.#to;
    const call = type === 'abi' ? null : writtenCall(number);
    if (call === null) this.#number(CALL, number);
    else to.put(call.name);
    if ((flags & URING) === 0) this.#result(view, at); // it is told when it is asked
    for (const { member: name, at: argumentAt, signed } of call?.fields ?? []) {
      to.put(name);
      if (signed) to.number(view.getInt32(at + argumentAt, true));
      else to.u64(view, at + argumentAt);
    }
  }

  #addFile({ view, at }: ProbeEvent): void {
    const to = this.#to;
    if (view.getUint32(at + 120, true) === 0 && view.getUint32(at + 124, true) === 0) return;
    const device = view.getUint32(at + 112, true);
    to.put(DEVICE);
    to.number(device >>> 20);
    to.put(COLON);
    to.number(device & 0xfffff);
    to.put(CLOSE_QUOTE);
    to.put(INODE);
    to.u64(view, at + 120);
  }

  #addTexts({ type, payload, firstAt, secondAt, endAt, full }: ProbeEvent): void {
    if (type === 'exec') {
      this.#octets(EXECUTABLE, 'executable', payload, secondAt, endAt);
      this.#command(payload, firstAt, secondAt);
      if (secondAt - firstAt < full) this.#number(COMMAND_BYTES, full);
    } else if (type === 'connect' || type === 'accept' || type === 'bind') {
      if (secondAt === firstAt) return;
      this.#to.put(ADDRESS);
      this.#to.string(JSON.stringify(addressOf(payload.subarray(firstAt, secondAt))));
    } else {
      if (secondAt > firstAt) this.#octets(PATH, 'path', payload, firstAt, secondAt);
      if (endAt === secondAt) return;
      if (type === 'attribute') this.#octets(ATTRIBUTE, 'attribute', payload, secondAt, endAt);
      else this.#octets(TO, 'to', payload, secondAt, endAt);
    }
  }

  /** Arguments, each with a zero behind it. */
  #command(payload: Buffer, from: number, to: number): void {
    this.#to.put(COMMAND);
    for (let at = from; at < to;) {
      let end = at;
      while (end < to && payload[end] !== 0) end += 1;
      if (at > from) this.#to.put(COMMA);
      if (this.#to.octets(payload, at, end)) this.#escaped.push('command');
      at = end + 1;
    }
    this.#to.put(CLOSE_LIST);
  }

  #number(name: Uint8Array, value: number): void {
    this.#to.put(name);
    this.#to.number(value);
  }

  #octets(name: Uint8Array, plain: string, payload: Buffer, from: number, end: number): void {
    this.#to.put(name);
    if (this.#to.octets(payload, from, end)) this.#escaped.push(plain);
  }

  #arguments(view: DataView, at: number, names: readonly Uint8Array[]): void {
    for (const [index, name] of names.entries()) {
      this.#to.put(name);
      this.#to.u64(view, at + 136 + index * 8);
    }
  }

  #result(view: DataView, at: number): void {
    this.#to.put(RESULT);
    this.#to.i64(view, at + 128);
  }
}

/** A system call's members as they are written. */
interface WrittenCall {
  readonly name: Uint8Array;
  /** `at`: where in an event the argument stands. */
  readonly fields: readonly { readonly member: Uint8Array; readonly at: number; readonly signed: boolean }[];
}

const CALLS_MAX = 1024;
const calls = new Map<number, WrittenCall | null>();

function writtenCall(number: number): WrittenCall | null {
  const known = calls.get(number);
  if (known !== undefined) return known;
  const call = systemCall(number);
  const written = call === null ? null : {
    name: literal(`,"call":"${call.name}"`),
    fields: call.fields.map(([index, name]) => ({ member: member(name), at: 136 + index * 8, signed: SIGNED.has(name) })),
  };
  if (calls.size < CALLS_MAX) calls.set(number, written);
  return written;
}
