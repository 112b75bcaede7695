// SPDX-License-Identifier: Apache-2.0
// What a proof says of a record that was destroyed.
import { formatTime, type DestructionProof, type NoteKey, type ProvenDestruction } from '@strongroom/evidence';
import { printable } from '../printable.ts';
import { some } from '../quantity.ts';
import { factLines } from '../table.ts';
import { shortTime } from '../time.ts';

export function destructionLines(proof: DestructionProof, proven: ProvenDestruction, key: NoteKey, isKnown: boolean, good: (text: string) => string): string[] {
  const { entry, destroy, destroyed, order, custodians, checkpoint } = proven;
  return [
    `${good('The proof holds.')} This record was in the log of ${printable(checkpoint.origin)}, and was destroyed.`, '',
    `  record ${proof.id}`,
    `  │ one of ${some(entry.records, 'record')}, received ${shortTime(formatTime(entry.from))} to ${shortTime(formatTime(entry.to))}`,
    `  └─ batch root    ${entry.root.toString('base64')}`,
    `     │ entry ${proof.entry.index} of ${checkpoint.size}; destroyed by entry ${proof.destroy.index}${proof.destroyed === null ? ', which has not ended' : `, ended by entry ${proof.destroyed.index}`}`,
    `     └─ log root   ${checkpoint.root.toString('base64')}`,
    `        └─ signed by ${printable(key.name)}, key ${key.id.toString('hex')}`, '',
    ...factLines([
      ['destroyed', `${shortTime(formatTime(destroy.time))}: ${some(destroy.records, 'record')} of ${printable(destroy.class)}/${printable(destroy.bucket)}`],
      ['keys', destroy.keys.map(printable).join('\n')],
      ['by order', order.id],
      ['reason', printable(order.reason)],
      ['approved', custodians.map(({ id }) => printable(id)).join('\n')],
      ['their CA', isKnown ? 'is the deployment\'s' : 'is the one that the order names; hold it against the deployment\'s with --ca FILE'],
      ...(destroyed === null ? [] : [['not reached', destroyed.copies.map(printable).join(', ')] as const]),
    ]),
  ];
}

export function destructionJson(proof: DestructionProof, { entry, destroy, destroyed, order, custodians, checkpoint }: ProvenDestruction): Record<string, unknown> {
  return {
    id: proof.id, destroyed: true, batch: { entry: proof.entry.index, records: entry.records, from: formatTime(entry.from), to: formatTime(entry.to), root: entry.root.toString('base64') },
    destruction: {
      entry: proof.destroy.index, time: formatTime(destroy.time), bucket: `${destroy.class}/${destroy.bucket}`, keys: destroy.keys, records: destroy.records,
      order: order.id, reason: order.reason, custodians: custodians.map(({ id }) => id), ended: destroyed === null ? null : formatTime(destroyed.time), copiesNotReached: destroyed?.copies ?? [],
    },
    log: { origin: checkpoint.origin, size: checkpoint.size, rootHash: checkpoint.root.toString('base64') },
  };
}
