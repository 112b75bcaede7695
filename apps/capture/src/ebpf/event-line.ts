// SPDX-License-Identifier: Apache-2.0
// An event as it is sealed: one line of JSON, its members in this order, docs/FORMAT.md section 18. Numbers of 64 bits are
// written with all their digits.
import { isUtf8 } from 'node:buffer';
import { addressOf } from '../audit/sockaddr.ts';
import { systemCall } from './calls.table.ts';
import type { ProbeEvent } from './frames.ts';

const [CLAIMED, UNREADABLE, COMPAT, URING] = [1, 2, 4, 8];
const NAME_AT = 184;
const HEADER_BYTES = 200;
/** What the kernel shows for an id that is not set: login and session of what no login began. */
const UNSET = 0xffff_ffff;
/** Descriptors and the like, which may be negative; the rest of the arguments is unsigned. */
const SIGNED = new Set(['fd', 'directory', 'toDirectory', 'target', 'toUid', 'toGid', 'toEuid', 'toEgid', 'toSuid', 'toSgid', 'clock']);

/** The members of an event's line. */
export function eventLine(event: ProbeEvent): string {
  const { header } = event;
  const u32 = (at: number): number => header.readUInt32LE(at);
  const u64 = (at: number): bigint => header.readBigUInt64LE(at);
  const id = (at: number): number | null => (u32(at) === UNSET ? null : u32(at));
  const line = new Line().text('type', event.type).value('time', u64(24)).value('cpu', event.cpu).value('sequence', event.sequence)
    .value('pid', u32(40)).value('tid', u32(44)).value('parent', u32(48)).value('started', u64(32)).octets('name', untilZero(header.subarray(NAME_AT, HEADER_BYTES)))
    .value('uid', u32(52)).value('gid', u32(56)).value('euid', u32(60)).value('egid', u32(64)).value('login', id(68)).value('session', id(72))
    .value('cgroup', u64(96)).value('cgroupV1', u64(104)).value('mountSpace', u32(76)).value('pidSpace', u32(80)).value('netSpace', u32(84)).value('userSpace', u32(88));
  addCall(line, event);
  if (u64(120) !== 0n) line.value('device', `"${u64(112) >> 20n}:${u64(112) & 0xfffffn}"`).value('inode', u64(120));
  addTexts(line, event);
  if ((event.flags & COMPAT) !== 0) line.value('compat', true);
  if ((event.flags & URING) !== 0) line.value('uring', true);
  if ((event.flags & CLAIMED) !== 0) line.value('claimed', true);
  if ((event.flags & UNREADABLE) !== 0) line.value('unreadable', true);
  return line.finish();
}

function addCall(line: Line, { type, header, flags }: ProbeEvent): void {
  const number = header.readInt32LE(92);
  const argument = (index: number): bigint => header.readBigUInt64LE(136 + index * 8);
  const result = header.readBigInt64LE(128);
  if (type === 'exit') line.value('status', (result >> 8n) & 0xffn).value('signal', result & 0x7fn);
  else if (type === 'signal') line.value('signal', argument(0)).value('target', argument(1)).value('targetUid', argument(2)).value('result', result);
  else if (type === 'capability') line.value('capability', argument(0)).value('askedSpace', argument(1)).value('result', result);
  else if (number >= 0) {
    const call = type === 'abi' ? null : systemCall(number);
    line.value('call', call === null ? number : `"${call.name}"`);
    if ((flags & URING) === 0) line.value('result', result); // it is told when it is asked
    for (const [index, name] of call?.fields ?? []) line.value(name, SIGNED.has(name) ? BigInt.asIntN(32, argument(index)) : argument(index));
  }
}

function addTexts(line: Line, { type, first, second, full }: ProbeEvent): void {
  if (type === 'exec') {
    line.octets('executable', second).list('command', argumentsIn(first));
    if (first.length < full) line.value('commandBytes', full);
  } else if (type === 'connect' || type === 'accept' || type === 'bind') {
    if (first.length > 0) line.value('address', JSON.stringify(addressOf(first)));
  } else {
    if (first.length > 0) line.octets('path', first);
    if (second.length > 0) line.octets(type === 'attribute' ? 'attribute' : 'to', second);
  }
}

function argumentsIn(octets: Buffer): Buffer[] {
  const all: Buffer[] = [];
  for (let at = 0; at < octets.length;) {
    const end = octets.indexOf(0, at);
    all.push(octets.subarray(at, end < 0 ? octets.length : end));
    at = end < 0 ? octets.length : end + 1;
  }
  return all;
}

function untilZero(octets: Buffer): Buffer {
  const end = octets.indexOf(0);
  return end < 0 ? octets : octets.subarray(0, end);
}

class Line {
  #text = '';
  #escaped: string[] = [];

  value(name: string, value: number | bigint | boolean | string | null): this {
    this.#text += `${this.#text === '' ? '{' : ','}"${name}":${value}`;
    return this;
  }

  text(name: string, text: string): this {
    return this.value(name, JSON.stringify(text));
  }

  octets(name: string, octets: Buffer): this {
    return this.value(name, this.#written(name, octets));
  }

  list(name: string, all: readonly Buffer[]): this {
    return this.value(name, `[${all.map((octets) => this.#written(name, octets)).join(',')}]`);
  }

  finish(): string {
    if (this.#escaped.length > 0) this.value('escaped', JSON.stringify([...new Set(this.#escaped)]));
    return `${this.#text}}`;
  }

  /** Octets that are no UTF-8 stand as `\xNN`, and so does each backslash beside them; `escaped` names the member. */
  #written(name: string, octets: Buffer): string {
    if (isUtf8(octets)) return JSON.stringify(octets.toString());
    this.#escaped.push(name);
    return JSON.stringify(octets.toString('latin1').replaceAll(/[^\x20-\x5b\x5d-\x7e]/g, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`));
  }
}
