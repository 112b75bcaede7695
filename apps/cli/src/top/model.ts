// SPDX-License-Identifier: Apache-2.0
// From counters that grow to what a person watches: rates, and how they went over the last half minute.
import { ageMs } from '../time.ts';
import { originSamples, type OriginSample } from './origins.ts';
import type { ServiceIncident, SourceStats, WatchItem } from '@strongroom/service/client';

export const HISTORY_SAMPLES = 30;

export interface SourceSample {
  /** As the gateway names it: the last part of its SPIFFE ID. */
  readonly source: string;
  /** Null until there are two samples to compare. */
  readonly eventsPerSecond: number | null;
  readonly ackedBytesPerSecond: number | null;
  readonly lagMs: number;
  /** Octets received and not yet acknowledged: what back-pressure holds. */
  readonly waitingBytes: number;
  readonly connections: number;
}

/** One line of `top -o jsonl`. */
export interface Sample {
  readonly time: string;
  /** Of services that are not running, by name; empty when all is well. */
  readonly states: Readonly<Record<string, string>>;
  readonly origin: string | null;
  readonly records: number;
  readonly batches: number;
  readonly logSize: number;
  readonly checkpointAgeMs: number | null;
  /** Acknowledged and not witnessed yet: the age of the oldest commit of it, and how much it is. Null without witnesses. */
  readonly unwitnessed: { readonly ageMs: number | null; readonly records: number; readonly bytes: number } | null;
  /** Since when the quorum is out of reach, or null. */
  readonly unwitnessedSince: string | null;
  /** Those that are open. */
  readonly incidents: readonly ServiceIncident[];
  /** Of all sources, our own services included: what the vault has sealed. */
  readonly sealedPerSecond: number | null;
  readonly eventsPerSecond: number | null;
  readonly ackedBytesPerSecond: number | null;
  readonly waitingBytes: number;
  readonly sources: readonly SourceSample[];
  /** Of what is read from this host. */
  readonly origins: readonly OriginSample[];
}

export class TopModel {
  #before: WatchItem | undefined;
  readonly #histories = new Map<string, number[]>();
  readonly #total: number[] = [];

  /** The next second. Sources that have gone from the watch are forgotten. */
  take(item: WatchItem): Sample {
    const seconds = this.#before === undefined ? 0 : (Date.parse(item.time) - Date.parse(this.#before.time)) / 1000;
    const sources = Object.entries(item.sources).map(([source, facts]) => sourceSample(source, facts, this.#before?.sources[source], seconds));
    const vault = item.services['vault'] ?? {};
    const sample = {
      time: item.time,
      states: Object.fromEntries(Object.entries(item.states).filter(([, state]) => state !== 'running')),
      origin: item.log?.origin ?? null,
      records: vault['records'] ?? 0, batches: vault['batches'] ?? 0, logSize: item.log?.size ?? 0,
      checkpointAgeMs: ageMs(item.log?.checkpointAt ?? null, BigInt(Date.parse(item.time)) * 1_000_000n),
      unwitnessed: item.witness?.unwitnessed ?? null, unwitnessedSince: item.witness?.since ?? null, incidents: item.incidents,
      sealedPerSecond: rate(vault['records'], this.#before?.services['vault']?.['records'], seconds),
      eventsPerSecond: sum(sources.map((one) => one.eventsPerSecond)),
      ackedBytesPerSecond: sum(sources.map((one) => one.ackedBytesPerSecond)),
      waitingBytes: sources.reduce((all, one) => all + one.waitingBytes, 0),
      sources: sources.toSorted((a, b) => (a.source < b.source ? -1 : 1)), origins: originSamples(item),
    };
    this.#before = item;
    this.#remember(sample);
    return sample;
  }

  /** Events per second of one source, oldest first; of all without a name. */
  history(source?: string): readonly number[] {
    return source === undefined ? this.#total : this.#histories.get(source) ?? [];
  }

  #remember({ sources, eventsPerSecond }: Sample): void {
    if (eventsPerSecond === null) return;
    push(this.#total, eventsPerSecond);
    for (const name of this.#histories.keys()) if (!sources.some(({ source }) => source === name)) this.#histories.delete(name);
    for (const { source, eventsPerSecond: one } of sources) {
      const history = this.#histories.get(source) ?? [];
      push(history, one ?? 0);
      this.#histories.set(source, history);
    }
  }
}

function sourceSample(source: string, now: SourceStats, before: SourceStats | undefined, seconds: number): SourceSample {
  return {
    source, eventsPerSecond: rate(now.events, before?.events, seconds), ackedBytesPerSecond: rate(now.ackedBytes, before?.ackedBytes, seconds),
    lagMs: now.lagMs, waitingBytes: now.waiting, connections: now.connections,
  };
}

/** A counter that went back began anew with its service: what it says now is all since then. */
function rate(now: number | undefined, before: number | undefined, seconds: number): number | null {
  if (now === undefined || before === undefined || seconds <= 0) return null;
  return Math.round((now < before ? now : now - before) / seconds);
}

/** Of those that are known; null when there are sources and none is. */
function sum(rates: readonly (number | null)[]): number | null {
  const known = rates.filter((one) => one !== null);
  return known.length === 0 && rates.length > 0 ? null : known.reduce((a, b) => a + b, 0);
}

function push(history: number[], value: number): void {
  history.push(value);
  if (history.length > HISTORY_SAMPLES) history.shift();
}
