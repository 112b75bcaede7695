// SPDX-License-Identifier: Apache-2.0
// How a verb's data is written in the format that was asked for.
import { LineWriter } from './io.ts';
import { json } from './printable.ts';
import type { Call } from './verb.ts';

/** One value: as JSON, or the lines that `table` makes of it. */
export async function writeValue(call: Pick<Call, 'format' | 'io'>, value: unknown, table: () => readonly string[]): Promise<void> {
  const text = call.format === 'table' ? table().map((line) => `${line}\n`).join('') : `${json(value)}\n`;
  await call.io.out.write(text);
}

/** A list that is all there: a table, one JSON array, or one value a line. */
export async function writeList(call: Pick<Call, 'format' | 'io'>, values: readonly unknown[], table: () => readonly string[]): Promise<void> {
  if (call.format !== 'jsonl') return writeValue(call, values, table);
  await call.io.out.write(values.map((value) => `${json(value)}\n`).join(''));
}

/**
 * A list of any length as it comes: lines, one value a line, or one JSON array. Resolves with how many were written,
 * also when the reader of our output went away.
 */
export async function writeStream<T>(call: Pick<Call, 'format' | 'io'>, values: AsyncIterable<T>, row: (value: T) => string): Promise<number> {
  const { format, io } = call;
  const lines = new LineWriter(io.out);
  let written = 0;
  for await (const value of values) {
    if (io.out.closed.aborted) break;
    const text = format === 'table' ? row(value) : json(value);
    await lines.line(format === 'json' ? `${written === 0 ? '[' : ','}${text}` : text);
    written += 1;
  }
  if (format === 'json') await lines.line(written === 0 ? '[]' : ']');
  await lines.flush();
  return written;
}
