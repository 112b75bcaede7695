// SPDX-License-Identifier: Apache-2.0
import type { Item } from '@strongroom/evidence';
import { openReader } from '../connections.ts';
import { untilInterrupted } from '../interrupt.ts';
import { asItem, askedSource, ItemRows } from '../items.ts';
import { writeStream } from '../output.ts';
import { some } from '../quantity.ts';
import { EXIT, verb } from '../verb.ts';
import { IDENTITY_OPTION, SOURCE_OPTION } from './reading.ts';

/** Stands where the vault passed records over, because we took them too slowly. */
interface Skipped {
  readonly skipped: number;
}

export const tap = verb({
  details: [
    'Shows every record that is sealed from now on and contains TEXT. A reader who is too slow slows nobody down: the '
      + 'records that it misses are counted, {"skipped":N}, and search finds them.',
    'Reading evidence needs the right of a reader, and is itself recorded.',
  ],
  arguments: [{ name: 'text', description: 'Text that a record must contain', required: false }],
  options: { source: SOURCE_OPTION, identity: IDENTITY_OPTION },
  examples: [
    { command: 'strongroom tap', what: 'Everything' },
    { command: 'strongroom tap --source web-01 sshd', what: "One source's records with a word" },
  ],
  async run(call) {
    const interrupted = untilInterrupted(call.io.out.closed);
    const { client, deployment } = await openReader(call.paths, call.options.identity);
    try {
      const { source } = call.options;
      const { text } = call.arguments;
      const conditions = { ...(text === undefined ? {} : { text }), ...(source === undefined ? {} : { source: askedSource(source, deployment) }) };
      const rows = new ItemRows(call.io.out);
      await writeStream(call, tapped(client.stream('tap', conditions, interrupted)), (value) => tapRow(value, rows));
      return EXIT.ok;
    } finally {
      client.close();
    }
  },
});

async function* tapped(values: AsyncIterable<unknown>): AsyncGenerator<Item | Skipped> {
  for await (const value of values) yield isSkipped(value) ? value : asItem(value);
}

/** One line of the screen. */
export function tapRow(value: Item | Skipped, rows: ItemRows): string {
  return isSkipped(value) ? `… ${some(value.skipped, 'record')} passed over: they came faster than they were taken` : rows.row(value);
}

function isSkipped(value: unknown): value is Skipped {
  return typeof value === 'object' && value !== null && typeof (value as Skipped).skipped === 'number';
}
