// SPDX-License-Identifier: Apache-2.0
// What a record says, for reading. The record stays as it is: this is a projection, and may get better.
//   fields = field *( " " field )      field = name "=" value
//   value  = `"` text `"` | "'" fields "'" | text without space
// A string that may hold anything the kernel writes in quotes if it is harmless, otherwise in hexadecimal without quotes.
// Nothing here throws, whatever it is given: a field that makes no sense keeps the value that was written.
import { stampAt, type Stamp } from './record.ts';
import { addressOf, type Address } from './sockaddr.ts';
import { textOf } from './text.ts';

/** Fields that the kernel or libaudit encode in that way. */
const ENCODED = new Set([
  'acct', 'cmd', 'comm', 'cwd', 'data', 'device', 'dir', 'exe', 'file', 'grp', 'invalid_context', 'key', 'key_desc', 'name', 'new-disk', 'new-fs',
  'new_group', 'ocomm', 'old-disk', 'old-fs', 'path', 'proctitle', 'root_dir', 'sw', 'target', 'vm', 'watch',
]);
const HEX = /^(?:[0-9A-Fa-f]{2})+$/;
const NOTHING = new Set(['(null)', '(none)', '?']);
const GROUP_SEPARATOR = 0x1d;
/** Beyond this many a record is not taken apart. */
const FIELDS_MAX = 4096;
/** The kernel keeps that much of a command line in PROCTITLE. */
const PROCTITLE_BYTES_MAX = 128;

export interface Field {
  readonly name: string;
  /** As written, without quotes. */
  readonly written: string;
  /** Decoded; octets that are no UTF-8 as `\xNN`. Null: the record says that there is none. */
  readonly value: string | null;
}

export interface Decoded {
  readonly type: string;
  readonly stamp: Stamp;
  readonly fields: readonly Field[];
}

/** A line `type=… msg=audit(…): …`; null if it is none. */
export function decodeLine(line: Buffer): Decoded | null {
  const at = line.indexOf(' msg=audit(');
  const type = /^(?:node=\S{1,256} )?type=(\S{1,64})$/.exec(line.toString('latin1', 0, Math.max(0, at)))?.[1];
  const stamp = stampAt(line, at + ' msg='.length);
  if (at < 0 || type === undefined || stamp === null) return null;
  // What auditd adds for readers stands behind a separator, and is none of the kernel's.
  const separator = line.indexOf(GROUP_SEPARATOR);
  const body = line.subarray(line.indexOf(')', at) + 1, separator < 0 ? undefined : separator).toString('latin1');
  return { type, stamp, fields: fieldsOf(body.replace(/^:? */, '')) };
}

/** Fields in order, those inside of `msg='…'` at their place. `text` holds an octet in each character. */
export function fieldsOf(text: string): Field[] {
  const fields: Field[] = [];
  const next = /(?:^|\s)([^\s=]+)=(?:"([^"]*)"|'([^']*)(?:'|$)|([^\s]*))/g;
  for (let match = next.exec(text); match !== null && fields.length < FIELDS_MAX; match = next.exec(text)) {
    const [, name, quoted, nested, bare] = match;
    if (nested !== undefined) fields.push(...fieldsOf(nested));
    else if (quoted !== undefined) fields.push({ name: utf8(name!), written: utf8(quoted), value: utf8(quoted) });
    else fields.push({ name: utf8(name!), written: utf8(bare!), value: valueOf(name!, bare!) });
  }
  return fields;
}

function valueOf(name: string, bare: string): string | null {
  if (NOTHING.has(bare)) return null;
  if (!ENCODED.has(name) || !HEX.test(bare)) return utf8(bare);
  const octets = Buffer.from(bare, 'hex');
  return name === 'proctitle' ? argumentsIn(octets).map(textOf).join(' ') : textOf(octets);
}

