// SPDX-License-Identifier: Apache-2.0
import { openReader } from '../connections.ts';
import { asItem, rawText, shortSource, type Item } from '../items.ts';
import { writeValue } from '../output.ts';
import { printable } from '../printable.ts';
import { bytes, some } from '../quantity.ts';
import { factLines } from '../table.ts';
import { boundText } from '../time.ts';
import { EXIT, verb } from '../verb.ts';
import { checkedId, ID_ARGUMENT, IDENTITY_OPTION } from './reading.ts';

/** The vault's answer to `show`. */
export interface Shown extends Item {
  readonly receipt: {
    readonly admittedAt: string;
    readonly asserter: string;
    readonly instance: string;
    readonly sourceKey: string | null;
    readonly flags: unknown;
    readonly cut?: { readonly fullLength: number | string; readonly fullHash: string };
  };
  readonly batch: Readonly<Record<string, unknown>>;
}

export const show = verb({
  name: 'show',
  group: 'Evidence',
  summary: 'Show one record with its receipt',
  details: ['Shows the record as it was received, the facts of its receipt (who sent it, who says so, when by which clock), and the batch in which it is sealed.'],
  arguments: [ID_ARGUMENT],
  options: { identity: IDENTITY_OPTION },
  examples: [{ command: 'strongroom show 42-7', what: 'Record 7 of log entry 42' }],
  async run(call) {
    const id = checkedId(call.arguments.id);
    const { client } = await openReader(call.paths, call.options.identity);
    try {
      const shown = asItem(await client.call('show', { id })) as Shown;
      await writeValue(call, shown, () => shownLines(shown, (text) => call.io.out.style('bold', text)));
      return EXIT.ok;
    } finally {
      client.close();
    }
  },
});

/** The screen: the record first, because that is what was asked for. */
export function shownLines(shown: Shown, title: (text: string) => string): string[] {
  const { receipt, batch } = shown;
  return [
    printable(rawText(shown)), '',
    title('Receipt'), ...factLines([
      ['received', `${shown.receivedAt}  ${boundText(shown.boundNs)}`],
      ['source', `${shortSource(shown.source)}  ${printable(shown.source)}`],
      ['key', receipt.sourceKey ?? 'none was shown'],
      ['by', `${printable(shown.protocol)}${shown.peer === '' ? ', on this machine' : ` from ${printable(shown.peer)}`}`],
      ['kind', `${shown.kind}${flagText(receipt.flags)}`],
      ...(receipt.cut === undefined ? [] : [['sent', `${bytes(Number(receipt.cut.fullLength))} of which the beginning is kept, SHA-256 ${receipt.cut.fullHash}`] as const]),
      ['stream', `${shown.stream}, record ${shown.sequence}`],
      ['asserted', `${printable(receipt.asserter)}, instance ${receipt.instance}`],
      ['admitted', `${receipt.admittedAt}  by the vault's own clock`],
    ]), '',
    title('Sealed'), ...factLines([
      ['id', shown.id],
      ['batch', `${typeof batch['records'] === 'number' ? some(batch['records'], 'record') : 'one batch'} in segment ${String(batch['segment'])}, frame ${String(batch['frame'])}`],
      ['root', String(batch['root'])],
      ['key', String(batch['key'])],
    ]), '',
    `Prove it to anybody: strongroom prove ${shown.id} --out proof-${shown.id}.json`,
  ];
}

function flagText(flags: unknown): string {
  const names = Array.isArray(flags) ? flags.map(String) : typeof flags === 'object' && flags !== null ? Object.entries(flags).filter(([, on]) => on === true).map(([name]) => name) : [];
  return names.length === 0 ? '' : `, ${names.join(', ')}`;
}
