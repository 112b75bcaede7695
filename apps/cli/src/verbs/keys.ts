// SPDX-License-Identifier: Apache-2.0
import { Refused } from '@strongroom/bytes';
import { openControl } from '../connections.ts';
import { writeList, writeValue } from '../output.ts';
import { printable } from '../printable.ts';
import { count, some } from '../quantity.ts';
import { factLines, tableLines } from '../table.ts';
import { shortTime } from '../time.ts';
import { EXIT, verb, type Call } from '../verb.ts';
import type { Check } from '@strongroom/service/client';

const REASON_CHARACTERS_MAX = 500;

const options = {
  log: { kind: 'flag', description: "rotate: the log's key" },
  wrapping: { kind: 'flag', description: 'rotate: the wrapping keys, under which data keys of new segments are wrapped' },
  reason: { kind: 'text', value: 'TEXT', description: 'rotate: why, for the record; it must be given' },
} as const;
type KeysCall = Call<typeof options, readonly [{ readonly name: 'action'; readonly description: string; readonly required: true }]>;

export const keys = verb({
  details: [
    'rotate gives the log a new key, and segments new wrapping keys; without --log or --wrapping both. Sealing goes on, and what '
      + 'was sealed stays as it is. The last entry before the change names the new key, and both keys sign the checkpoint that ends '
      + 'with it: whoever holds the old key is led to the new one. The old key is then destroyed in the HSM, unless '
      + 'keys.keepRetiredLogKeys is set. Give auditors the new line of "strongroom vkey", or let them follow with --from.',
    'list shows every key of the deployment as the token tells of it. check reads and tries what is in use: module, token, attributes, '
      + 'a signature, a wrapping, what keeps secrets in memory, which cryptography runs; every line has a stable code.',
  ],
  arguments: [{ name: 'action', description: 'What to do', required: true, choices: ['rotate', 'list', 'check'] }],
  options,
  examples: [
    { command: "strongroom keys rotate --log --reason 'yearly change'", what: 'Then give auditors the new line: strongroom vkey' },
    { command: 'strongroom keys list', what: 'Every key, whether it can be taken out, and how many segments depend on it' },
    { command: 'strongroom keys check -o json | jq', what: 'For a machine: exit code 4 when something is not as production wants it' },
  ],
  exitCodes: { 4: 'check: something is not as production wants it' },
  async run(call) {
    return ACTIONS[call.arguments.action as keyof typeof ACTIONS](call);
  },
});

const ACTIONS = { rotate, list, check };

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

interface ListedKey {
  readonly label: string;
  readonly id: string;
  readonly use: string;
  readonly state: string;
  readonly since: string | null;
  readonly segments: number | null;
  readonly attributes: { readonly extractable: boolean | null; readonly neverExtractable: boolean | null; readonly sensitive: boolean | null };
}

async function list(call: KeysCall): Promise<number> {
  const client = await openControl(call.paths);
  try {
    const listed = ((await client.call('listKeys')) as ListedKey[]).toSorted((a, b) => (a.label < b.label ? -1 : 1));
    await writeList(call, listed, () => tableLines(
      [{ title: 'LABEL' }, { title: 'ID' }, { title: 'USE' }, { title: 'STATE' }, { title: 'SINCE' }, { title: 'SEGMENTS', align: 'right' }, { title: 'EXTRACTABLE' }],
      listed.map((key) => [printable(key.label), key.id, key.use, key.state, key.since === null ? '-' : shortTime(key.since), key.segments === null ? '-' : count(key.segments), extractable(key)]),
    ));
    return EXIT.ok;
  } finally {
    client.close();
  }
}

function extractable({ attributes: { extractable: now, neverExtractable, sensitive } }: ListedKey): string {
  if (now === null || neverExtractable === null) return 'not told';
  if (now || sensitive === false) return 'YES';
  return neverExtractable ? 'never was' : 'was once';
}

interface ProcessCheck extends Check {
  readonly process: string;
}

async function check(call: KeysCall): Promise<number> {
  const client = await openControl(call.paths);
  try {
    const checks = (await client.call('checkKeys')) as ProcessCheck[];
    const wanting = checks.filter(({ state }) => state !== 'ok');
    await writeValue(call, { ok: wanting.length === 0, checks }, () => [
      ...tableLines([{ title: 'STATE' }, { title: 'CHECK' }, { title: 'PROCESS' }, { title: 'FOUND' }], checks.map((one) => [one.state, one.code, one.process, printable(one.detail)])),
      '', wanting.length === 0 ? 'All is as production wants it.' : `${some(wanting.length, 'check')} ${wanting.length === 1 ? 'is' : 'are'} not as production wants: ${[...new Set(wanting.map(({ code }) => code))].join(', ')}.`,
    ]);
    return wanting.length === 0 ? EXIT.ok : EXIT.degraded;
  } finally {
    client.close();
  }
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
