// SPDX-License-Identifier: Apache-2.0
// How much a log had when a hardware counter stood where it stood, docs/FORMAT.md section 15.
import { Refused } from '@strongroom/bytes';
import { decodeLines, encodeLines } from './lines.ts';

const TITLE = 'strongroom counter v1';
const FIELDS = { counter: 'size', origin: 'word', size: 'size', root: 'hash' } as const;

export interface CounterStatement {
  /** What the counter stands at, or will after its next step. */
  readonly counter: number;
  readonly origin: string;
  /** The log had at least this. */
  readonly size: number;
  readonly root: Buffer;
}

export function encodeCounterStatement(statement: CounterStatement): string {
  return encodeLines(TITLE, FIELDS, statement as unknown as Record<string, unknown>, 'counter.malformed');
}

/** Throws `Refused('counter.malformed')`. */
export function decodeCounterStatement(text: string): CounterStatement {
  return decodeLines(text, TITLE, FIELDS, (why) => new Refused('counter.malformed', 'this is no statement of a counter', { why })) as unknown as CounterStatement;
}
