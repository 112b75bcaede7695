// SPDX-License-Identifier: Apache-2.0
import { decodeEntry, FLAG, formatTime, type Item } from '@strongroom/evidence';
import { openReader } from '../connections.ts';
import { asItem, rawText, shortSource } from '../items.ts';
import { writeValue } from '../output.ts';
import { printable } from '../printable.ts';
import { bytes, some } from '../quantity.ts';
import { factLines } from '../table.ts';
import { boundText } from '../time.ts';
import { EXIT, verb } from '../verb.ts';
import { checkedId, ID_ARGUMENT, IDENTITY_OPTION } from './reading.ts';

/** The vault's answer to `show`. */
interface Answer extends Item {
  readonly receipt: {
    /** Nanoseconds. */
    readonly admittedAt: string;
    readonly asserter: string;
    readonly instance: string;
    readonly sourceKey: string;
    readonly flags: number;
    readonly cut?: { readonly fullLength: number; readonly fullHash: string };
  };
  /** The text of the log entry. */
  readonly batch: string;
}

/** The same for people and programs: times as RFC 3339, flags and fields by their names. */
export interface Shown extends Item {
  readonly receipt: Omit<Answer['receipt'], 'sourceKey' | 'flags'> & {
    /** Null: none was shown. */
    readonly sourceKey: string | null;
    readonly unreliable: boolean;
    readonly mayRepeat: boolean;
  };
  readonly batch: Readonly<Record<string, string | number>>;
}

export const show = verb({
  details: [
    'Shows the record as it was received, the facts of its receipt (who sent it, who says so, when by which clock), and the '
      + 'batch in which it is sealed.',
  ],
  arguments: [ID_ARGUMENT],
  options: { identity: IDENTITY_OPTION },
  examples: [{ command: 'strongroom show 42-7', what: 'Record 7 of log entry 42' }],
  async run(call) {
    const id = checkedId(call.arguments.id);
    const { client } = await openReader(call.paths, call.options.identity);
    try {
      const shown = readable(asItem(await client.call('show', { id })) as Answer);
      await writeValue(call, shown, () => shownLines(shown, (text) => call.io.out.style('bold', text)));
      return EXIT.ok;
    } finally {
      client.close();
    }
  },
});

function readable({ receipt, batch, ...item }: Answer): Shown {
  const { sourceKey, flags, admittedAt, ...rest } = receipt;
  const fields = Object.entries(decodeEntry(Buffer.from(batch))).map(([name, value]) => [
    name, Buffer.isBuffer(value) ? value.toString('base64') : typeof value === 'bigint' ? formatTime(value) : value as string | number,
  ] as const);
  return {
    ...item,
    receipt: {
      admittedAt: formatTime(BigInt(admittedAt)), sourceKey: /^0+$/.test(sourceKey) ? null : sourceKey, ...rest,
      unreliable: (flags & FLAG.unreliable) !== 0, mayRepeat: (flags & FLAG.mayRepeat) !== 0,
    },
    batch: Object.fromEntries(fields),
  };
}

/** The screen: the record first, because that is what was asked for. */
export function shownLines(shown: Shown, title: (text: string) => string): string[] {
  const { receipt, batch } = shown;
  const flags = [...(receipt.unreliable ? ['by an unreliable transport'] : []), ...(receipt.mayRepeat ? ['may repeat an earlier record'] : [])];
  return [
    printable(rawText(shown)), '',
    title('Receipt'), ...factLines([
      ['received', `${shown.receivedAt}  ${boundText(shown.boundNs)}`],
      ['source', `${shortSource(shown.source)}  ${printable(shown.source)}`],
      ['its key', receipt.sourceKey ?? 'none was shown'],
      ['by', `${printable(shown.protocol)}${shown.peer === '' ? ', on this machine' : ` from ${printable(shown.peer)}`}`],
      ['kind', [shown.kind, ...flags].join(', ')],
      ...(receipt.cut === undefined ? [] : [['sent', `${bytes(receipt.cut.fullLength)}, the beginning of which is kept; SHA-256 of all ${receipt.cut.fullHash}`] as const]),
      ['stream', `${shown.stream}, record ${shown.sequence}`],
      ['asserted', `by ${printable(receipt.asserter)}, instance ${receipt.instance}`],
      ['admitted', `${receipt.admittedAt}  by the vault's own clock`],
    ]), '',
    title('Sealed'), ...factLines([
      ['id', shown.id],
      ['batch', `of ${some(Number(batch['records']), 'record')}, ${bytes(Number(batch['bytes']))}, in segment ${batch['segment']}, frame ${batch['frame']}`],
      ['root', String(batch['root'])],
      ['key', printable(String(batch['key']))],
    ]), '',
    `To prove it to anybody: strongroom prove ${shown.id} --out proof-${shown.id}.json`,
  ];
}
