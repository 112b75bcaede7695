// SPDX-License-Identifier: Apache-2.0
// What the supervisor answers on its control socket, for both ends of it.
import type { ClockFacts } from './clock-facts.ts';
import type { Incident } from './incidents.ts';
import type { Listener, SourceStats } from './messages.ts';
import type { CountingFacts, CustodyFacts, LogFacts, TimestampFacts, UpkeepFacts, WitnessFacts, WormFacts } from './vault-facts.ts';

export interface ServiceStatus {
  readonly name: string;
  readonly index: number;
  readonly pid: number | null;
  readonly state: string;
  readonly reason: string | null;
  readonly since: string;
  /** When it last told how it stands, which it does when it is asked; null or left out: never, or it is none that is asked. */
  readonly saidAt?: string | null;
}

export interface Health {
  readonly ok: boolean;
  readonly reason: string | null;
  /** What is not as it should be though evidence is taken and sealed, in words; null when there is nothing. */
  readonly degraded: string | null;
}

export interface ServiceIncident extends Incident {
  readonly service: string;
}

/** The answer to `status`. */
export interface Status {
  readonly log: LogFacts | null;
  readonly records: number;
  readonly batches: number;
  readonly bytes: number;
  readonly deployment: string;
  readonly home: string;
  readonly services: readonly ServiceStatus[];
  readonly listeners: readonly Listener[];
  readonly separation: { readonly kind: string; readonly reason: string | null };
  readonly worm: WormFacts | null;
  readonly upkeep: UpkeepFacts | null;
  readonly custody: CustodyFacts | null;
  /** Null: no witnesses are configured. */
  readonly witness: WitnessFacts | null;
  /** Null: no time stamping authority is configured. */
  readonly timestamp: TimestampFacts | null;
  readonly counter: CountingFacts | null;
  /** Null: nobody watches the clock. */
  readonly clock: ClockFacts | null;
  readonly health: Health;
  /** Open ones first, then those of the last day. */
  readonly incidents: readonly ServiceIncident[];
  /** What is missing or out of the ordinary, a sentence each. */
  readonly notes: readonly string[];
}

/** How many segments' data keys a wrapping key wraps. */
export interface KeyUse {
  readonly count: number;
}

/** One second of `watch`. Numbers of services and sources count from their start. */
export interface WatchItem {
  readonly time: string;
  readonly services: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly states: Readonly<Record<string, string>>;
  readonly sources: Readonly<Record<string, SourceStats>>;
  readonly log: LogFacts | null;
  readonly witness: WitnessFacts | null;
  /** Those that are open. */
  readonly incidents: readonly ServiceIncident[];
}
