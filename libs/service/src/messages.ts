// SPDX-License-Identifier: Apache-2.0
// What the supervisor and a service say to each other over the IPC channel: docs/ARCHITECTURE.md, "One supervisor, many services".
import type { Config } from './config-schema.ts';
import type { ServiceEvent } from './events.ts';
import type { Incident } from './incidents.ts';
import type { ServiceName } from './layout.ts';
import type { Registry } from './registry.ts';
import type { RpcError } from './rpc-lines.ts';

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

/** What the vault says of its log. `rootHash` base64, `vkey` a C2SP verifier key line, `checkpointAt` ISO 8601 or null. */
export interface LogFacts {
  readonly origin: string;
  readonly size: number;
  readonly rootHash: string;
  readonly vkey: string;
  readonly checkpointAt: string | null;
}

/** Whether the file system keeps segments from being altered. */
export interface WormFacts {
  readonly append: boolean;
  readonly immutable: boolean;
  /** Why not, in words; null when both hold. */
  readonly reason: string | null;
}

/** How the vault keeps watch over what it has sealed. Times RFC 3339. */
export interface UpkeepFacts {
  readonly scrub: {
    /** Of the pass under way. */
    readonly percent: number;
    readonly passStartedAt: string | null;
    readonly lastPassAt: string | null;
    /** Whether it runs as fast as it may, because somebody asked for it. */
    readonly hurried: boolean;
    /** Files that are not what was sealed, and the first of them in words. */
    readonly damaged: number;
    readonly damage: string | null;
    /** Readings that a second one did not confirm. */
    readonly transient: number;
  };
  readonly checksums: {
    readonly directory: string;
    /** Why the checksum database cannot be written at present; null when it can. */
    readonly away: string | null;
    /** Whether it lies on the same file system as the store; null: not known. */
    readonly sharesVolume: boolean | null;
  };
}

/** Legal holds, and what custodians ordered. */
export interface CustodyFacts {
  /** Holds in force. */
  readonly holds: number;
  /** Orders that wait for approvals, or to be carried out. */
  readonly waiting: number;
  /** Destructions that are begun and not finished. */
  readonly destroying: number;
  /** Buckets over their time that are not held, at the last look (`retention.checkMinutes`). */
  readonly due: number;
  /** What an order could not be carried out for, of those that wait; it is tried again. Null: nothing. */
  readonly failure: string | null;
}

/** How far the log is witnessed, where a policy is configured. Times are ISO 8601. */
export interface WitnessFacts {
  /** Of the last checkpoint that a quorum cosigned; 0 before the first. */
  readonly size: number;
  /** When, as the latest of its cosigners says. */
  readonly at: string | null;
  /** Who, as the policy calls them. */
  readonly by: readonly string[];
  /** What is acknowledged and not witnessed yet; `ageMs` of the oldest commit of it, null when there is none. */
  readonly unwitnessed: { readonly ageMs: number | null; readonly records: number; readonly bytes: number };
  /** The quorum has been out of reach since then, for longer than `witness.graceSeconds`; else null. */
  readonly since: string | null;
  /** Whether, since the start, a quorum of witnesses was found that had seen this log, and this store extends what they saw. */
  readonly compared: boolean;
  /** Of so many witnesses: who had seen it, to whom it is new, and who says, without showing it, that there was more. */
  readonly comparison: { readonly of: number; readonly known: readonly string[]; readonly unknown: readonly string[]; readonly ahead: readonly string[] };
}

/** The hardware counter, where one is configured. Times are ISO 8601. */
export interface CountingFacts {
  readonly kind: 'tpm';
  /** Where it stands by the last statement about it, and how many entries were published then; null before the first. */
  readonly value: number | null;
  readonly size: number;
  /** When the store was last held against it; null: not since the start. */
  readonly comparedAt: string | null;
  /** Why it does not answer, or null. */
  readonly away: string | null;
}

