// SPDX-License-Identifier: Apache-2.0
import { Refused } from '@strongroom/bytes';
import { openReader, type Reader } from '../connections.ts';
import { asItem, askedSource } from '../items.ts';
import { writeValue } from '../output.ts';
import { parseTime } from '../time.ts';
import { EXIT, verb } from '../verb.ts';
import { whoOf, whoWas, type Records } from '../who/find.ts';
import { whoLines } from '../who/screen.ts';
import { checkedId, IDENTITY_OPTION } from './reading.ts';

const PID_MAX = 4_194_304;

export const who = verb({
  details: [
    'Shows the person whose login it goes back to, the processes from the first ancestor to the one that acted, the program and its SHA-256, the unit and the '
      + 'container: from sealed records alone, however long the process has been gone. Each fact names the record that it is known from, for "strongroom prove".',
    'ID is a record of kernel events (ebpf, audit) or of watched files. With --pid it is the process that had this id last before --at. What is not known is said so.',
  ],
  arguments: [{ name: 'id', description: 'The record, as search shows it: ENTRY-RECORD', required: false }],
  options: {
    pid: { kind: 'count', value: 'N', minimum: 1, maximum: PID_MAX, description: 'Instead of ID: the process with this id, as the host counts' },
    at: { kind: 'text', value: 'TIME', description: 'The last one before: a time before now (90s, 15m, 1h) or RFC 3339; now if not given' },
    identity: IDENTITY_OPTION,
  },
  examples: [
    { command: 'strongroom who 42-7', what: 'Who is behind record 7 of log entry 42' },
    { command: 'strongroom who --pid 4321 --at 2h', what: 'The process that had this id two hours ago' },
  ],
  async run(call) {
    const { arguments: { id }, options: { pid, at, identity } } = call;
    if ((id === undefined) === (pid === undefined) || (at !== undefined && pid === undefined)) throw oneOfBoth();
    const until = at === undefined ? call.io.now() : parseTime(at, call.io.now());
    const reader = await openReader(call.paths, identity);
    try {
      const records = recordsOf(reader);
      const answer = id === undefined ? await whoWas(pid!, until, records) : await whoOf(asItem(await reader.client.call('show', { id: checkedId(id) })), records);
      await writeValue(call, answer, () => whoLines(answer, (text) => call.io.out.style('bold', text)));
      return EXIT.ok;
    } finally {
      reader.client.close();
    }
  },
});

/** What capture sealed, by searches for one record each. */
function recordsOf({ client, deployment }: Reader): Records {
  return {
    async find(protocol, content, time) {
      const source = askedSource('service/capture', deployment);
      const range = 'since' in time ? { since: String(time.since) } : { until: String(time.until), reverse: true };
      for await (const found of client.stream('search', { ...content, source, protocol, limit: 1, ...range })) return asItem(found);
      return null;
    },
  };
}

function oneOfBoth(): Refused {
  return new Refused('usage.who', 'ID or --pid says whom to look for', { why: 'either both are given or none, or --at without --pid', fix: 'write for example: strongroom who 42-7, or strongroom who --pid 4321 --at 2h' });
}
