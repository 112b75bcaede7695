// SPDX-License-Identifier: Apache-2.0
import { Refused } from '@strongroom/bytes';
import { openControl } from '../connections.ts';
import { writeValue } from '../output.ts';
import { printable } from '../printable.ts';
import { some } from '../quantity.ts';
import { factLines } from '../table.ts';
import { EXIT, verb, type Call } from '../verb.ts';

const REASON_CHARACTERS_MAX = 500;

const options = {
  log: { kind: 'flag', description: "rotate: the log's key" },
  wrapping: { kind: 'flag', description: 'rotate: the wrapping keys, under which data keys of new segments are wrapped' },
  reason: { kind: 'text', value: 'TEXT', description: 'rotate: why, for the record; it must be given' },
} as const;
type KeysCall = Call<typeof options, readonly [{ readonly name: 'action'; readonly description: string; readonly required: true }]>;

export const keys = verb({
  name: 'keys',
  group: 'Service',
  summary: 'Change the keys in the HSM',
  details: [
    'rotate gives the log a new key, and segments new wrapping keys; without --log or --wrapping both. Sealing goes on, and what '
      + 'was sealed stays as it is. The last entry before the change names the new key, and both keys sign the checkpoint that ends '
      + 'with it: whoever holds the old key is led to the new one. The old key is then destroyed in the HSM, unless '
      + 'keys.keepRetiredLogKeys is set. Give auditors the new line of "strongroom vkey", or let them follow with --from.',
  ],
  arguments: [{ name: 'action', description: 'What to do', required: true, choices: ['rotate'] }],
  options,
  examples: [{ command: "strongroom keys rotate --log --reason 'yearly change'", what: 'Then give auditors the new line: strongroom vkey' }],
  async run(call) {
    return ACTIONS[call.arguments.action as keyof typeof ACTIONS](call);
  },
});

const ACTIONS = { rotate };

interface Rotated {
  readonly vkey: string | null;
  readonly size: number | null;
  readonly old: string | null;
  readonly retiredWrappingKeys: number | null;
}

async function rotate(call: KeysCall): Promise<number> {
  const { log, wrapping } = call.options;
  const reason = checkedReason(call.options.reason);
  const what = log || wrapping ? { log, wrapping } : { log: true, wrapping: true };
  const client = await openControl(call.paths);
  try {
    const rotated = (await client.call('rotateKeys', { ...what, reason })) as Rotated;
    await writeValue(call, { ...what, reason, ...rotated }, () => rotatedLines(rotated));
    return EXIT.ok;
  } finally {
    client.close();
  }
}

function rotatedLines({ vkey, size, old, retiredWrappingKeys }: Rotated): string[] {
  return [
    ...(vkey === null ? [] : [
      'The log has a new key.',
      ...factLines([['key', printable(vkey)], ['since', `entry ${size! - 1}, the last that the old key signed for`], ['old key', old === 'destroyed' ? 'destroyed in the HSM' : 'kept in the HSM']]),
      'Give auditors the new line: strongroom vkey',
    ]),
    ...(retiredWrappingKeys === null ? [] : [`New segments get new wrapping keys; ${some(retiredWrappingKeys, 'key')} in use until now ${retiredWrappingKeys === 1 ? 'wraps' : 'wrap'} no more of them.`]),
  ];
}

/** Throws `Refused('usage.reason')`. */
function checkedReason(reason: string | undefined): string {
  const given = reason?.trim() ?? '';
  if (given !== '' && given.length <= REASON_CHARACTERS_MAX) return given;
  throw new Refused('usage.reason', 'a change of keys needs its reason', {
    why: given === '' ? 'it is part of the evidence' : `${given.length} characters are given, the limit is ${REASON_CHARACTERS_MAX}`,
    fix: "strongroom keys rotate --reason 'yearly change'",
  });
}
