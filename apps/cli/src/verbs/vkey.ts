// SPDX-License-Identifier: Apache-2.0
import { vkeyOf } from '@strongroom/evidence';
import { checkLeadsTo, keptRotations, linkedKeys } from '../store/rotations.ts';
import { chosenVkey, homeVkey } from '../vkey.ts';
import { writeValue } from '../output.ts';
import { EXIT, verb } from '../verb.ts';

export const vkey = verb({
  details: [
    'One line in the form of C2SP signed notes: name, hash and Ed25519 public key. Give it to auditors by a way that an '
      + 'attacker of this machine does not control: every check begins with it.',
    'Where the key was changed ("strongroom keys rotate"), --all shows every key that the log had, the present one first, and '
      + '--from shows the present one only if the key that you hold leads to it: each key signed a checkpoint whose last entry '
      + 'names the next.',
  ],
  arguments: [],
  options: {
    all: { kind: 'flag', description: 'Every key that the log had, newest first' },
    from: { kind: 'text', value: 'FILE|LINE', description: 'A key that you hold: it must lead to the present one' },
  },
  examples: [
    { command: 'strongroom vkey > strongroom.vkey', what: 'Keep it where your auditors are' },
    { command: 'strongroom vkey --from strongroom.vkey', what: 'The present key, proven from the one that you kept' },
  ],
  async run(call) {
    const line = homeVkey(call.paths);
    const keys = linkedKeys(line, keptRotations(call.paths.rotations));
    if (call.options.from !== undefined) {
      const held = linkedKeys(chosenVkey(call.options.from, call.paths), keptRotations(call.paths.rotations));
      checkLeadsTo(vkeyOf(held.epochs.at(-1)!.key), line);
    }
    const epochs = keys.epochs.toReversed().map(({ key, from, to }) => ({ vkey: vkeyOf(key), from, to: to === Infinity ? null : to }));
    const shown = call.options.all ? epochs.map((one) => one.vkey) : [line];
    await writeValue(call, { vkey: line, keys: epochs }, () => shown);
    return EXIT.ok;
  },
});
