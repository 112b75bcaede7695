// SPDX-License-Identifier: Apache-2.0
// A machine of which true time is known: an oscillator that wanders, a wall clock that can be set, and a discipline that measures
// true time with an error that it states, and slews the clock towards what it measured.
import type { Clocks } from '@strongroom/service';
import type { Reference } from '../bound/reference.ts';
import type { Check, Moment, Observation } from '../state/observation.ts';

export const SECOND = 1_000_000_000n;
const POLL_SECONDS = 4;
const TICK_SECONDS = 0.05;
const SKEW_PPB = 400;
/** How fast it slews at most, and the share of an offset that it takes away each second. */
const SLEW_PPB_MAX = 83_333_000;
const SLEW_SHARE = 0.2;
const DELAY_NS = 200_000;
const DISPERSION_NS = 5000;
const WANDER_NS = 3000;

export class Machine {
  readonly boot = Buffer.alloc(16, 1);
  trueNs: bigint;
  /** What the discipline announces. */
  leap: Reference['leap'] = 'none';
  isCutOff = false;
  isDisciplined = true;
  checks: readonly Check[] = [];
  #monotonic = 1000n * SECOND;
  #slept = 0n;
  /** The wall clock less the monotonic one. */
  #apart: bigint;
  #state: number;
  #frequencyPpb = 0;
  /** What the discipline takes for true time less the wall clock, and the error of that which it does not know. */
  #estimateNs = 0;
  #sincePoll = POLL_SECONDS;
  #update = 0;
  #updatedAtNs = 0n;
  #dispersedNs = 0;

  constructor(seed: number, startNs = 1_800_000_000n * SECOND) {
    this.trueNs = startNs;
    this.#apart = startNs - this.#monotonic + 40_000n;
    this.#state = seed * 2_654_435_761 % 2 ** 32;
    this.#measure();
  }

  /** In [0, 1): mulberry32. */
  random(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** True time less the wall clock. */
  get offsetNs(): number {
    return Number(this.trueNs - this.#wall);
  }

  get clocks(): Clocks {
    return { boot: this.boot, monotonicNs: () => this.#monotonic, wallNs: () => this.#wall };
  }

  moment(): Moment {
    return { monotonicNs: this.#monotonic, wallNs: this.#wall, bootNs: this.#monotonic + this.#slept };
  }

  observe(): Observation {
    const reference = this.isDisciplined ? this.#reference() : null;
    return { moment: this.moment(), reference, why: reference === null ? 'nobody measures' : null, sources: [], checks: this.checks };
  }

  pass(seconds: number): void {
    for (let left = seconds; left > 0; left -= TICK_SECONDS) this.#tick(Math.min(left, TICK_SECONDS));
  }

  /** Somebody sets the wall clock. */
  set(bySeconds: number): void {
    this.#apart += BigInt(Math.round(bySeconds * 1e9));
  }

  /** A leap second is taken, by the kernel and by everybody: the time of POSIX tells one second twice, or leaves one out. */
  takeLeap(kind: 'insert' | 'delete'): void {
    const byNs = kind === 'insert' ? -SECOND : SECOND;
    this.trueNs += byNs;
    this.#apart += byNs;
  }

  /** The monotonic clock stands still; afterwards the wall clock is set from one that knows seconds. */
  sleep(seconds: number): void {
    const byNs = BigInt(Math.round(seconds * 1e9));
    this.trueNs += byNs;
    this.#slept += byNs;
    this.#apart += byNs + BigInt(Math.round((this.random() - 0.5) * 1e9));
  }

  get #wall(): bigint {
    return this.#monotonic + this.#apart;
  }

  #tick(seconds: number): void {
    // While it is measured the oscillator stays near what was measured of it; on its own it may go further.
    const reach = this.isCutOff || !this.isDisciplined ? 10_000 : SKEW_PPB;
    this.#frequencyPpb = Math.max(-reach, Math.min(reach, this.#frequencyPpb + (this.random() - 0.5) * 40));
    const wishedPpb = this.isDisciplined ? (this.#estimateNs * SLEW_SHARE) : 0;
    const slewPpb = Math.max(-SLEW_PPB_MAX, Math.min(SLEW_PPB_MAX, wishedPpb));
    const rate = 1 + (this.#frequencyPpb + slewPpb) / 1e9;
    this.trueNs += BigInt(Math.round(seconds * 1e9));
    this.#monotonic += BigInt(Math.round(seconds * 1e9 * rate));
    this.#estimateNs -= seconds * slewPpb;
    this.#dispersedNs += (seconds * (SKEW_PPB + 1000));
    this.#sincePoll += seconds;
    if (this.#sincePoll >= POLL_SECONDS && !this.isCutOff && this.isDisciplined) this.#measure();
  }

  #measure(): void {
    this.#sincePoll = 0;
    this.#update += 1;
    this.#updatedAtNs = this.#wall;
    this.#dispersedNs = 0;
    // Asymmetric by less than the whole delay.
    this.#estimateNs = this.offsetNs + Math.round((this.random() - 0.5) * (DELAY_NS * 0.9));
  }

  #reference(): Reference {
    return {
      offsetNs: this.#estimateNs, rootDelayNs: DELAY_NS, rootDispersionNs: DISPERSION_NS + this.#dispersedNs, residualPpb: 0, skewPpb: SKEW_PPB,
      wanderNs: WANDER_NS, update: String(this.#update), updatedAtNs: this.#updatedAtNs, intervalNs: POLL_SECONDS * 1e9, leap: this.leap,
    };
  }
}
