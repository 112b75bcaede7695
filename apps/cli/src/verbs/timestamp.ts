// SPDX-License-Identifier: Apache-2.0
import type { KeptTimestamp } from '@strongroom/service/client';
import { openControl } from '../connections.ts';
import { writeValue } from '../output.ts';
import { printable } from '../printable.ts';
import { count } from '../quantity.ts';
import { factLines } from '../table.ts';
import { boundText, shortTime } from '../time.ts';
import { EXIT, verb } from '../verb.ts';

export const timestamp = verb({
  details: [
    'The authority of "witness.timestamps" stamps the newest checkpoint, now and not at the next interval: everything that is in the log up to there '
      + 'existed at that time, by its word. The interval begins anew. What is told is verified, and kept in the store.',
    'When the authority gives none, the command fails, and the witness service goes on trying as it does at the interval.',
  ],
  arguments: [],
  options: {},
  examples: [
    { command: 'strongroom timestamp', what: 'Before an audit, or as soon as something important is sealed' },
    { command: "strongroom timestamp -o json | jq '.size'", what: 'The number of entries that are stamped' },
  ],
  async run(call) {
    const client = await openControl(call.paths);
    try {
      const taken = (await client.call('timestamp')) as KeptTimestamp;
      await writeValue(call, taken, () => takenLines(taken));
      return EXIT.ok;
    } finally {
      client.close();
    }
  },
});

export function takenLines({ size, at, accuracyNs, authority, serial, policy }: KeptTimestamp): string[] {
  return [
    'The log is stamped.',
    ...factLines([
      ['time', `${shortTime(at)}${accuracyNs === null ? '' : ` ${boundText(accuracyNs)}`}`], ['authority', printable(authority)], ['checkpoint', `${count(size)} entries`],
      ['serial', printable(serial)], ['policy', printable(policy)], ['kept in', `store/timestamps/${size}.checkpoint and ${size}.tsr`],
    ]),
  ];
}
