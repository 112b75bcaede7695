// SPDX-License-Identifier: Apache-2.0
// A service's clock: counts on from the last anchor by the monotonic clock. A record costs two readings of clocks and no I/O; the
// anchor's file is read by the first record after a second, so a service to which nothing comes never reads it.
import { readFileSync } from 'node:fs';
import { BOUND_UNKNOWN } from '@strongroom/evidence';
import { bootId, decodeAnchor, type Anchor } from './anchor.ts';
import { nowNs, type ReceiptClock, type Stamp } from './clock.ts';

/** The clocks of a machine, and which boot it is. */
export interface Clocks {
  readonly boot: Buffer | null;
  monotonicNs(): bigint;
  wallNs(): bigint;
}

const BILLION = 1_000_000_000n;
/** Two clocks can't be read at once. What lies between, when nothing comes between, is less. */
const SAME_NS = 10_000n;
/** A machine that slept takes its time from a clock that knows seconds. Where the clocks are further apart than this, that may be why. */
const AWAKE_NS = 10_000_000n;
/** Readings of both clocks of which the best counts: where the process was put aside between the two, another is taken. */
const READINGS_MAX = 3;
const REFRESH_NS = BILLION;

export const SYSTEM_CLOCKS: Clocks = { boot: bootOrNull(), monotonicNs: () => process.hrtime.bigint(), wallNs: nowNs };

/**
 * True time by an anchor. Where the wall clock has moved against the monotonic one since, one of the two is wrong by that much, and
 * nobody has found out which: the bound then holds for either. An anchor that is over, or of another boot, says nothing: the wall
 * clock counts, and its bound is not known.
 */
export function stampBy(anchor: Anchor | null, clocks: Clocks): Stamp {
  let best: Stamp | undefined;
  for (let i = 0; i < READINGS_MAX; i += 1) {
    const now = clocks.monotonicNs();
    const wall = clocks.wallNs();
    if (anchor === null || !isInForce(anchor, now, clocks.boot)) return { at: wall, bound: BOUND_UNKNOWN };
    const { at, bound } = grown(anchor, now);
    const moved = magnitude(wall - at - anchor.wallNs);
    if (moved <= SAME_NS) return { at, bound: bound + moved };
    const wide = bound + moved + (moved > AWAKE_NS ? BILLION : 0n);
    if (best === undefined || wide < best.bound) best = { at, bound: wide };
  }
  return best!;
}

function isInForce({ monotonicNs, expiresNs, boot }: Anchor, now: bigint, present: Buffer | null): boolean {
  return present !== null && now >= monotonicNs && now < expiresNs && boot.equals(present);
}

/** An anchor's time and bound at a later moment of the monotonic clock. */
export function grown({ monotonicNs, utcNs, boundNs, growthPpb }: Anchor, now: bigint): Stamp {
  const elapsed = now - monotonicNs;
  return { at: utcNs + elapsed, bound: boundNs + (elapsed * growthPpb) / BILLION + 1n };
}

export class AnchoredClock implements ReceiptClock {
  readonly #path: string;
  readonly #clocks: Clocks;
  #anchor: Anchor | null = null;
  #readNs = 0n;

  constructor(path: string, clocks: Clocks = SYSTEM_CLOCKS) {
    this.#path = path;
    this.#clocks = clocks;
    this.refresh();
  }

  /** Takes what is published now. Where there is none, nothing can be said; one that can't be read leaves the one before, until that is over. */
  refresh(): void {
    this.#readNs = this.#clocks.monotonicNs();
    try {
      this.#anchor = decodeAnchor(readFileSync(this.#path));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') this.#anchor = null;
    }
  }

  stamp(): Stamp {
    if (this.#clocks.monotonicNs() - this.#readNs >= REFRESH_NS) this.refresh();
    return stampBy(this.#anchor, this.#clocks);
  }
}

function magnitude(value: bigint): bigint {
  return value < 0n ? -value : value;
}

function bootOrNull(): Buffer | null {
  try {
    return bootId();
  } catch {
    return null;
  }
}