/** A command line as it lay in memory: arguments, each ended by NUL. */
function argumentsIn(octets: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  let from = 0;
  for (let at = octets.indexOf(0); at >= 0; at = octets.indexOf(0, from)) {
    parts.push(octets.subarray(from, at));
    from = at + 1;
  }
  if (from < octets.length) parts.push(octets.subarray(from));
  return parts;
}

const utf8 = (latin1: string): string => textOf(Buffer.from(latin1, 'latin1'));

export interface Arguments {
  /** Null where an argument, or a piece of it, is missing. */
  readonly values: readonly (string | null)[];
  /** As the kernel counted them. */
  readonly count: number;
  readonly complete: boolean;
}

const ARGUMENT = /(?:^| )a(\d{1,7})(?:\[(\d{1,7})\]|(_len))?=(?:"([^"]*)"|(\S*))/g;
const ARGUMENTS_MAX = 65_536;

/**
 * The arguments in the EXECVE lines of one event. A long one comes as `a1_len=20000 a1[0]=… a1[1]=…`, over several records.
 * Null if no count is there.
 */
export function argumentsOf(lines: readonly Buffer[]): Arguments | null {
  const pieces = new Map<number, Map<number, Buffer>>();
  const announced = new Map<number, number>();
  let count: number | null = null;
  for (const line of lines) {
    const text = line.toString('latin1');
    const argc = /(?:^| )argc=(\d{1,7})(?: |$)/.exec(text)?.[1];
    if (argc !== undefined) count ??= Number(argc);
    for (const [, number, piece, isLength, quoted, bare] of text.matchAll(ARGUMENT)) {
      const index = Number(number);
      if (isLength !== undefined) announced.set(index, Number(bare));
      else take(pieces, index, Number(piece ?? 0), quoted, bare ?? '');
    }
  }
  if (count === null) return null;
  const values = Array.from({ length: Math.min(count, ARGUMENTS_MAX) }, (_, index) => joined(pieces.get(index), announced.get(index)));
  return { values, count, complete: values.length === count && !values.includes(null) };
}

function take(pieces: Map<number, Map<number, Buffer>>, index: number, piece: number, quoted: string | undefined, bare: string): void {
  const octets = quoted !== undefined ? Buffer.from(quoted, 'latin1') : HEX.test(bare) ? Buffer.from(bare, 'hex') : Buffer.from(bare, 'latin1');
  const known = pieces.get(index);
  if (known === undefined) pieces.set(index, new Map([[piece, octets]]));
  else if (!known.has(piece)) known.set(piece, octets);
}

/** `a1_len` counts the characters that were written: two for an octet in hexadecimal. */
function joined(pieces: ReadonlyMap<number, Buffer> | undefined, announced: number | undefined): string | null {
  if (pieces === undefined) return null;
  const parts = Array.from({ length: pieces.size }, (_, index) => pieces.get(index));
  if (parts.includes(undefined)) return null;
  const octets = Buffer.concat(parts as Buffer[]);
  if (announced !== undefined && octets.length !== announced && octets.length * 2 !== announced) return null;
  return textOf(octets);
}

/** The command line in a PROCTITLE line, and whether the kernel may have cut it; null if the line has none. */
export function titleOf(line: Buffer): { readonly values: readonly string[]; readonly cut: boolean } | null {
  const match = / proctitle=(?:"([^"]*)"|([0-9A-Fa-f]+))/.exec(line.toString('latin1'));
  if (match === null) return null;
  const octets = match[1] === undefined ? Buffer.from(match[2]!, 'hex') : Buffer.from(match[1], 'latin1');
  return { values: argumentsIn(octets).map(textOf), cut: octets.length >= PROCTITLE_BYTES_MAX - 1 };
}

/** The address in a SOCKADDR line; null if it has none that can be read. */
export function socketAddressOf(line: Buffer): Address | null {
  const hex = / saddr=([0-9A-Fa-f]+)/.exec(line.toString('latin1'))?.[1];
  return hex === undefined || !HEX.test(hex) ? null : addressOf(Buffer.from(hex, 'hex'));
}
