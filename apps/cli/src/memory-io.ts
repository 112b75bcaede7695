// SPDX-License-Identifier: Apache-2.0
// Outputs that keep what they are given, for tests of verbs in their own process.
import type { Io, Sink } from './io.ts';

export interface MemoryIo extends Io {
  readonly written: { readonly out: string; readonly err: string };
}

export interface MemoryFacts {
  readonly environment?: NodeJS.ProcessEnv;
  /** Makes stdout a terminal of so many columns and rows. */
  readonly columns?: number;
  readonly rows?: number;
  readonly now?: bigint;
}

/** Styles leave no trace: what is tested is the text. */
export function memoryIo(facts: MemoryFacts = {}): MemoryIo {
  const parts = { out: '', err: '' };
  const sink = (name: 'out' | 'err'): Sink => ({
    isTerminal: facts.columns !== undefined && name === 'out', columns: facts.columns, rows: facts.rows,
    closed: new AbortController().signal,
    write: (text) => { parts[name] += text; return Promise.resolve(); },
    style: (_, text) => text,
  });
  return { out: sink('out'), err: sink('err'), environment: facts.environment ?? {}, now: () => facts.now ?? 0n, written: parts };
}
