// SPDX-License-Identifier: Apache-2.0
// Holds the vault to what was decided: nothing goes without two custodians, nothing that a hold in force answers goes at all,
// and of what went nothing is left from which its content could be had.
import { hash } from 'node:crypto';
import { KIND, decodeHoldText, decodeWrappedKey, inRanges, wrappingContext, type Entry, type Order } from '@strongroom/evidence';
import type { Layout } from '@strongroom/service';
import type { DiskImage, SoftwareKeys } from '@strongroom/testing';
import type { Query } from '../read/query.ts';
import type { SealedRun, SealedStore } from './sealed-store.ts';
import { Violation } from './violation.ts';

type DestroyEntry = Extract<Entry, { kind: 'destroy' }>;

/** Records that are looked for in the clear. */
const TEXTS_MAX = 8;

interface Told {
  readonly kind: Order['kind'];
  readonly approvedBy: Set<string>;
}

export class CustodyOracle {
  /** What each hold asks for, from its text as it was put in place. */
  readonly #queries = new Map<string, Query>();
  /** Holds of which the operator was told that they are in force. */
  readonly #placed = new Set<string>();
  readonly #orders = new Map<string, Told>();
  /** Every run that was ever committed, by its place. */
  readonly #found = new Map<string, SealedRun>();
  /** As the log last said. */
  inForce: ReadonlySet<string> = new Set();
  destroyedSegments = 0;

  placed(hold: string): void {
    this.#placed.add(hold);
  }

