// SPDX-License-Identifier: Apache-2.0
import { Refused } from '@strongroom/bytes';
import { acceptRollback } from '../orders/accept-rollback.ts';
import { readOrderFile } from '../orders/order-file.ts';
import { writeValue } from '../output.ts';
import { some } from '../quantity.ts';
import { EXIT, verb } from '../verb.ts';

export const recover = verb({
  details: [
    'For the day when the newest store is gone for good and a start refuses what is left (vault.rollback). It takes the order that '
      + '"strongroom order accept-rollback" drew up and two different custodians approved, and nothing may run meanwhile.',
    'What was seen of the log after the store cannot be taken back: witnesses and whoever has a copy would refuse a log that goes on '
      + 'otherwise. So this log ends. Its store is moved aside, whole and readable by its own key; the next start begins a new log, '
      + 'with a new name and key, whose first entry says what it goes on from, what is lost, and who accepted that. Nothing is deleted.',
  ],
  arguments: [],
  options: { 'accept-rollback': { kind: 'text', value: 'FILE', description: 'The order, with the approvals of two custodians; it must be given' } },
  examples: [{ command: 'strongroom recover --accept-rollback rollback.order', what: 'Then start, and give the new key to auditors and witnesses: strongroom vkey' }],
  async run(call) {
    const path = call.options['accept-rollback'];
    if (path === undefined) throw new Refused('usage.recover', 'there is nothing to accept', { why: 'no order is given', fix: 'strongroom recover --accept-rollback FILE' });
    const accepted = await acceptRollback(call.paths, readOrderFile(path), call.io.now());
    await writeValue(call, accepted, () => [
      `The log ${accepted.origin} has ended here; ${accepted.lost === 0 ? 'what came after it is lost, and nobody here knows how much' : `${some(accepted.lost, 'entry', 'entries')} that were seen of it are lost`}.`,
      `Its store is ${accepted.store}. Check it with: strongroom verify --store ${accepted.store} --vkey ${accepted.vkey}`,
      `The next start begins ${accepted.next}. Then give its key to auditors and witnesses: strongroom vkey`,
    ]);
    return EXIT.ok;
  },
});
