// SPDX-License-Identifier: Apache-2.0
// What is known about a gap: the signs of life around it, and what others wrote down.

/** Sealed at intervals; two of them show what passed between. */
export interface Heartbeat {
  /** /proc/sys/kernel/random/boot_id. */
  readonly boot: string;
  /** Of the supervisor, 16 hexadecimal digits, random: another one was started anew. */
  readonly life: string;
  /** Nanoseconds since boot, sleep included. */
  readonly bootNs: bigint;
  /** Nanoseconds of the clock that stands still in sleep. */
  readonly monotonicNs: bigint;
  /** Since 1970, by the wall clock, and the error bound of that; null: not known. */
  readonly wallNs: bigint;
  readonly boundNs: bigint | null;
}

/** A record that was sealed, and when it was received. */
export interface SealedRecord {
  readonly id: string;
  readonly timeNs: bigint;
  readonly boundNs: bigint | null;
}

export interface DarkFacts {
  /** The last before the gap, and the first after it. */
  readonly before: Heartbeat;
  readonly after: Heartbeat;
  /** The newest of what was sealed before: evidence was taken until then. Null: nobody asked, or it is not to be had. */
  readonly lastSealed: SealedRecord | null;
  /** From one heartbeat to the next; 0: not known. */
  readonly everySeconds: number;
  /** A dump of a panic lies in pstore since. */
  readonly pstore: boolean;
  /** The last that was sealed before says that it was stopped in order. */
  readonly shutdownSealed: boolean;
  /** The machine's own book (wtmp) has a shutdown in order since. */
  readonly machineShutDown: boolean;
  /** WDIOF_CARDRESET in the boot status of a watchdog. */
  readonly watchdogReset: boolean;
  /** Whether what feeds this machine lost its voltage in the gap, by whoever watched it meanwhile. Null: nobody did. */
  readonly feedDied: boolean | null;
  /** What feeds this machine booted in the gap, or others of the same feed did. */
  readonly othersDied: boolean;
  /** The services were there and could not seal. */
  readonly stalled: boolean;
  readonly serviceEnded: boolean;
  readonly linkDown: boolean;
  readonly sourcesSilent: number;
  readonly sourcesAll: number;
  /** Clocks that differ by no more are right. */
  readonly stepSeconds: number;
}

/** Nothing is known but the signs of life themselves. */
export const NOTHING_KNOWN: Omit<DarkFacts, 'before' | 'after'> = {
  lastSealed: null, everySeconds: 0, pstore: false, shutdownSealed: false, machineShutDown: false, watchdogReset: false, feedDied: null, othersDied: false, stalled: false, serviceEnded: false, linkDown: false,
  sourcesSilent: 0, sourcesAll: 0, stepSeconds: 1,
};
