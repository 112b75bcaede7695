// SPDX-License-Identifier: Apache-2.0
import { homeVkey } from '../vkey.ts';
import { writeValue } from '../output.ts';
import { EXIT, verb } from '../verb.ts';

export const vkey = verb({
  name: 'vkey',
  group: 'Verification',
  summary: "Show the log's verifier key",
  details: [
    'One line in the form of C2SP signed notes: name, hash and Ed25519 public key. Give it to auditors by a way that an '
      + 'attacker of this machine does not control: every check begins with it.',
  ],
  arguments: [],
  options: {},
  examples: [{ command: 'strongroom vkey > strongroom.vkey', what: 'Keep it where your auditors are' }],
  async run(call) {
    const line = homeVkey(call.paths);
    await writeValue(call, { vkey: line }, () => [line]);
    return EXIT.ok;
  },
});
