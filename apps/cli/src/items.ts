// SPDX-License-Identifier: Apache-2.0
// Records as the vault hands them to readers, and how a table shows them.
import { Bug } from '@strongroom/bytes';
import type { Item } from '@strongroom/evidence';
import { printable } from './printable.ts';
import { cut, pad } from './table.ts';
import { shortTime } from './time.ts';
import type { Sink } from './io.ts';

/** Checks only what every use relies on: the vault is ours, but may be of another version. */
export function asItem(value: unknown): Item {
  const item = value as Partial<Item> | null;
  if (typeof item?.id === 'string' && typeof item.source === 'string' && typeof item.receivedAt === 'string') return item as Item;
  throw new Bug('read.item', 'the vault answered with something that is no record');
}

export async function* itemsOf(values: AsyncIterable<unknown>): AsyncGenerator<Item> {
  for await (const value of values) yield asItem(value);
}

/** `web-01` for a source, `service/capture` or `reader/anna` for others, the whole where it is none of ours. */
export function shortSource(id: string): string {
  const match = /^spiffe:\/\/[^/]+\/(?:source\/([^/]+)|((?:service|reader)\/[^/]+))$/.exec(id);
  return match?.[1] ?? match?.[2] ?? printable(id);
}

/** What the vault is asked for: it takes a whole SPIFFE ID or a name alone; `service/vault` becomes the former. */
export function askedSource(source: string, deployment: string): string {
  return /^(service|reader|source)\/[^/]+$/.test(source) ? `spiffe://${deployment}/${source}` : source;
}

export function rawText(item: Pick<Item, 'raw' | 'rawBase64'>): string {
  return item.raw ?? `base64 ${item.rawBase64 ?? ''}`;
}

/** Rows of records as they come: columns are as wide as the widest cell so far. On a terminal a row takes one line. */
export class ItemRows {
  readonly #sink: Sink;
  #widths = [8, 24, 8];

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  row(item: Item): string {
    const cells = [item.id, shortTime(item.receivedAt), shortSource(item.source)];
    this.#widths = this.#widths.map((width, index) => Math.max(width, cells[index]!.length));
    const [id, time, source] = cells.map((cell, index) => pad(cell, this.#widths[index]!)) as [string, string, string];
    const room = this.#sink.columns === undefined ? Infinity : this.#sink.columns - id.length - time.length - source.length - 6;
    const mark = item.kind === 'data' ? '' : `[${item.kind}] `;
    // A record may have 256 KiB; of those a line never shows more than it has room for. Many end with a line feed.
    const text = printable(rawText(item).replace(/\r?\n$/, '').slice(0, room === Infinity ? undefined : room * 2 + 2));
    const shown = room === Infinity ? mark + text : cut(mark + text, Math.max(20, room));
    return `${this.#sink.style('dim', id)}  ${time}  ${this.#sink.style('cyan', source)}  ${shown}`.trimEnd();
  }
}
