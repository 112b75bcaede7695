// SPDX-License-Identifier: Apache-2.0
// What producers send is hostile: on a terminal it could move the cursor, hide lines or reverse text.

/** Controls, invisible format characters such as direction marks, line and paragraph separators, half surrogates. */
const ACTING = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\u0000': '\\0', '\u001b': '\\e' };

/** One line that no terminal acts upon: what could act becomes an escape such as `\e`, `\x07` or `\u202e`. */
export function printable(text: string): string {
  return text.replace(ACTING, (one) => SHORT[one] ?? escaped(one.codePointAt(0)!));
}

function escaped(point: number): string {
  if (point < 0x100) return `\\x${hex(point, 2)}`;
  return point < 0x1_0000 ? `\\u${hex(point, 4)}` : `\\u{${hex(point, 5)}}`;
}

/** Compact JSON, the same value as `JSON.stringify`, with what a terminal could act upon escaped. */
export function json(value: unknown): string {
  return JSON.stringify(value).replace(ACTING, (one) => one.split('').map((unit) => `\\u${hex(unit.charCodeAt(0), 4)}`).join(''));
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}