  drawn({ id, kind }: Order): void {
    if (!this.#orders.has(id)) this.#orders.set(id, { kind, approvedBy: new Set() });
  }

  /** From here on the approval may count, whatever becomes of the answer. */
  approving(order: string, custodian: string): void {
    this.#orders.get(order)?.approvedBy.add(custodian);
  }

  /** The text of a hold was put in place. */
  text(bytes: Buffer): void {
    const { hold, query } = decodeHoldText(bytes);
    this.#queries.set(hold, JSON.parse(query.toString()) as Query);
  }

  /** A run was committed: it may be destroyed before anybody looks. */
  committed(run: SealedRun): void {
    this.#found.set(placeOf(run), run);
  }

  /** What is in the store, and what was in it before it was destroyed, in the order of the log. */
  complete({ log, runs }: SealedStore): readonly SealedRun[] {
    for (const run of runs) this.committed(run);
    const gone = log.filter((entry): entry is DestroyEntry => entry.kind === 'destroy');
    if (gone.length === 0) return runs;
    const lost = [...this.#found.values()].filter(({ segment, entry }) => gone.some((one) => inRanges(one.segments, segment)) && log[entry] !== undefined);
    return [...runs, ...lost].sort((a, b) => a.entry - b.entry || a.place - b.place);
  }

  /** What the log says was decided, against what was. */
  checkDecisions({ log }: SealedStore): void {
    const inForce = new Set<string>();
    for (const entry of log) {
      if (entry.kind === 'hold') inForce.add(entry.hold);
      if (entry.kind === 'release') {
        this.#checkApproved(entry.order, 'release');
        inForce.delete(entry.hold);
        this.#placed.delete(entry.hold);
      }
      if (entry.kind !== 'destroy') continue;
      this.#checkApproved(entry.order, 'destroy');
      for (const hold of inForce) this.#checkKept(entry, hold);
    }
    for (const hold of this.#placed) if (!inForce.has(hold)) throw new Violation(`the hold ${hold} was placed, and is not in force`);
    this.inForce = inForce;
  }

  /** What a hold in force asks for is known. */
  checkTexts({ log }: SealedStore, image: DiskImage, { holds }: Layout): void {
    for (const entry of log) {
      if (entry.kind !== 'hold' || !this.inForce.has(entry.hold)) continue;
      const text = image.find(`${holds}/${entry.hold}.hold`);
      if (text?.kind !== 'file' || !hash('sha256', text.cache, 'buffer').equals(entry.document)) throw new Violation(`the text of the hold ${entry.hold}, which is in force, is not there`);
    }
  }

  #checkApproved(order: string, kind: Order['kind']): void {
    const told = this.#orders.get(order);
    // An order of which the answer was lost can be approved by nobody.
    if (told?.kind !== kind || told.approvedBy.size < 2) throw new Violation(`the order ${order} to ${kind} was carried out, approved by ${told === undefined ? 'nobody' : [...told.approvedBy].join(', ')}`);
  }

  #checkKept({ segments, order }: DestroyEntry, hold: string): void {
    const query = this.#queries.get(hold);
    if (query === undefined) throw new Violation(`the hold ${hold} is in force, and never had a text`);
    for (const run of this.#found.values()) {
      if (inRanges(segments, run.segment) && answers(run, query)) throw new Violation(`the order ${order} destroyed ${run.stream}@${run.first} in segment ${run.segment}, which the hold ${hold} keeps`);
    }
  }

  /** Once its end is in the log, nothing of what was destroyed is on the disk, and no data key of it can be had. */
  checkGone({ log }: SealedStore, image: DiskImage, { segments, dataKeys, vaultState }: Layout, keys: SoftwareKeys): void {
    const ended = new Map(log.flatMap((entry) => (entry.kind === 'destroyed' ? [[entry.order, entry] as const] : [])));
    const gone = log.flatMap((entry) => (entry.kind === 'destroy' && ended.has(entry.order) ? [entry] : []));
    if (gone.length === 0) return;
    const isGone = (segment: string): boolean => gone.some((entry) => inRanges(entry.segments, segment));
    for (const { keys: ids } of gone) for (const keyId of ids) if (!keys.isDestroyed(keyId)) throw new Violation(`the key ${keyId} was destroyed by the log, and the token has it`);
    for (const path of [...image.files(segments).keys(), ...image.files(`${vaultState}/filters`).keys()]) {
      if (isGone(segmentOf(path))) throw new Violation(`${path} is left of what was destroyed`);
    }
    for (const [path, { cache }] of image.files(dataKeys)) {
      if (isGone(segmentOf(path)) && opens(cache, segmentOf(path), keys)) throw new Violation(`${path} still opens what was destroyed`);
    }
    const lost = [...this.#found.values()].filter(({ segment }) => isGone(segment));
    const texts = lost.slice(-TEXTS_MAX).flatMap(({ records }) => records.slice(0, 1));
    for (const [path, { cache }] of image.files()) if (texts.some((text) => cache.includes(text))) throw new Violation(`${path} shows what was destroyed`);
    this.destroyedSegments = new Set(lost.map(({ segment }) => segment)).size;
  }

  clone(): CustodyOracle {
    const copy = new CustodyOracle();
    for (const [hold, query] of this.#queries) copy.#queries.set(hold, query);
    for (const hold of this.#placed) copy.#placed.add(hold);
    for (const [id, { kind, approvedBy }] of this.#orders) copy.#orders.set(id, { kind, approvedBy: new Set(approvedBy) });
    for (const [place, run] of this.#found) copy.#found.set(place, run);
    copy.inForce = this.inForce;
    return copy;
  }

  /** Tells apart what different pasts owe. */
  get debt(): string {
    return [...this.#placed, '|', ...[...this.#orders].map(([id, { approvedBy }]) => `${id}${approvedBy.size}`)].join(' ');
  }
}

function placeOf({ stream, first, entry }: SealedRun): string {
  return `${entry} ${stream} ${first}`;
}

function segmentOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1).slice(0, 16);
}

function opens(bytes: Buffer, segment: string, keys: SoftwareKeys): boolean {
  try {
    const wrapped = decodeWrappedKey(Buffer.from(bytes));
    keys.unwrapNow(wrapped.keyId, wrapped, wrappingContext(keys.key.name, segment, wrapped.keyId));
    return true;
  } catch {
    return false;
  }
}

/** As a hold would judge it, by other code than the vault's. */
function answers({ source, records, kind, receivedAt }: SealedRun, query: Query): boolean {
  if (query.source !== undefined && !source.endsWith(`/${query.source}`)) return false;
  if (query.since !== undefined && receivedAt < BigInt(query.since)) return false;
  if (query.kind !== undefined && KIND[query.kind] !== kind) return false;
  return query.text === undefined || records.some((record) => record.includes(query.text!));
}
