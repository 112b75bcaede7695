// SPDX-License-Identifier: Apache-2.0
// What fed this machine, and when it did not, from the records of protocol "power" that are marked with `feeds`, in the order of
// the log. A machine that its power left cannot say why; the last that it sealed of its outlet, and what the PDU tells afterwards, can.

import { judge, type DarkZone } from './dark-zone.ts';
import type { DarkFacts } from './facts.ts';

type Json = Readonly<Record<string, unknown>>;

/** Times at which nothing fed us that are kept. */
const OUTAGES_MAX = 10_000;
const DEVICES_MAX = 256;
/** Of states that a device tells in a word: those in which no power comes. */
const OFF: Readonly<Record<string, readonly string[]>> = { switched: ['off'], breaker: ['open'], supply: ['battery', 'none'] };

interface Boot {
  readonly atNs: bigint;
  readonly boots: number;
}

/** A dark zone, and what it was decided by. */
export interface Found {
  readonly zone: DarkZone;
  readonly facts: DarkFacts;
}

/** The same dark zone with what is known of the feed. Only a boot can have come of that. */
export function withFeeds({ zone, facts }: Found, feeds: Pick<FeedHistory, 'died' | 'booted'>): Found {
  if (facts.before.boot === facts.after.boot) return { zone, facts };
  const [feedDied, othersDied] = [feeds.died(zone.fromNs, zone.toNs) || facts.feedDied, feeds.booted(zone.fromNs, zone.toNs) || facts.othersDied];
  const known = { ...facts, feedDied, othersDied };
  return { zone: { ...zone, ...judge(known) }, facts: known };
}

export class FeedHistory {
  /** By device, the places without power. */
  readonly #off = new Map<string, Set<string>>();
  readonly #boots = new Map<string, Boot[]>();
  readonly #outages: { readonly fromNs: bigint; toNs: bigint | null }[] = [];

  /** A record as it was sealed; one that says nothing of a feed is passed over. */
  take(raw: string): void {
    const record = parsed(raw);
    const [device, all, atNs] = [record?.['device'], record?.['feeds'], timeNs(record?.['time'])];
    if (record === null || typeof device !== 'string' || typeof all !== 'number' || atNs === null) return;
    if (record['authenticated'] === false) return; // anybody may have said so
    if (record['type'] === 'device') this.#device(device, record, atNs);
    else this.#place(device, record);
    this.#judge(all, atNs, timeNs(record['notBefore']));
  }

  /** Whether at some moment of that time nothing fed us. */
  died(fromNs: bigint, toNs: bigint): boolean {
    return this.#outages.some((one) => one.fromNs <= toNs && (one.toNs === null || one.toNs >= fromNs));
  }

  /** Whether something that feeds us booted then: between the last that it told before and the first after. */
  booted(fromNs: bigint, toNs: bigint): boolean {
    return [...this.#boots.values()].some((told) => {
      const before = told.findLast(({ atNs }) => atNs <= fromNs);
      const after = told.find(({ atNs }) => atNs >= toNs);
      return before !== undefined && after !== undefined && after.boots > before.boots;
    });
  }

  /** Whether so many devices were heard of since: nothing more is to come of that time. */
  isSettled(toNs: bigint, devices: number): boolean {
    return [...this.#boots.values()].filter((told) => told.some(({ atNs }) => atNs >= toNs)).length >= devices;
  }

  #device(device: string, { state, boots, awaySince }: Json, atNs: bigint): void {
    // A new life of the service judges every place anew.
    if (state === 'answering' && awaySince === undefined) this.#off.delete(device);
    if (typeof boots !== 'number') return;
    const told = this.#boots.get(device) ?? [];
    if (told.length === 0 && this.#boots.size >= DEVICES_MAX) return;
    told.push({ atNs, boots });
    this.#boots.set(device, told.slice(-OUTAGES_MAX));
  }

  #place(device: string, record: Json): void {
    const { type, of, place } = record;
    const isOff = type === 'interruption' ? record['what'] === 'began' : OFF[String(type)]?.includes(String(record['to']));
    if (isOff === undefined) return;
    const places = this.#off.get(device) ?? new Set();
    if (isOff) places.add(`${String(of)} ${String(place)}`);
    else places.delete(`${String(of)} ${String(place)}`);
    if (places.size > 0) this.#off.set(device, places);
    else this.#off.delete(device);
  }

  /** `all`: how many devices feed us. An interruption began no earlier than the reading before it. */
  #judge(all: number, atNs: bigint, notBeforeNs: bigint | null): void {
    const [isDead, last] = [this.#off.size >= all, this.#outages.at(-1)];
    const isOpen = last?.toNs === null;
    if (isDead && !isOpen && this.#outages.length < OUTAGES_MAX) this.#outages.push({ fromNs: notBeforeNs ?? atNs, toNs: null });
    if (!isDead && isOpen) last.toNs = atNs;
  }
}

function parsed(raw: string): Json | null {
  try {
    const value: unknown = JSON.parse(raw);
    return typeof value === 'object' && value !== null ? (value as Json) : null;
  } catch {
    return null;
  }
}

function timeNs(value: unknown): bigint | null {
  const ms = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(ms) ? null : BigInt(ms) * 1_000_000n;
}
