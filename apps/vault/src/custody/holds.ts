// SPDX-License-Identifier: Apache-2.0
// Legal holds. A hold is in force with its entry; a segment is held when the hold's key wraps its data key too. Which
// segments those are is judged again for all that is sealed later, and before anything is destroyed.
//
// Placing one, and what a crash leaves: 1. its key in the token (a key without use); 2. its text, durable (a text without an
// entry: removed at the next start); 3. its entry (in force: the next start judges from the log's beginning); 4. wraps,
// and how far it was judged (judged again from there).
import { hash } from 'node:crypto';
import { join } from 'node:path';
import { Failed, Refused } from '@strongroom/bytes';
import { decodeHoldText, decodeSegmentHeader, encodeHoldText, encodeOrderFile, inRanges, SEGMENT_HEADER_MAX, type HoldText, type OrderFile } from '@strongroom/evidence';
import { partsOf } from '../commit/segment-parts.ts';
import { listDirectory, putFile, readHead, readWhole, removeDurably } from '../disk.ts';
import type { Matches } from '../read/census.ts';
import { parseQuery, type Query } from '../read/query.ts';
import { condemnedKeys } from './condemned.ts';
import type { CustodyTools } from './tools.ts';

/** In force at once. */
const HOLDS_MAX = 1000;
/** What a hold asks for, docs/FORMAT.md section 10. */
const CONDITIONS: ReadonlySet<string> = new Set(['text', 'ignoreCase', 'since', 'until', 'source', 'stream', 'protocol', 'kind']);
/** 8192 characters of base64 in a hold's text. */
const QUERY_OCTETS_MAX = 6144;
const TEXT_FORM = /^(?! )[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]{1,500}(?<! )$/u;

export interface HoldRequest {
  readonly by: string;
  readonly reference: string;
  readonly reason: string;
  readonly query: Query;
}

export interface HoldFacts {
  readonly hold: string;
  /** Null when its text cannot be read: then nothing is destroyed at all. */
  readonly text: HoldText | null;
  readonly segments: readonly string[];
  /** Entries of the log that were judged. */
  readonly judged: number;
}

export class Holds {
  readonly #tools: CustodyTools;

  constructor(tools: CustodyTools) {
    this.#tools = tools;
  }

