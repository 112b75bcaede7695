// SPDX-License-Identifier: Apache-2.0
// What the supervisor and a service say to each other over the IPC channel: docs/ARCHITECTURE.md, "One supervisor, many services".
import type { RpcError } from '../calls/rpc-lines.ts';
import type { Config } from '../config/config-schema.ts';
import type { ServiceName } from '../files/layout.ts';
import type { Registry } from '../identity/registry.ts';
import type { ClockFacts, ClockSetter } from './clock-facts.ts';
import type { ServiceEvent } from './events.ts';
import type { Incident } from './incidents.ts';
import type { CountingFacts, CustodyFacts, LogFacts, TimestampFacts, UpkeepFacts, WitnessFacts, WormFacts } from './vault-facts.ts';

/** How well services are kept apart on this machine. */
export interface Separation {
  /** `users`: each service has a user of its own. `nominal`: all run as the user who started. */
  readonly kind: 'users' | 'nominal';
  /** Why it is nominal, in words; null for `users`. */
  readonly reason: string | null;
  /** Numeric group of each service, for `chown` of sockets to those who may use them; null when nominal. */
  readonly groups: Readonly<Record<ServiceName, number>> | null;
}

export type StartMessage = {
  readonly kind: 'start';
  readonly home: string;
  readonly config: Config;
  readonly deployment: string;
  readonly registry: Registry;
  /** Which of several processes of the same service, from 0. */
  readonly index: number;
  readonly separation: Separation;
  /** Of capture alone: the descriptor of /dev/kmsg, or null when it may not be read. */
  readonly kmsgFd: number | null;
};

/** Shares of the per-source limits for one gateway process. */
export interface Allowance {
  readonly connections: number;
  /** 0: unlimited. */
  readonly bytesPerSecond: number;
}

export type ToService =
  | StartMessage
  | { readonly kind: 'registry'; readonly registry: Registry; readonly version: number }
  | { readonly kind: 'reload' }
  | { readonly kind: 'allowance'; readonly sources: Readonly<Record<string, Allowance>> }
  | { readonly kind: 'protect-done'; readonly path: string; readonly flag: ProtectFlag; readonly ok: boolean; readonly error: string | null }
  /** Processes that stop before this one. When the supervisor is gone, nobody else tells the order. */
  | { readonly kind: 'before'; readonly pids: readonly number[] }
  /** To the vault: read everything that is sealed again, now. */
  | { readonly kind: 'scrub' }
  /** Somebody wants to know how things stand: to be answered by `stats`. */
  | { readonly kind: 'measure' }
  /** Something to do once, answered by `order-done` with the same id. */
  | { readonly kind: 'order'; readonly id: number; readonly name: string; readonly args: unknown }
  | ClaimsMessage
  | ClockSetMessage
  | { readonly kind: 'stop' };

/** `none` takes both away, from a segment that is destroyed by an order of two custodians. */
export type ProtectFlag = 'append' | 'immutable' | 'none';
export type ServiceState = 'starting' | 'running' | 'stalled' | 'degraded' | 'stopping';

export interface Listener {
  readonly protocol: string;
  /** `host:port` or `[v6]:port`, or a path. */
  readonly address: string;
}

/** Of one source, since the service started unless it says otherwise. */
export interface SourceStats {
  readonly events: number;
  readonly bytes: number;
  readonly ackedBytes: number;
  /** How long the oldest unacknowledged record has waited. */
  readonly lagMs: number;
  readonly connections: number;
  /** Octets received and not yet acknowledged. */
  readonly waiting: number;
}

/** How power and heat stand, by rack-monitor; a line of `status`. */
export interface RackSummary {
  readonly devices: number;
  /** Those that are not answering, by name; at most a few. */
  readonly away: readonly string[];
  /** What is out of the ordinary, in words; at most a few. */
  readonly trouble: readonly string[];
}

/** What `context.stats` returns: numbers by name, and more where a service has it. */
export interface ServiceStats {
  readonly values: Readonly<Record<string, number>>;
  readonly sources?: Readonly<Record<string, SourceStats>>;
  /** Open ones and those of the last day, the newest first. */
  readonly incidents?: readonly Incident[] | undefined;
  /** Of the vault alone. */
  readonly log?: LogFacts | undefined;
  readonly worm?: WormFacts | undefined;
  readonly upkeep?: UpkeepFacts | undefined;
  readonly custody?: CustodyFacts | undefined;
  readonly witness?: WitnessFacts | undefined;
  readonly timestamp?: TimestampFacts | undefined;
  readonly counter?: CountingFacts | undefined;
  /** Of skew-guard alone. */
  readonly clock?: ClockFacts | undefined;
  /** Of rack-monitor alone. */
  readonly rack?: RackSummary | undefined;
}

/** What one gateway process uses of a source's limits: connections now, octets since the last message. */
export interface Usage {
  readonly connections: number;
  readonly bytes: number;
}

/** How far what a source claimed lay behind its receipt, where that was least since the last message. */
export interface ClaimedLag {
  /** Negative: it claimed a time that had not come yet. */
  readonly behindNs: number;
  /** The claim was cut off to this. */
  readonly resolutionNs: number;
  /** Records that were looked at. */
  readonly records: number;
}

export type ClaimsMessage = { readonly kind: 'claims'; readonly sources: Readonly<Record<string, ClaimedLag>> };

export type ClockSetMessage = { readonly kind: 'clock-set'; readonly by: ClockSetter };

export type FromService =
  | { readonly kind: 'ready'; readonly listeners: readonly Listener[] }
  | { readonly kind: 'state'; readonly state: ServiceState; readonly reason: string | null }
  | ({ readonly kind: 'stats' } & ServiceStats)
  | { readonly kind: 'usage'; readonly sources: Readonly<Record<string, Usage>> }
  /** Of the gateway; the supervisor hands it on to skew-guard. */
  | ClaimsMessage
  /** Of capture; the same. */
  | ClockSetMessage
  | { readonly kind: 'protect'; readonly path: string; readonly flag: ProtectFlag }
  | { readonly kind: 'registry-done'; readonly version: number }
  | { readonly kind: 'order-done'; readonly id: number; readonly result?: unknown; readonly error?: RpcError }
  | ({ readonly kind: 'event' } & ServiceEvent);
