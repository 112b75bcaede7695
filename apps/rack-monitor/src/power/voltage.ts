// SPDX-License-Identifier: Apache-2.0
// Follows the voltage of one place. What happened between two readings is not known: an event's duration has a lower and an upper
// bound by the readings around it, and is classified only where both agree.
import { conditionOf, durationClass, itiRegion, type DurationClass, type VoltageCondition, type VoltageThresholds } from './thresholds.ts';

export interface VoltageSample {
  /** Seconds of a monotonic clock. */
  readonly at: number;
  readonly volts: number;
}

export interface VoltageEvent {
  readonly condition: Exclude<VoltageCondition, 'normal'>;
  /** Of the first reading that showed it, and the last one before. */
  readonly from: number;
  readonly notBefore: number | null;
  /** Of the last reading that showed it, and the first one that showed another. Null: it lasts. */
  readonly to: number;
  readonly notAfter: number | null;
  /** The lowest, or in a swell the highest, that was read: the true extreme lies there or beyond. */
  readonly extreme: number;
  readonly atLeastSeconds: number;
  /** Null: without bound, as nothing was read before or after. */
  readonly atMostSeconds: number | null;
  /** By IEEE 1159; `unresolved` where the bounds fall into different classes. */
  readonly duration: DurationClass | 'unresolved';
  /** By the ITI curve for the shortest and the extreme that it can have been: so it was at least this bad. */
  readonly atLeast: ReturnType<typeof itiRegion>;
}

interface Open {
  readonly condition: VoltageEvent['condition'];
  readonly from: number;
  readonly notBefore: number | null;
  extreme: number;
}

export class VoltageWatch {
  readonly #thresholds: VoltageThresholds;
  #condition: VoltageCondition = 'normal';
  #open: Open | null = null;
  #last: VoltageSample | null = null;

  constructor(thresholds: VoltageThresholds) {
    this.#thresholds = thresholds;
  }

  get condition(): VoltageCondition {
    return this.#condition;
  }

  /** What begins and what ends with this reading. Readings that are no number, or older than the last, tell nothing. */
  take(sample: VoltageSample): { readonly began: VoltageEvent | null; readonly ended: VoltageEvent | null } {
    const last = this.#last;
    if (!Number.isFinite(sample.volts) || sample.volts < 0 || (last !== null && sample.at <= last.at)) return { began: null, ended: null };
    const before = this.#condition;
    const condition = conditionOf(sample.volts, before, this.#thresholds);
    const changed = condition !== before;
    const ended = changed && this.#open !== null ? this.#event(this.#open, last!.at, sample.at) : null;
    if (changed) this.#open = condition === 'normal' ? null : { condition, from: sample.at, notBefore: last?.at ?? null, extreme: sample.volts };
    else if (this.#open !== null) this.#open.extreme = (condition === 'swell' ? Math.max : Math.min)(this.#open.extreme, sample.volts);
    this.#condition = condition;
    this.#last = sample;
    return { began: changed && this.#open !== null ? this.#event(this.#open, sample.at, null) : null, ended };
  }


  #event({ condition, from, notBefore, extreme }: Open, to: number, notAfter: number | null): VoltageEvent {
    const atLeastSeconds = to - from;
    const atMostSeconds = notBefore === null || notAfter === null ? null : notAfter - notBefore;
    const shortest = durationClass(atLeastSeconds);
    const resolved = atMostSeconds === null ? shortest === 'sustained' : shortest === durationClass(atMostSeconds);
    return {
      condition, from, notBefore, to, notAfter, extreme, atLeastSeconds, atMostSeconds, duration: resolved ? shortest : 'unresolved',
      atLeast: itiRegion(extreme / this.#thresholds.nominal, atLeastSeconds),
    };
  }
}
