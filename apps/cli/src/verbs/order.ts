// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import { Refused } from '@strongroom/bytes';
import { CUSTODIANS_NEEDED, judgeApprovals, newOrderFile, type OrderFile } from '@strongroom/evidence';
import { readOrderFile, writeOrderFile } from '../orders/order-file.ts';
import { orderReason } from '../orders/reason.ts';
import { drawRollback } from '../orders/rollback.ts';
import { homeRules } from '../orders/rules.ts';
import { orderJson, orderLines } from '../orders/screen.ts';
import { writeValue } from '../output.ts';
import { EXIT, verb, type Call } from '../verb.ts';

const HOUR_NS = 3_600_000_000_000n;

const options = {
  reason: { kind: 'text', value: 'TEXT', description: 'Why, for the custodians and for the record; an order needs it' },
  hours: { kind: 'count', value: 'N', unit: 'hours', minimum: 1, maximum: 720, default: 72, description: 'How long a new order may be approved and carried out' },
} as const;

type OrderCall = Call<typeof options, readonly [
  { readonly name: 'action'; readonly description: string; readonly required: true }, { readonly name: 'file'; readonly description: string; readonly required: true },
]>;

export const order = verb({
  details: [
    'accept-rollback draws up, while nothing runs, the order to go on from a store that is older than what was seen. show says what '
      + 'an order is about and who approved it. Orders to destroy and to release are drawn up by "strongroom destruction" and "strongroom hold".',
    'With this home\'s CA certificate and registry at hand, approvals are held against them; an auditor without them learns that '
      + 'the signatures and certificates hold under the authority that the order itself names.',
  ],
  arguments: [
    { name: 'action', description: 'What to do', required: true, choices: ['accept-rollback', 'show'] },
    { name: 'file', description: 'The file of the order', required: true },
  ],
  options,
  examples: [
    { command: "strongroom order accept-rollback rollback.order --reason 'disk replaced, Monday copy restored'", what: 'Then two custodians approve it' },
    { command: 'strongroom order show rollback.order', what: 'What it says, and who approved' },
  ],
  async run(call) {
    if (call.arguments.action === 'show') return show(call, readOrderFile(call.arguments.file));
    return draw(call);
  },
});

async function draw(call: OrderCall): Promise<number> {
  const { paths, options: given, arguments: { file } } = call;
  const reason = orderReason(given.reason, "strongroom order accept-rollback FILE --reason 'Monday copy restored'");
  if (existsSync(file)) throw new Refused('order.exists', `${file} is there already`, { why: 'an order is never written over another', fix: 'choose another name' });
  const now = call.io.now();
  const drawn = newOrderFile(drawRollback(paths, reason, now, now + BigInt(given.hours) * HOUR_NS));
  await writeOrderFile(file, drawn);
  return show(call, drawn);
}

export async function show(call: Pick<Call, 'format' | 'io' | 'paths'>, file: OrderFile): Promise<number> {
  const judged = judgeApprovals(file, homeRules(call.paths, file.order.origin));
  const names = new Set(judged.flatMap(({ custodian }) => (custodian === null ? [] : [custodian.id])));
  await writeValue(call, orderJson(file.order, judged, names.size >= CUSTODIANS_NEEDED), () => orderLines(file.order, judged));
  return EXIT.ok;
}
