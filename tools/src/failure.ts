// SPDX-License-Identifier: Apache-2.0
// Why a test failed, in so few lines that it is said again at the end of a run, where the rest has long scrolled away.
import { join, relative } from 'node:path';
import { inspect, stripVTControlCharacters } from 'node:util';
import type { TestEvent } from 'node:test/reporters';

export interface Failure {
  readonly name: string;
  /** Where the test stands, and what it threw from where. */
  readonly why: readonly string[];
}

type Failed = Extract<TestEvent, { readonly type: 'test:fail' }>['data'];

const ROOT = join(import.meta.dirname, '../..');
/** What an error says begins with what is wrong, and often ends with what a program said last. */
const HEAD_LINES = 12;
const TAIL_LINES = 8;
const LINE_CHARACTERS_MAX = 300;
const DEPTH = 3;

/** Of an event of the runner. */
export function failureOf({ name, file, line, details }: Failed): Failure {
  const place = file === undefined ? [] : [line === undefined ? relative(ROOT, file) : `${relative(ROOT, file)}:${line}`];
  return { name, why: [...place, ...bounded(said(details.error.cause ?? details.error))] };
}

/** Without empty lines and the runner's own frames. */
function said(error: unknown): string[] {
  const lines = stripVTControlCharacters(text(error)).split('\n').filter((line) => line.trim() !== '' && !/^\s+at .*\(?node:/.test(line));
  return lines.map((line) => line.replaceAll(`file://${ROOT}/`, '').slice(0, LINE_CHARACTERS_MAX));
}

/** What an assertion compared stands in its message already. */
function text(error: unknown): string {
  if (typeof error === 'string') return error;
  if (error instanceof Error && 'code' in error && error.code === 'ERR_ASSERTION' && error.stack !== undefined) return error.stack;
  return inspect(error, { depth: DEPTH });
}

function bounded(lines: readonly string[]): readonly string[] {
  const over = lines.length - HEAD_LINES - TAIL_LINES;
  return over <= 1 ? lines : [...lines.slice(0, HEAD_LINES), `… ${over} more lines …`, ...lines.slice(-TAIL_LINES)];
}
