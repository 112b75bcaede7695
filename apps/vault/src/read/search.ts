// SPDX-License-Identifier: Apache-2.0
// One search: from the batches that may answer to items, handed on in chunks, the first ones early.
import { itemOf, type BatchEntry, type Item } from '@strongroom/evidence';
import type { FoundBatch, History } from './history.ts';
import type { Matcher } from './query.ts';
import { matching, type Match } from './scan.ts';
import type { Unread } from './unread.ts';

const CHUNK_ITEMS = 256;
const CHUNK_BYTES = 256 * 1024;
/** Nobody waits longer for what is found, however much there is still to look through. */
const CHUNK_MS = 100;
/** So many batches may be passed over between two turns of others. */
const PASSED_MAX = 256;

export interface SearchTools {
  readonly history: Pick<History, 'open'>;
  /** Whether the batch may hold a match, by what is known of it without opening it. */
  readonly mayHold: (entry: BatchEntry) => Promise<boolean>;
  /** Others have their turn, and who goes away is heard. */
  readonly turn: () => Promise<unknown>;
  /** Whether a batch is gone by an order of two custodians; it is counted then. */
  readonly isDestroyed: (entry: BatchEntry) => boolean;
  /** Takes what cannot be looked at. */
  readonly unread: Pick<Unread, 'note'>;
  /** Whether nobody waits for this any more. */
  readonly isLeft: () => boolean;
  /** Hands items on. Resolves when more may come; with false when nobody wants more. */
  readonly give: (items: readonly Item[]) => Promise<boolean>;
}

/** Gives what matches in `batches`; what cannot be read is noted. Resolves with how many matched. Throws `read.no-key` while the HSM is away. */
export async function search(batches: Iterable<FoundBatch>, query: Matcher, tools: SearchTools): Promise<number> {
  const chunk = new Chunk(tools.give);
  let passed = 0;
  for (const { index, entry } of batches) {
    const matches = await matchesOf(entry, query, tools);
    passed = matches === null ? passed + 1 : 0;
    if (passed % PASSED_MAX === 0) await tools.turn();
    if (tools.isLeft()) return chunk.found;
    for (const match of matches ?? []) {
      chunk.add(index, match);
      const isLast = chunk.found >= query.limit;
      if ((isLast || chunk.isFull) && !(await chunk.give())) return chunk.found;
      if (isLast) return chunk.found;
    }
    if (chunk.isDue && !(await chunk.give())) return chunk.found;
  }
  await chunk.give();
  return chunk.found;
}

/** Null where the batch was passed over unopened: it is gone, or cannot hold a match. */
async function matchesOf(entry: BatchEntry, query: Matcher, tools: SearchTools): Promise<Iterable<Match> | null> {
  try {
    if (tools.isDestroyed(entry) || !(await tools.mayHold(entry))) return null;
    if (tools.isLeft()) return [];
    const matches = matching(await tools.history.open(entry), query);
    return query.reverse ? [...matches].reverse() : noting(matches, entry, tools);
  } catch (error) {
    tools.unread.note(entry, error);
    return [];
  }
}

/** A batch that cannot be decoded to its end has given what it could. */
function* noting(matches: Iterable<Match>, entry: BatchEntry, { unread }: SearchTools): Generator<Match> {
  try {
    yield* matches;
  } catch (error) {
    unread.note(entry, error);
  }
}

class Chunk {
  readonly #give: SearchTools['give'];
  #items: Item[] = [];
  #bytes = 0;
  #givenAt = performance.now();
  found = 0;

  constructor(give: SearchTools['give']) {
    this.#give = give;
  }

  get isFull(): boolean {
    return this.#items.length >= CHUNK_ITEMS || this.#bytes >= CHUNK_BYTES;
  }

  get isDue(): boolean {
    return this.#items.length > 0 && performance.now() - this.#givenAt >= CHUNK_MS;
  }

  add(entry: number, { record, context }: Match): void {
    this.#items.push(itemOf(entry, record, context));
    this.#bytes += record.raw.length;
    this.found += 1;
  }

  async give(): Promise<boolean> {
    if (this.#items.length === 0) return true;
    const items = this.#items;
    [this.#items, this.#bytes] = [[], 0];
    const wanted = await this.#give(items);
    this.#givenAt = performance.now();
    return wanted;
  }
}
