// SPDX-License-Identifier: Apache-2.0
// The wall clock against the monotonic one. Both run at one rate, however the kernel is told to hurry or to wait; so they part only when
// somebody sets the wall clock, at a leap second, or while the machine sleeps.
import type { Reference } from '../bound/reference.ts';
import type { Moment } from './observation.ts';

export type StepKind = 'set' | 'leap' | 'slept';

/** Less is what reading two clocks one after the other costs. It is added to the bound, and no step. */
const STEP_NS = 200_000n;
/** /proc/uptime counts hundredths. */
const BOOT_NS = 50_000_000n;
const SECOND_NS = 1_000_000_000n;
const DAY_NS = 86_400n * SECOND_NS;
/** How far from midnight a leap second is believed. */
const MIDNIGHT_NS = 30n * SECOND_NS;
/** A discipline that was not told of a step mixes measurements from before and after it. So many later it has none from before that count. */
const MEASUREMENTS_AFTER = 4;

export class Steps {
  #wall: bigint | null = null;
  #wallBefore: bigint | null = null;
  /** The same, surely no later than the reference last measured. */
  #measuredWall: bigint | null = null;
  #boot: bigint | null = null;
  #doubtNs = 0n;
  #measurements = 0;

  /** `apart`: the wall clock less the monotonic one, as it was known earlier in this boot. */
  constructor(apart: bigint | null) {
    this.#wall = apart;
  }

  /** Nothing was measured since a step, or since we began: what the reference says may be of another clock. */
  get isPending(): boolean {
    return this.#measurements === 0;
  }

  /** By how much the reference may be wrong because of steps that it has not quite got over. */
  get doubtNs(): bigint {
    return this.#measurements < MEASUREMENTS_AFTER ? this.#doubtNs : 0n;
  }

  /** How far the clocks have parted, in steps too small to be one, since the reference last measured. */
  get strayNs(): bigint {
    return this.#wall === null || this.#measuredWall === null ? 0n : magnitude(this.#wall - this.#measuredWall);
  }

  look({ monotonicNs, wallNs, bootNs }: Moment, leap: Reference['leap']): { kind: StepKind; byNs: bigint } | null {
    const [wall, boot] = [wallNs - monotonicNs, bootNs === null ? null : bootNs - monotonicNs];
    const byNs = this.#wall === null ? 0n : wall - this.#wall;
    const sleptNs = boot === null || this.#boot === null ? 0n : boot - this.#boot;
    this.#wallBefore = this.#wall ?? wall;
    this.#wall = wall;
    this.#boot = boot;
    this.#measuredWall ??= wall;
    const isAsleep = sleptNs > BOOT_NS;
    if (magnitude(byNs) < STEP_NS && !isAsleep) return null;
    this.#measuredWall = wall;
    if (!isAsleep && isLeap(byNs, wallNs, leap)) return { kind: 'leap', byNs };
    // Whatever the wall clock did meanwhile, a discipline that does not know of the sleep is wrong by no more than both.
    this.#doubtNs = this.doubtNs + magnitude(byNs) + (isAsleep ? sleptNs : 0n);
    this.#measurements = 0;
    return { kind: isAsleep ? 'slept' : 'set', byNs };
  }

  /** The reference has measured again since the last look, and no step came since. */
  measured(): void {
    this.#measuredWall = this.#wallBefore;
    this.#measurements = Math.min(this.#measurements + 1, MEASUREMENTS_AFTER);
  }
}

/** Somebody set the clock by so much, or the machine slept for so long, which would show only above that. */
export function unseenSleep(byNs: bigint): bigint {
  return byNs > 0n && byNs <= BOOT_NS ? byNs : 0n;
}

/** One second, announced, about midnight UTC. */
function isLeap(byNs: bigint, wallNs: bigint, leap: Reference['leap']): boolean {
  if (leap === 'none') return false;
  const intoDay = wallNs % DAY_NS;
  const isMidnight = intoDay < MIDNIGHT_NS || DAY_NS - intoDay < MIDNIGHT_NS;
  return isMidnight && magnitude(byNs + (leap === 'insert' ? SECOND_NS : -SECOND_NS)) < STEP_NS;
}

function magnitude(value: bigint): bigint {
  return value < 0n ? -value : value;
}
