// SPDX-License-Identifier: Apache-2.0
import { openReader } from '../connections.ts';
import { askedSource, ItemRows, itemsOf } from '../items.ts';
import { untilInterrupted } from '../interrupt.ts';
import { writeStream } from '../output.ts';
import { EXIT, verb } from '../verb.ts';
import { IDENTITY_OPTION, SOURCE_OPTION } from './reading.ts';

export const tap = verb({
  name: 'tap',
  group: 'Evidence',
  summary: 'Show records as they are sealed, until Ctrl-C',
  details: [
    'Shows every record that is sealed from now on and contains TEXT. A reader who is too slow slows nobody down: what it misses is said, and stands in the store.',
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
      await writeStream(call, itemsOf(client.stream('tap', conditions, interrupted)), (item) => rows.row(item));
      return EXIT.ok;
    } finally {
      client.close();
    }
  },
});
