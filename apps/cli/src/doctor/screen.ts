// SPDX-License-Identifier: Apache-2.0
// A diagnosis as people read it: what is fine is a number, each finding three lines.
import { printable } from '../printable.ts';
import { some } from '../quantity.ts';
import type { Sink } from '../io.ts';
import type { Finding } from './check.ts';
import type { Diagnosis, Unseen } from './examine.ts';

const COLUMNS_MIN = 40;

/** `columns`: of a terminal. What people read is broken between words there; what they copy never is. */
export function diagnosisLines({ findings, leftOut, fine, unseen }: Diagnosis, style: Sink['style'], columns?: number): string[] {
  const bad = findings.filter(({ severity }) => severity === 'bad').length;
  const verdict = bad > 0 ? style('red', `${some(bad, 'fault')} found.`)
    : findings.length > 0 ? style('yellow', 'It works; production wants it otherwise in some points.') : style('green', 'Nothing is wrong that could be seen.');
  return [
    ...findings.flatMap((one, at) => [...findingLines(one, style, columns), ...(findings[at + 1]?.code === one.code ? [] : moreLines(one.code, leftOut)), '']),
    `${verdict} ${some(fine.length, 'check')} ${fine.length === 1 ? 'is' : 'are'} fine${unseen.length === 0 ? '.' : `, ${unseen.length} could not be made:`}`,
    ...unseenLines(unseen, columns),
  ];
}

function findingLines({ code, severity, what, why, fix }: Finding, style: Sink['style'], columns?: number): string[] {
  const [first = '', ...rest] = wrapped(`${printable(what)} [${code}]`, columns, 2);
  const mark = severity === 'bad' ? style('red', '✗') : style('yellow', '!');
  return [`${mark} ${first}`, ...rest, ...hanging('  why: ', printable(why), columns), `  fix: ${printable(fix)}`];
}

function moreLines(code: string, leftOut: Diagnosis['leftOut']): string[] {
  const more = leftOut[code];
  return more === undefined ? [] : [`  and ${more} more of this kind`];
}

/** Those that lack the same thing stand together. */
function unseenLines(unseen: readonly Unseen[], columns?: number): string[] {
  const byReason = Map.groupBy(unseen, ({ why }) => why);
  return [...byReason].flatMap(([why, codes]) => hanging('  ', `${printable(why)}: ${codes.map(({ code }) => code).join(', ')}`, columns, 4));
}

function hanging(begin: string, text: string, columns?: number, indent = begin.length): string[] {
  const [first = '', ...rest] = wrapped(text, columns === undefined ? undefined : columns - (begin.length - indent), indent);
  return [`${begin}${first}`, ...rest];
}

/** The first line without its indent, the others with it. A word that is longer than a line stays whole. */
function wrapped(text: string, columns: number | undefined, indent: number): string[] {
  if (columns === undefined || columns < COLUMNS_MIN) return [text];
  const lines = [''];
  for (const one of text.split(' ')) {
    const last = lines.at(-1)!;
    if (last !== '' && indent + last.length + 1 + one.length > columns) lines.push(one);
    else lines[lines.length - 1] = last === '' ? one : `${last} ${one}`;
  }
  return lines.map((line, at) => (at === 0 ? line : `${' '.repeat(indent)}${line}`));
}
