// SPDX-License-Identifier: Apache-2.0
import { openControl } from '../connections.ts';
import { writeValue } from '../output.ts';
import { EXIT, verb } from '../verb.ts';

export const reload = verb({
  details: ['Connections stay. A set that does not fit together is refused with an event, and the last good one stays in use. Other configuration needs a restart.'],
  arguments: [],
  options: {},
  examples: [{ command: 'strongroom reload', what: 'After the files of gateway.tls were replaced' }],
  async run(call) {
    const client = await openControl(call.paths);
    try {
      await client.call('reload');
      await writeValue(call, { reloaded: true }, () => ['Every service reads its certificates anew. A set that was refused is an event: strongroom search gateway.reload-refused --kind event']);
      return EXIT.ok;
    } finally {
      client.close();
    }
  },
});
