// SPDX-License-Identifier: Apache-2.0
// One record of the kernel's audit: a type, and octets that begin with the stamp of its event,
//   record = "audit(" seconds "." milliseconds ":" serial "):" [ " " fields ]
// auditd writes it as a line, with the type's name before it:
//   line = "type=" ( name | "UNKNOWN[" number "]" ) " msg=" record
import { TYPE_NAMES } from './types.table.ts';

/** All records of one event bear one stamp. */
export interface Stamp {
  /** When the event began by the kernel's clock, milliseconds since 1970. */
  readonly timeMs: number;
  /** Counts the events of a boot, modulo 2^32; {@link isDaemons} tells of those that don't. */
  readonly serial: number;
}

/** Where it lies in what was read: nothing is copied or cut out, there are tens of thousands a second. */
export interface AuditRecord extends Stamp {
  readonly type: number;
  /** What the line has before the record; nothing where the line came whole. */
  readonly prefix: Buffer;
  readonly bytes: Buffer;
  readonly from: number;
  readonly end: number;
}

export const TYPE = { user: 1005, daemonFirst: 1200, daemonLast: 1299, syscall: 1300, configChange: 1305, eoe: 1320, replace: 1329, kernel: 2000 } as const;

const OPENING = Buffer.from('audit(');
const [DOT, COLON, CLOSING, ZERO] = [0x2e, 0x3a, 0x29, 0x30];
const SECONDS_MAX = 1e11;
const SERIAL_MAX = 2 ** 32 - 1;

/** The stamp that stands at `at`; null if none does. Written for speed: every record comes by here. */
export function stampAt(octets: Buffer, at: number): Stamp | null {
  for (let i = 0; i < OPENING.length; i += 1) if (octets[at + i] !== OPENING[i]) return null;
  const seconds = numberAt(octets, at + OPENING.length, SECONDS_MAX);
  if (seconds === null || octets[seconds.end] !== DOT) return null;
  const milliseconds = numberAt(octets, seconds.end + 1, 999);
  if (milliseconds === null || octets[milliseconds.end] !== COLON) return null;
  const serial = numberAt(octets, milliseconds.end + 1, SERIAL_MAX);
  if (serial === null || octets[serial.end] !== CLOSING) return null;
  return { timeMs: seconds.value * 1000 + milliseconds.value, serial: serial.value };
}

function numberAt(octets: Buffer, at: number, max: number): { value: number; end: number } | null {
  let value = 0;
  let end = at;
  for (; end < octets.length; end += 1) {
    const digit = octets[end]! - ZERO;
    if (digit < 0 || digit > 9) break;
    value = value * 10 + digit;
    if (value > max) return null;
  }
  return end === at ? null : { value, end };
}

/**
 * From what the kernel sends. Null if it has no stamp; with {@link prefixOf} it still is a line to keep. `before`: the record that
 * came before it, which mostly has the same stamp.
 */
export function recordOf(type: number, bytes: Buffer, from = 0, end: number = bytes.length, before: AuditRecord | null = null): AuditRecord | null {
  const stamp = before !== null && isStampedAs(before, bytes, from, end) ? before : stampAt(bytes, from);
  return stamp === null ? null : { type, timeMs: stamp.timeMs, serial: stamp.serial, prefix: prefixOf(type), bytes, from, end };
}

/** A stamp ends with the first closing bracket. */
function isStampedAs({ bytes: stamped, from: stampedFrom }: AuditRecord, bytes: Buffer, from: number, end: number): boolean {
  for (let at = from, other = stampedFrom; at < end; at += 1, other += 1) {
    if (bytes[at] !== stamped[other]) return false;
    if (bytes[at] === CLOSING) return true;
  }
  return false;
}

/** A view of its octets. */
export function octetsOf({ bytes, from, end }: AuditRecord): Buffer {
  return bytes.subarray(from, end);
}

const prefixes = new Map<number, Buffer>();

/** What stands before a record of that type in its line. */
export function prefixOf(type: number): Buffer {
  let prefix = prefixes.get(type);
  if (prefix === undefined) {
    prefix = Buffer.from(`type=${TYPE_NAMES.get(type) ?? `UNKNOWN[${type}]`} msg=`);
    if (prefixes.size < 1000) prefixes.set(type, prefix);
  }
  return prefix;
}

/** The record as a line, without LF. */
export function lineOf(record: AuditRecord): Buffer {
  return record.prefix.length === 0 ? octetsOf(record) : Buffer.concat([record.prefix, octetsOf(record)]);
}

const LF = 0x0a;

/** How long records are as lines with LF between them. */
export function joinedBytes(records: readonly AuditRecord[]): number {
  let length = records.length - 1;
  for (const { prefix, from, end } of records) length += prefix.length + end - from;
  return length;
}

/** Writes them so to `at`, where there is room for {@link joinedBytes}. */
export function joinInto(to: Buffer, at: number, records: readonly AuditRecord[]): void {
  const begin = at;
  for (const { prefix, bytes, from, end } of records) {
    if (at > begin) to[at++] = LF;
    for (let i = 0; i < prefix.length; i += 1) to[at++] = prefix[i]!; // it is short: a call would cost more
    at += bytes.copy(to, at, from, end);
  }
}

const TYPE_NUMBERS: ReadonlyMap<string, number> = new Map([...TYPE_NAMES].map(([number, name]) => [name, number]));
const PREFIX = /^(?:node=[^ ]{1,256} )?type=(?:([A-Z0-9_]{1,64})|UNKNOWN\[(\d{1,5})\]) msg=/;
const PREFIX_BYTES_MAX = 400;
const NOTHING = Buffer.alloc(0);

/** From a line as auditd writes it, to its log or to a plugin; null if it is none. A type without a known name is 0. */
export function recordIn(line: Buffer): AuditRecord | null {
  const match = PREFIX.exec(line.toString('latin1', 0, PREFIX_BYTES_MAX));
  if (match === null) return null;
  const stamp = stampAt(line, match[0].length);
  if (stamp === null) return null;
  return { type: match[2] === undefined ? TYPE_NUMBERS.get(match[1]!) ?? 0 : Number(match[2]), ...stamp, prefix: NOTHING, bytes: line, from: 0, end: line.length };
}

/** auditd speaks of itself, and counts that by itself: such serials are not the kernel's. */
export function isDaemons(type: number): boolean {
  return type >= TYPE.daemonFirst && type <= TYPE.daemonLast;
}

/** Whether the record is all of its event: what programs report is, and the kernel's greeting. It alone may contain LF. */
export function isAlone(type: number): boolean {
  return type === TYPE.user || (type >= 1100 && type <= TYPE.daemonLast) || (type >= 2100 && type <= 2999) || type === TYPE.kernel;
}
