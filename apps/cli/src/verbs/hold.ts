// SPDX-License-Identifier: Apache-2.0
import { Refused } from '@strongroom/bytes';
import { custodianIdentity } from '../orders/order-file.ts';
import { approveOnline } from '../orders/online.ts';
import { orderReason } from '../orders/reason.ts';
import { openReader } from '../connections.ts';
import { askedSource } from '../items.ts';
import { writeList, writeValue } from '../output.ts';
import { json, printable } from '../printable.ts';
import { some } from '../quantity.ts';
import { factLines, tableLines } from '../table.ts';
import { shortTime } from '../time.ts';
import { EXIT, verb, type Call } from '../verb.ts';
import { CUSTODIAN_OPTION, SOURCE_OPTION } from './reading.ts';
import { searchConditions } from './search.ts';

const options = {
  reference: { kind: 'text', value: 'TEXT', description: 'With add: what it belongs to, such as a case number; it must be given' },
  reason: { kind: 'text', value: 'TEXT', description: 'With add and release: why, for the record; it must be given' },
  since: { kind: 'text', value: 'TIME', description: 'With add: received at or after, written as for search' },
  until: { kind: 'text', value: 'TIME', description: 'With add: received before' },
  source: SOURCE_OPTION,
  protocol: { kind: 'text', value: 'NAME', description: 'With add: by one protocol' },
  query: { kind: 'text', value: 'TEXT', description: 'With add: what contains this text' },
  identity: CUSTODIAN_OPTION,
} as const;

type HoldCall = Call<typeof options, readonly [
  { readonly name: 'action'; readonly description: string; readonly required: true }, { readonly name: 'hold'; readonly description: string; readonly required: false },
]>;

/** A hold as the vault tells of it. */
interface Row {
  readonly hold: string;
  readonly segments: number;
  readonly since: string | null;
  readonly by: string | null;
  readonly reference: string | null;
  readonly reason: string;
  readonly query: Readonly<Record<string, unknown>> | null;
}

export const hold = verb({
  details: [
    'A hold keeps every segment with a record that answers its conditions, now and later, whatever its retention class says, until it '
      + 'is released. Placing one takes one person, a custodian or the operator, because nothing is lost by it; releasing one takes '
      + 'two custodians: release draws up the order at the first call and carries it out with the second approval.',
    'The hold and its release are entries of the log. The log does not tell the conditions; the vault keeps them.',
  ],
  arguments: [
    { name: 'action', description: 'What to do', required: true, choices: ['add', 'list', 'release'] },
    { name: 'hold', description: 'With release: the hold, as list shows it', required: false },
  ],
  options,
  examples: [
    { command: "strongroom hold add --source web-01 --since 2026-03-01 --reference CASE-12 --reason 'preservation letter of 3 May'", what: 'As the operator' },
    { command: "strongroom hold add --query jdoe --reference CASE-12 --reason 'the same' --identity ./clara", what: 'By a text, as a custodian' },
    { command: 'strongroom hold list', what: 'What is held, and why' },
    { command: "strongroom hold release 5b1c… --reason 'case closed' --identity ./clara", what: 'Then another custodian does the same' },
  ],
  run: (call) => ACTIONS[call.arguments.action as keyof typeof ACTIONS](call),
});

const ACTIONS = { add, list, release };

async function add(call: HoldCall): Promise<number> {
  const example = "strongroom hold add --source web-01 --reference CASE-12 --reason 'preservation letter'";
  const [reference, reason] = [orderReason(call.options.reference, example, 'reference'), orderReason(call.options.reason, example)];
  const { since, until, query, protocol, source } = call.options;
  const conditions = searchConditions({
    arguments: { text: query }, io: call.io,
    options: { since, until, protocol, source, stream: undefined, kind: undefined, 'ignore-case': false, regex: false, limit: undefined, identity: undefined, reverse: false } as never,
  });
  const { client, deployment } = await openReader(call.paths, call.options.identity);
  try {
    const asked = { ...conditions, ...(source === undefined ? {} : { source: askedSource(source, deployment) }) };
    const placed = (await client.call('placeHold', { reference, reason, query: asked })) as Row;
    await writeValue(call, placed, () => [`Hold ${placed.hold} is in force; ${some(placed.segments, 'segment')} so far.`, ...rowLines(placed)]);
    return EXIT.ok;
  } finally {
    client.close();
  }
}

async function list(call: HoldCall): Promise<number> {
  const { client } = await openReader(call.paths, call.options.identity);
  try {
    const rows = (await client.call('holds')) as Row[];
    await writeList(call, rows, () => (rows.length === 0 ? ['Nothing is held.'] : tableLines(
      [{ title: 'HOLD' }, { title: 'SINCE' }, { title: 'REFERENCE' }, { title: 'SEGMENTS', align: 'right' }, { title: 'CONDITIONS' }, { title: 'REASON' }],
      rows.map((row) => [row.hold, shortTime(row.since ?? ''), printable(row.reference ?? ''), String(row.segments), printable(json(row.query)), printable(row.reason)]),
    )));
    return EXIT.ok;
  } finally {
    client.close();
  }
}

async function release(call: HoldCall): Promise<number> {
  const id = call.arguments.hold;
  const example = "strongroom hold release HOLD --reason 'case closed' --identity DIR";
  if (id === undefined || !/^[0-9a-f]{32}$/.test(id)) throw new Refused('usage.hold', 'a release names its hold', { why: 'a hold is 32 hexadecimal digits, as "strongroom hold list" shows it', fix: example });
  if (call.options.identity === undefined) throw new Refused('usage.identity', 'a release is approved by a custodian', { why: 'no identity is given', fix: example });
  const reason = orderReason(call.options.reason, example);
  const custodian = custodianIdentity(call.options.identity);
  const { client } = await openReader(call.paths, call.options.identity);
  try {
    return await approveOnline(call, client, custodian, 'drawRelease', { hold: id, reason });
  } finally {
    client.close();
  }
}

function rowLines(row: Row): string[] {
  return factLines([
    ['by', printable(row.by ?? '')], ['reference', printable(row.reference ?? '')], ['reason', printable(row.reason)], ['conditions', printable(json(row.query))],
  ]);
}
