// SPDX-License-Identifier: Apache-2.0
// Who made a system call, by its SYSCALL record: `… ppid=1 pid=2 … comm="…" exe="…" …`. Before that stand numbers alone, so
// the first such fields are the kernel's. Octets are compared where they lie: every event comes by here.
import { TYPE, type AuditRecord } from './record.ts';

const PARENT = Buffer.from(' ppid=');
const PROCESS = Buffer.from(' pid=');
const [ZERO, NINE, SPACE, QUOTE] = [0x30, 0x39, 0x20, 0x22];
const EXECUTABLE = Buffer.from(' exe=');

export interface Caller {
  readonly parent: number;
  readonly pid: number;
  /** Where these fields begin in the record's octets. */
  readonly at: number;
}

let last: { readonly record: AuditRecord; readonly caller: Caller | null } | null = null;

/** Null: it is no such record, or says no such thing. Asked several times of one record, it looks once. */
export function callerIn(record: AuditRecord): Caller | null {
  if (record.type !== TYPE.syscall) return null;
  if (last?.record !== record) last = { record, caller: lookFor(record) };
  return last.caller;
}

function lookFor({ bytes, from, end }: AuditRecord): Caller | null {
  const found = placeOf(PARENT, bytes, from, end);
  if (found < 0) return null;
  const parentEnd = digitsEnd(bytes, found + PARENT.length, end);
  if (!startsWith(PROCESS, bytes, parentEnd, end)) return null;
  const pidEnd = digitsEnd(bytes, parentEnd + PROCESS.length, end);
  return { parent: numberIn(bytes, found + PARENT.length, parentEnd), pid: numberIn(bytes, parentEnd + PROCESS.length, pidEnd), at: found };
}

/** Octets from there to the end of its executable, quote or space included; null if it has none. */
export function saidOf({ at }: Caller, { bytes, end }: AuditRecord): Buffer | null {
  const found = placeOf(EXECUTABLE, bytes, at, end);
  if (found < 0) return null;
  const value = found + EXECUTABLE.length;
  const close = bytes.indexOf(bytes[value] === QUOTE ? QUOTE : SPACE, value + 1);
  return close < 0 || close >= end ? null : bytes.subarray(at, close + 1);
}

/** Whether it says what {@link saidOf} gave for an earlier one. */
export function isSaid(said: Uint8Array, { at }: Caller, { bytes, end }: AuditRecord): boolean {
  return startsWith(said, bytes, at, end);
}

function startsWith(octets: Uint8Array, bytes: Buffer, at: number, end: number): boolean {
  if (end - at < octets.length) return false;
  for (let i = 0; i < octets.length; i += 1) if (bytes[at + i] !== octets[i]) return false;
  return true;
}

/** A negative number: nowhere. Written for speed: of the fields that begin with the same letter few have the same second one. */
function placeOf(octets: Uint8Array, bytes: Buffer, from: number, end: number): number {
  const [first, second, last] = [octets[1]!, octets[2]!, end - octets.length];
  for (let at = from; at <= last; at += 1) {
    if (bytes[at] === SPACE && bytes[at + 1] === first && bytes[at + 2] === second && startsWith(octets, bytes, at, end)) return at;
  }
  return -1;
}

function digitsEnd(bytes: Buffer, at: number, end: number): number {
  let to = at;
  while (to < end && bytes[to]! >= ZERO && bytes[to]! <= NINE) to += 1;
  return to;
}

function numberIn(bytes: Buffer, from: number, end: number): number {
  let value = 0;
  for (let at = from; at < end; at += 1) value = value * 10 + bytes[at]! - ZERO;
  return value;
}