/** Timestamps of an authority outside, where one is configured. Times are ISO 8601. */
export interface TimestampFacts {
  readonly kept: number;
  /** Entries that the newest one covers; 0 before the first. */
  readonly size: number;
  /** When, and who says so. */
  readonly at: string | null;
  readonly by: string | null;
  /** None could be had since then, for more than two intervals; else null. */
  readonly since: string | null;
}

/** A timestamp that the vault keeps, over so many entries. */
export interface KeptTimestamp {
  readonly size: number;
  /** RFC 3339, by the authority's clock. */
  readonly at: string;
  readonly accuracyNs: number | null;
  readonly authority: string;
  readonly serial: string;
  readonly policy: string;
}

/** One source of time, as whoever disciplines the clock sees it. */
export interface ClockSource {
  readonly name: string;
  readonly kind: 'server' | 'peer' | 'clock';
  readonly verdict: 'selected' | 'combined' | 'not-combined' | 'falseticker' | 'jittery' | 'unusable';
  readonly stratum: number;
  readonly isReachable: boolean;
  /** Null: nobody tells. */
  readonly authentication: 'none' | 'nts' | 'key' | null;
  /** Null: it was never heard. */
  readonly offsetNs: number | null;
  readonly errorNs: number | null;
}

/** Somebody set the clock. */
export interface ClockStep {
  /** ISO 8601. */
  readonly at: string;
  readonly byNs: number;
  /** Who may have done it; empty: capture saw nobody. */
  readonly by: readonly ClockSetter[];
}

export type ClockState = 'locked' | 'holdover' | 'unsynchronised' | 'stepped' | 'disputed';

/** How this machine's clock stands, by skew-guard. */
export interface ClockFacts {
  readonly state: ClockState;
  /** Why, in words. */
  readonly reason: string;
  /** ISO 8601. */
  readonly since: string;
  /** Against `clock.warnMicroseconds` and `clock.limitMicroseconds`; unknown before the first bound. */
  readonly grade: 'unknown' | 'good' | 'warn' | 'limit';
  /** True time is within this of what receipts say; null: not known. */
  readonly boundNs: number | null;
  readonly growthPpb: number | null;
  /** The wall clock against what disciplines it holds for true. */
  readonly offsetNs: number | null;
  readonly rootDelayNs: number | null;
  readonly falsetickers: readonly string[];
  readonly leap: 'none' | 'insert' | 'delete';
  /** By how much the wall clock is known to be wrong, because somebody set it; receipts go by the monotonic clock then. */
  readonly wallOffNs: number | null;
  /** The last time that somebody set the clock in this life of skew-guard. */
  readonly lastStep: ClockStep | null;
  readonly sources: readonly ClockSource[];
  /** What servers said to skew-guard itself: true time less the wall clock is in `offsetNs` ± `errorNs`. */
  readonly checks: readonly { readonly name: string; readonly offsetNs: number; readonly errorNs: number }[];
}

/** The worst of one minute. */
export interface ClockPoint {
  readonly at: string;
  readonly state: ClockState;
  readonly boundNs: number | null;
}

/** How a producer's clock stands, by what it claims and when that comes. */
export interface ProducerClock {
  readonly source: string;
  readonly state: 'good' | 'behind' | 'ahead';
  /** Its clock less true time. Behind, it is no further off than this; ahead, no less. */
  readonly skewNs: number;
  /** By so much it may be another: what our own clock may be wrong, and digits that it leaves out. */
  readonly errorNs: number;
  /** ISO 8601; of a clock that is behind or ahead. */
  readonly since: string | null;
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

/** Who called what sets the clock, by an event that capture saw and seals. Numbers that need not be exact are numbers here. */
export interface ClockSetter {
  /** Since boot, sleep included. */
  readonly atNs: number;
  /** settimeofday, clock_settime; or adjtimex, clock_adjtime, which also only ask. */
  readonly call: string;
  readonly pid: number;
  readonly name: string;
  readonly login: number | null;
  readonly person: string | null;
  readonly executable: string | null;
  readonly unit: string | null;
  readonly container: string | null;
}

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
