// SPDX-License-Identifier: Apache-2.0
// Texts of one form: a line that names kind and version, then `name value` lines in a fixed order, each ended by LF.
// Entries of the log, orders and approvals are written so, docs/FORMAT.md sections 4 and 9.
import { invariant, type Refused } from '@strongroom/bytes';
import { decodeRanges, encodeRanges, type SegmentRange } from './segment-ranges.ts';

export type FieldType = keyof typeof FORM;
export type Fields = Readonly<Record<string, FieldType>>;

const TIME_MAX = 0xffff_ffff_ffff_ffffn;
const WORDS_MAX = 64;

const FORM = {
  size: /^(0|[1-9][0-9]{0,15})$/,
  time: /^(0|[1-9][0-9]{0,19})$/,
  // 43 characters carry two bits more than 32 octets: the last one has those zero, so that each hash has one form.
  hash: /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/,
  segment: /^[0-9a-f]{16}$/,
  /** 16 random octets. */
  id: /^[0-9a-f]{32}$/,
  word: /^[!-~]{1,128}$/,
  /** Up to 64 words with commas between them; a word here has no comma. */
  words: /^[!-+\--~]{1,128}(,[!-+\--~]{1,128})*$/,
  ranges: /^(-|[0-9a-f,-]{1,60000})$/,
  base64: /^[A-Za-z0-9+/]{4,8192}={0,2}$/,
  /** For people: no control characters, nothing that turns the direction of writing, no blank at either end. */
  text: /^(?! )[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]{1,500}(?<! )$/u,
} as const;

/** The text of `values`, whose fields must be in their form. */
export function encodeLines(title: string, fields: Fields, values: Readonly<Record<string, unknown>>, code: string): string {
  const lines = Object.entries(fields).map(([name, type]) => {
    const text = fieldText(type, values[camel(name)]);
    invariant(isField(type, text), code, `"${name} ${text}" is no line of "${title}"`);
    return `${name} ${text}\n`;
  });
  return `${title}\n${lines.join('')}`;
}

/** The values of a text that must be exactly what {@link encodeLines} writes; `malformed` makes the error of what is not. */
export function decodeLines(text: string, title: string, fields: Fields, malformed: (why: string) => Refused): Record<string, unknown> {
  const names = Object.entries(fields);
  const lines = text.split('\n');
  if (lines[0] !== title) throw malformed('unknown kind or version');
  if (lines.length !== names.length + 2 || lines.at(-1) !== '') throw malformed('wrong number of lines');
  return Object.fromEntries(names.map(([name, type], i) => {
    const line = lines[i + 1]!;
    const value = line.startsWith(`${name} `) ? line.slice(name.length + 1) : '';
    if (!isField(type, value)) throw malformed(`line ${i + 2} is not a valid "${name}"`);
    return [camel(name), fieldValue(type, value)];
  }));
}

/** Whether the text is the one form of a value in its range: sizes are exact as numbers, times fit a u64. */
function isField(type: FieldType, text: string): boolean {
  if (!FORM[type].test(text)) return false;
  if (type === 'size') return Number.isSafeInteger(Number(text));
  if (type === 'time') return BigInt(text) <= TIME_MAX;
  if (type === 'words') return text.split(',').length <= WORDS_MAX;
  if (type === 'ranges') return decodeRanges(text) !== null;
  return type !== 'base64' || Buffer.from(text, 'base64').toString('base64') === text;
}

function fieldText(type: FieldType, value: unknown): string {
  if (type === 'words') return (value as readonly string[]).join(',');
  if (type === 'ranges') return encodeRanges(value as readonly SegmentRange[]);
  return Buffer.isBuffer(value) ? value.toString('base64') : String(value);
}

function fieldValue(type: FieldType, text: string): unknown {
  if (type === 'size') return Number(text);
  if (type === 'time') return BigInt(text);
  if (type === 'words') return text.split(',');
  if (type === 'ranges') return decodeRanges(text);
  return type === 'hash' || type === 'base64' ? Buffer.from(text, 'base64') : text;
}

/** `seen-root` in a line is `seenRoot` in a value. */
function camel(name: string): string {
  return name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
