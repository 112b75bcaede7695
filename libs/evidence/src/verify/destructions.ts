// SPDX-License-Identifier: Apache-2.0
// What the log says was destroyed: by an order that two custodians approved, of segments of that bucket and no others.
import type { DestroyedEntry, DestroyEntry } from '../entry.ts';
import { checkDestroyOrder } from '../destruction-proof.ts';
import { ORDER_FILE_BYTES_MAX, decodeOrderFile, type DestroyOrder } from '../order/index.ts';
import { rangesCount, rangesWithin, segmentsIn } from '../segment-ranges.ts';
import type { SegmentState } from './segment-state.ts';
import type { GuardedReader } from './store-reader.ts';
import { reason, type Findings } from './verdict.ts';

const NAME = /^([0-9a-f]{32})\.order$/;
/** Of a store come no more than a few a month. */
const ORDERS_MAX = 100_000;

export interface DestructionTools {
  readonly reader: GuardedReader;
  readonly origin: string;
  /** The deployment's CA (DER) if it is known; null: what orders say of it is taken. */
  readonly authority: Buffer | null;
  readonly findings: Findings;
}

export class Destructions {
  readonly #tools: DestructionTools;
  readonly #entries = new Map<string, { readonly index: number; readonly entry: DestroyEntry; isDone: boolean }>();
  /** Orders that were carried out, to be held against the log's root at their size. */
  readonly #orders: DestroyOrder[] = [];
  segments = 0;
  records = 0;

  constructor(tools: DestructionTools) {
    this.#tools = tools;
  }

  /** Sizes of the log that orders were drawn up against. */
  sizes(): number[] {
    const { reader, findings } = this.#tools;
    return reader.list('orders').slice(0, ORDERS_MAX).flatMap((name) => {
      const bytes = NAME.test(name) ? reader.readFile(`orders/${name}`, ORDER_FILE_BYTES_MAX) : null;
      if (!NAME.test(name)) findings.note('store.unknown-file', `orders/${name}`, 'is no order');
      try {
        return bytes === null ? [] : [decodeOrderFile(bytes).order.size];
      } catch {
        return []; // Told where the log names it.
      }
    });
  }

  /** Judges a `destroy` entry, and marks the segments that it destroys. */
  destroy(entry: DestroyEntry, index: number, states: ReadonlyMap<string, SegmentState>): void {
    const before = this.#tools.findings.failures.length;
    const fail = (detail: string): void => this.#tools.findings.fail('destroy.order', `log entry ${index}`, detail);
    if (this.#entries.has(entry.order)) fail(`the order ${entry.order} is carried out a second time`);
    this.#entries.set(entry.order, { index, entry, isDone: false });
    this.#judgeOrder(entry, fail);
    const destroyed = this.#judgeSegments(entry, index, states);
    if (this.#tools.findings.failures.length > before) return;
    for (const state of destroyed) state.destroyed = true;
    this.segments += destroyed.length;
    this.records += entry.records;
  }

  #judgeOrder(entry: DestroyEntry, fail: (detail: string) => void): void {
    const { reader, origin, authority } = this.#tools;
    const bytes = reader.readFile(`orders/${entry.order}.order`, ORDER_FILE_BYTES_MAX);
    if (bytes === null) return fail(`orders/${entry.order}.order, by which it was destroyed, is missing`);
    try {
      const { order } = checkDestroyOrder(entry, bytes, { origin, authority });
      if (!rangesWithin(entry.segments, order.segments) || !rangesWithin(entry.held, order.segments)) fail('it reaches segments that the order does not name');
      this.#orders.push(order);
    } catch (error) {
      fail(reason(error));
    }
  }

  /** The segments that it names, after each was found to be of its bucket, and their sums to be its own. */
  #judgeSegments(entry: DestroyEntry, index: number, states: ReadonlyMap<string, SegmentState>): SegmentState[] {
    const fail = (detail: string): void => this.#tools.findings.fail('destroy.segments', `log entry ${index}`, detail);
    if (rangesCount(entry.segments) > states.size) {
      fail(`it names ${rangesCount(entry.segments)} segments, the log has ${states.size} before it`);
      return [];
    }
    const named: SegmentState[] = [];
    for (const segment of segmentsIn(entry.segments)) {
      const state = states.get(segment);
      if (state === undefined) fail(`segment ${segment} is not in the log before it`);
      else if (state.bucket !== `${entry.class}/${entry.bucket}`) fail(`segment ${segment} is of the bucket ${state.bucket ?? 'of several keys'}, not of ${entry.class}/${entry.bucket}`);
      else if (state.destroyed) fail(`segment ${segment} was destroyed before`);
      else named.push(state);
    }
    const sum = (of: (state: SegmentState) => number): number => named.reduce((total, state) => total + of(state), 0);
    const sums = [sum((state) => state.frames), sum((state) => state.records), sum((state) => state.bytes)];
    const isLoose = named.some(({ loose }) => loose);
    if (!isLoose && sums.join() !== [entry.batches, entry.records, entry.bytes].join()) fail(`it counts ${entry.batches} batches, ${entry.records} records and ${entry.bytes} octets; its segments have ${sums.join(', ')}`);
    return named;
  }

  destroyed(entry: DestroyedEntry, index: number): void {
    const begun = this.#entries.get(entry.order);
    if (begun === undefined || begun.isDone) this.#tools.findings.fail('destroy.order', `log entry ${index}`, `it ends a destruction by the order ${entry.order} that is not under way`);
    else begun.isDone = true;
  }

  /** Holds orders against the roots of the log that are known. */
  end(rootAt: (size: number) => Buffer | undefined): void {
    for (const { id, size, root } of this.#orders) {
      const here = rootAt(size);
      if (here !== undefined && !here.equals(root)) this.#tools.findings.fail('destroy.order', `orders/${id}.order`, `it was drawn up against another log of ${size} entries`);
    }
    for (const { index, entry, isDone } of this.#entries.values()) {
      if (!isDone) this.#tools.findings.note('destroy.under-way', `log entry ${index}`, `the destruction of ${entry.class}/${entry.bucket} has not ended`);
    }
  }
}
