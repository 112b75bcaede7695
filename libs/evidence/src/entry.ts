// SPDX-License-Identifier: Apache-2.0
// Entries of the log, docs/FORMAT.md section 4: ASCII lines in a fixed order.
import { Refused, invariant } from '@strongroom/bytes';

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

export type Entry = BatchEntry | CloseEntry | HeartbeatEntry | StartEntry;

type FieldType = 'size' | 'time' | 'hash' | 'segment' | 'word';

const FIELDS = {
  batch: {
    records: 'size', bytes: 'size', from: 'time', to: 'time', root: 'hash', segment: 'segment', header: 'hash',
    frame: 'size', offset: 'size', length: 'size', digest: 'hash', key: 'word',
  },
  close: { segment: 'segment', frames: 'size', length: 'size', digest: 'hash', state: 'word' },
  heartbeat: { time: 'time' },
  start: { time: 'time', size: 'size', rewritten: 'size' },
} as const satisfies Record<Entry['kind'], Record<string, FieldType>>;

const FIELDS_OF: Record<Entry['kind'], Readonly<Record<string, FieldType>>> = FIELDS;
const TIME_MAX = 0xffff_ffff_ffff_ffffn;

const FORM: Record<FieldType, RegExp> = {
  size: /^(0|[1-9][0-9]{0,15})$/,
  time: /^(0|[1-9][0-9]{0,19})$/,
  // 43 characters carry two bits more than 32 octets: the last one has those zero, so that each hash has one form.
  hash: /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/,
  segment: /^[0-9a-f]{16}$/,
  word: /^[!-~]{1,128}$/,
};

export function encodeEntry(entry: Entry): Buffer {
  const values = entry as unknown as Record<string, Buffer | bigint | number | string>;
  const lines = Object.keys(FIELDS_OF[entry.kind]).map((name) => {
    const value = values[name]!;
    const text = Buffer.isBuffer(value) ? value.toString('base64') : String(value);
    invariant(isField(FIELDS_OF[entry.kind][name]!, text), 'entry.malformed', `"${name} ${text}" is no line of an entry`);
    return `${name} ${text}\n`;
  });
  return Buffer.from(`strongroom ${entry.kind} v1\n${lines.join('')}`);
}

/** Throws `Refused('entry.malformed')`. Only the exact form that {@link encodeEntry} writes is an entry. */
export function decodeEntry(bytes: Buffer): Entry {
  const text = bytes.toString('latin1');
  const kind = /^strongroom ([a-z]+) v1\n/.exec(text)?.[1];
  if (kind === undefined || !Object.hasOwn(FIELDS, kind)) throw malformed('unknown kind or version');
  const fields = Object.entries(FIELDS[kind as Entry['kind']]) as [string, FieldType][];
  const lines = text.split('\n');
  if (lines.length !== fields.length + 2 || lines.at(-1) !== '') throw malformed('wrong number of lines');
  const entry: Record<string, unknown> = { kind };
  fields.forEach(([name, type], i) => {
    const line = lines[i + 1]!;
    const value = line.startsWith(`${name} `) ? line.slice(name.length + 1) : '';
    if (!isField(type, value)) throw malformed(`line ${i + 2} is not a valid "${name}"`);
    entry[name] = parseField(type, value);
  });
  if (kind === 'close' && entry['state'] !== 'whole' && entry['state'] !== 'torn') throw malformed('unknown state');
  return entry as unknown as Entry;
}

/** Whether the text is the one form of a value in its range: sizes are exact as numbers, times fit a u64. */
function isField(type: FieldType, text: string): boolean {
  if (!FORM[type].test(text)) return false;
  if (type === 'size') return Number.isSafeInteger(Number(text));
  return type !== 'time' || BigInt(text) <= TIME_MAX;
}

function parseField(type: FieldType, value: string): unknown {
  if (type === 'size') return Number(value);
  if (type === 'time') return BigInt(value);
  return type === 'hash' ? Buffer.from(value, 'base64') : value;
}

function malformed(why: string): Refused {
  return new Refused('entry.malformed', 'a log entry is not in the form that the vault writes', { why });
}
