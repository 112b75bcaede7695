// SPDX-License-Identifier: Apache-2.0
// One producer over all its connections to this process: what it may use, what it uses, and what is told of it.
import type { Allowance, SourceStats, Usage } from '@strongroom/service';
import { Claims } from './claims.ts';

/** What a source brings its connections to, when it is too fast. */
export interface Throttled {
  throttle(on: boolean): void;
}

/** Of all sources together, since the process started. */
export interface Totals {
  events: number;
  bytes: number;
  ackedBytes: number;
}

/** How much of a second a source may use at once. */
const BURST_SECONDS = 0.25;
const BURST_BYTES_MIN = 64 * 1024;

export class Source {
  readonly name: string;
  readonly claims = new Claims();
  readonly #totals: Totals;
  readonly #members = new Set<Throttled>();
  readonly #since: number[] = []; // when each run that waits was received, ms
  #first = 0; // index of the oldest in #since
  #allowance: Allowance;
  #tokens = 0; // octets that may come before it is slowed
  #filledAtMs = performance.now();
  #timer: NodeJS.Timeout | undefined;
  #events = 0;
  #bytes = 0;
  #ackedBytes = 0;
  #waiting = 0;
  #reported = 0; // octets at the last usage report

  constructor(name: string, allowance: Allowance, totals: Totals) {
    this.name = name;
    this.#totals = totals;
    this.#allowance = allowance;
  }

  get connections(): number {
    return this.#members.size;
  }

  /** Whether nothing of it is connected, nor waits. */
  get isQuiet(): boolean {
    return this.#members.size === 0 && this.#first === this.#since.length;
  }

  get mayConnect(): boolean {
    return this.#members.size < this.#allowance.connections;
  }

  /** How many connections it may have. */
  get connectionsMax(): number {
    return this.#allowance.connections;
  }

  allow(allowance: Allowance): void {
    this.#allowance = allowance;
  }

  join(member: Throttled): void {
    this.#members.add(member);
    if (this.#timer !== undefined) member.throttle(true);
  }

  leave(member: Throttled): void {
    this.#members.delete(member);
  }

  /** Records were received. `isRun`: in a run of their own, whose end {@link settled} tells. */
  received(records: number, bytes: number, nowMs: number, isRun: boolean): void {
    this.#events += records;
    this.#bytes += bytes;
    this.#totals.events += records;
    this.#totals.bytes += bytes;
    this.#waiting += bytes;
    if (isRun) this.#since.push(nowMs);
  }

  /** The oldest run that waits is sealed, or will never be. */
  settled(bytes: number, sealed: boolean): void {
    this.#waiting -= bytes;
    if (sealed) {
      this.#ackedBytes += bytes;
      this.#totals.ackedBytes += bytes;
    }
    this.#first += 1;
    if (this.#first < 1024 && this.#first < this.#since.length) return;
    this.#since.splice(0, this.#first);
    this.#first = 0;
  }

  /** Octets came over the wire; slows the source down when they are more than its rate. */
  spend(bytes: number, nowMs: number): void {
    const rate = this.#allowance.bytesPerSecond;
    if (rate === 0) return;
    const burst = Math.max(rate * BURST_SECONDS, BURST_BYTES_MIN);
    this.#tokens = Math.min(burst, this.#tokens + ((nowMs - this.#filledAtMs) / 1000) * rate) - bytes;
    this.#filledAtMs = nowMs;
    if (this.#tokens >= 0 || this.#timer !== undefined) return;
    for (const member of this.#members) member.throttle(true);
    this.#timer = setTimeout(() => this.#goOn(), Math.ceil((-this.#tokens / rate) * 1000)).unref();
  }

  /** What it uses, for sharing limits between processes; octets since the last call. */
  usage(): Usage {
    const bytes = this.#bytes - this.#reported;
    this.#reported = this.#bytes;
    return { connections: this.#members.size, bytes };
  }

  stats(nowMs: number): SourceStats {
    const oldest = this.#since[this.#first];
    return {
      events: this.#events, bytes: this.#bytes, ackedBytes: this.#ackedBytes, connections: this.#members.size,
      waiting: this.#waiting, lagMs: oldest === undefined ? 0 : Math.round(nowMs - oldest),
    };
  }

  #goOn(): void {
    this.#timer = undefined;
    for (const member of this.#members) member.throttle(false);
  }
}
