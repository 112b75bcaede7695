// SPDX-License-Identifier: Apache-2.0
// What the supervisor answers on its control socket, as far as it is shown here.
import type { Listener, LogFacts, SourceStats, WormFacts } from '@strongroom/service';

export interface ServiceStatus {
  readonly name: string;
  readonly index: number;
  readonly pid: number | null;
  readonly state: string;
  readonly reason: string | null;
  readonly since: string;
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
  readonly health: { readonly ok: boolean; readonly reason: string | null };
  readonly notes: readonly string[];
}

/** One second of `watch`. Numbers of services and sources count from their start. */
export interface WatchItem {
  readonly time: string;
  readonly services: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly states: Readonly<Record<string, string>>;
  readonly sources: Readonly<Record<string, SourceStats>>;
  readonly log: LogFacts | null;
}