  /** Places a hold; segments are held when {@link judge} has run. Throws `Refused`: `hold.too-many`, `hold.text`, `hold.query`, `read.query`. */
  async place(request: HoldRequest): Promise<string> {
    const { world: { random, clock, disk }, state, keys, log } = this.#tools;
    if (state.holds.size >= HOLDS_MAX) throw new Refused('hold.too-many', `${state.holds.size} holds are in force`, { why: `the limit is ${HOLDS_MAX}`, fix: 'release those that are over' });
    const { reference, reason, query, by } = checkRequest(request);
    const hold = random(16).toString('hex');
    await keys.ensureWrappingKey('hold', hold);
    const text = encodeHoldText({ hold, created: clock.nowNs(), by, reference, reason, query: Buffer.from(JSON.stringify(query)), salt: random(16).toString('hex') });
    await putFile(disk, this.#path(hold, 'hold'), text);
    await log.enter({ kind: 'hold', time: clock.nowNs(), hold, document: hash('sha256', text, 'buffer') });
    return hold;
  }

  /** Every hold in force. */
  list(): HoldFacts[] {
    const wraps = this.#tools.wraps.list();
    return [...this.#tools.state.holds].map(([hold, document]) => ({
      hold, text: this.#text(hold, document), segments: [...wraps].flatMap(([segment, { holds }]) => (holds.includes(hold) ? [segment] : [])), judged: this.#judged(hold),
    }));
  }

  /** The text that the log vouches for, or null. */
  #text(hold: string, document: Buffer): HoldText | null {
    const bytes = readWhole(this.#tools.world.disk, this.#path(hold, 'hold'));
    return bytes === null || !hash('sha256', bytes, 'buffer').equals(document) ? null : decodeHoldText(bytes);
  }

  /**
   * Judges all that is published now by every hold, and wraps the data keys of what is held; with `segments` all of those,
   * from the log's beginning, however far a hold was judged. Throws `Failed('hold.lost')` when the text of a hold is not what
   * the log says: what it holds is not known then.
   */
  async judge(segments?: readonly string[]): Promise<void> {
    await this.#tools.log.settle();
    const failed: unknown[] = [];
    // Each by itself: what is wrong with one hold weakens no other.
    for (const [hold, document] of this.#tools.state.holds) await this.#judgeBy(hold, document, segments).catch((error: unknown) => failed.push(error));
    if (failed.length > 0) throw failed[0];
  }

  async #judgeBy(hold: string, document: Buffer, segments: readonly string[] | undefined): Promise<void> {
    const { log, reading, world: { disk } } = this.#tools;
    const first = segments === undefined ? this.#judged(hold) : 0;
    if (first >= log.size) return;
    const text = this.#text(hold, document);
    if (text === null) throw new Failed('hold.lost', `the text of hold ${hold} is missing, or not the one that the log names`, { why: 'what it holds is not known', fix: 'restore state/vault/holds from a backup; nothing is destroyed until then' });
    const found = (await reading.ask('matches', { query: JSON.parse(text.query.toString()) as Query, first, segments })) as Matches;
    await this.#wrap(hold, found.segments, segments !== undefined);
    // What was published and read, which may be less than what is committed by now.
    if (segments === undefined) await putFile(disk, this.#path(hold, 'judged'), `${found.size}\n`);
  }

  /** `isStrict`: a data key that is there and cannot be wrapped is an error, else it is told of. */
  async #wrap(hold: string, segments: readonly string[], isStrict: boolean): Promise<void> {
    if (segments.length === 0) return;
    const keyId = await this.#tools.keys.ensureWrappingKey('hold', hold);
    const known = this.#tools.wraps.list();
    for (const segment of segments) {
      if (known.get(segment)?.holds.includes(hold) === true) continue;
      try {
        await this.#wrapOne(hold, segment, keyId);
      } catch (error) {
        if (isStrict || !(error instanceof Refused)) throw error;
        this.#tools.say('vault.hold-incomplete', 'error', { hold, segment, why: error.message });
      }
    }
  }

  async #wrapOne(hold: string, segment: string, keyId: string): Promise<void> {
    const { wraps, keys, say } = this.#tools;
    const from = wraps.any(segment);
    if (from === null) say('vault.hold-incomplete', 'error', { hold, segment, why: 'its data key is missing' });
    else await wraps.rewrap(keys, segment, from, keyId, hold);
  }

  #judged(hold: string): number {
    const text = readWhole(this.#tools.world.disk, this.#path(hold, 'judged'))?.toString() ?? '';
    return /^[0-9]{1,15}\n$/.test(text) ? Number(text) : 0;
  }

  /** Which of these segments a hold in force keeps. */
  held(segments: Iterable<string>): string[] {
    const wraps = this.#tools.wraps.list();
    return [...segments].filter((segment) => wraps.get(segment)?.holds.some((hold) => this.#tools.state.holds.has(hold)) === true);
  }

  /**
   * Before the key that wraps these segments goes: every hold that keeps one of them opens its data key, or is given a new
   * wrap that does; a token or secrets that were put back may be older than the hold. Throws what neither can be done for.
   */
  async secure(segments: Iterable<string>): Promise<void> {
    const { wraps, state } = this.#tools;
    const known = wraps.list();
    for (const segment of segments) {
      for (const hold of known.get(segment)?.holds ?? []) {
        if (state.holds.has(hold) && !(await this.#opens(segment, hold))) await this.#wrapAgain(segment, hold);
      }
    }
  }

  async #opens(segment: string, hold: string): Promise<boolean> {
    const { wraps, keys } = this.#tools;
    try {
      const wrapped = wraps.read(segment, hold)!;
      (await keys.unwrap(wrapped.keyId, wrapped, wraps.context(segment, wrapped.keyId))).fill(0);
      return true;
    } catch (error) {
      if (error instanceof Refused) return false;
      throw error;
    }
  }

  async #wrapAgain(segment: string, hold: string): Promise<void> {
    const { wraps, keys, say } = this.#tools;
    const from = wraps.read(segment);
    if (from === null) throw new Failed('hold.lost', `what the hold ${hold} keeps of segment ${segment} cannot be opened`, { why: 'no wrap of its data key opens', fix: 'restore secrets/vault and the token from a backup' });
    await wraps.rewrap(keys, segment, from, await keys.ensureWrappingKey('hold', hold), hold);
    say('vault.hold-renewed', 'warn', { hold, segment });
  }

  /**
   * After its `release` entry: expiry counts again. A segment whose bucket's key is gone is wrapped by a new one of that
   * bucket, so that its destruction is decided by itself. Order: new wrap; the hold's wrap goes; the hold's key goes; its
   * text goes. A crash leaves the text, by which the next start goes on. Throws `Failed('order.under-way')` while a
   * destruction that left out what it kept is not finished: until then the bucket's wraps are those of keys that go.
   */
  async endRelease(file: OrderFile, hold: string): Promise<void> {
    const { wraps, keys, state, world: { disk } } = this.#tools;
    this.#checkFinished(hold);
    for (const [segment, { bucket, holds }] of wraps.list()) {
      if (!holds.includes(hold)) continue;
      const isKept = bucket || holds.some((other) => other !== hold && state.holds.has(other));
      if (!isKept) await this.#intoBucket(segment, hold);
      await wraps.remove(segment, hold);
    }
    await keys.destroyByOrder(encodeOrderFile(file));
    await removeDurably(disk, this.#path(hold, 'judged'));
    await removeDurably(disk, this.#path(hold, 'hold'));
  }

  #checkFinished(hold: string): void {
    const kept = [...this.#tools.wraps.list()].flatMap(([segment, { holds }]) => (holds.includes(hold) ? [segment] : []));
    const entry = [...this.#tools.state.destroying.values()].find(({ held }) => kept.some((segment) => inRanges(held, segment)));
    if (entry === undefined) return;
    throw new Failed('order.under-way', `the order ${entry.order} leaves out what the hold ${hold} keeps, and is not finished`, { why: `${entry.class}/${entry.bucket} is being destroyed`, fix: 'the release goes on by itself once that is done: see "strongroom destruction list"' });
  }

  async #intoBucket(segment: string, hold: string): Promise<void> {
    const { wraps, keys, world: { disk }, paths } = this.#tools;
    const [part] = partsOf(disk, paths.segments, segment);
    const from = wraps.read(segment, hold);
    if (part === undefined || from === null) return;
    const { header: { retentionClass, bucket } } = decodeSegmentHeader(readHead(disk, part.path, SEGMENT_HEADER_MAX));
    await wraps.rewrap(keys, segment, from, await keys.ensureWrappingKey(retentionClass, bucket, [...condemnedKeys(this.#tools)]));
  }

  /** Holds whose text is there and that are not in force: of a release that a crash interrupted, or of a hold that never was. */
  ended(): string[] {
    const { world: { disk }, paths, state } = this.#tools;
    return listDirectory(disk, paths.holds).flatMap((name) => {
      const hold = /^([0-9a-f]{32})\.hold$/.exec(name)?.[1];
      return hold === undefined || state.holds.has(hold) ? [] : [hold];
    });
  }

  /** Goes on with the end of such a hold. */
  async resume(hold: string): Promise<void> {
    const file = this.#tools.orders.releaseOf(hold);
    if (file === null) await removeDurably(this.#tools.world.disk, this.#path(hold, 'hold'));
    else await this.endRelease(file, hold);
  }

  #path(hold: string, kind: 'hold' | 'judged'): string {
    return join(this.#tools.paths.holds, `${hold}.${kind}`);
  }
}

/** Throws `Refused`: `hold.text`, `hold.query`, `read.query`. */
function checkRequest({ by, reference, reason, query }: HoldRequest): HoldRequest {
  for (const [name, text] of [['reference', reference], ['reason', reason]] as const) {
    if (!TEXT_FORM.test(text)) throw new Refused('hold.text', `a hold needs its ${name}`, { why: 'one line of 1 to 500 characters', fix: `give it, such as --${name} 'CASE-12'` });
  }
  const conditions = Object.fromEntries(Object.entries(query).filter(([name, value]) => value !== undefined && name !== 'limit' && name !== 'reverse')) as Query;
  const other = Object.keys(conditions).find((name) => !CONDITIONS.has(name));
  if (other === 'regex') throw new Refused('hold.query', 'a hold takes no regular expression', { why: 'one that never comes to an end would hold up every decision', fix: 'hold by a text' });
  if (other !== undefined) throw new Refused('hold.query', `a hold has no condition "${other.slice(0, 40)}"`, { why: `it takes ${[...CONDITIONS].join(', ')}` });
  if (Buffer.byteLength(JSON.stringify(conditions)) > QUERY_OCTETS_MAX) throw new Refused('hold.query', 'the conditions of the hold are too long', { why: `the limit is ${QUERY_OCTETS_MAX} octets of JSON`, fix: 'hold by a shorter text' });
  parseQuery(conditions);
  if (Object.keys(conditions).filter((name) => name !== 'ignoreCase').length === 0) throw new Refused('hold.query', 'a hold needs a condition', { why: 'without one it would hold everything for ever', fix: 'give a source, a time or a text' });
  return { by, reference, reason, query: conditions };
}
