// SPDX-License-Identifier: Apache-2.0
// Who set the clock: what capture saw of calls that set it, held against the steps that were seen here.
import { onlySets, type ClockSetter, type ClockStep, type Fields } from '@strongroom/service';
import type { Say } from '../events.ts';
import type { Judgement } from './guard.ts';
import type { Moment } from './observation.ts';

/** Calls that are remembered, of each kind; a discipline calls a few times in a second. */
const CALLS_MAX = 256;
/** What capture saw is here within so long after the step. */
const PATIENCE_NS = 5_000_000_000n;
/** Time since boot is known to hundredths here. */
const SLACK_NS = 50_000_000;
/** In one step. */
const NAMED_MAX = 4;

interface Pending {
  readonly fromNs: number;
  readonly toNs: number;
  readonly monotonicNs: bigint;
}

export class Setters {
  readonly #say: Say;
  /** Kept apart: everybody may ask, so often that those who set would be forgotten. */
  #setting: ClockSetter[] = [];
  #asking: ClockSetter[] = [];
  #before: Moment | null = null;
  #pending: Pending | null = null;
  #last: ClockStep | null = null;

  constructor(say: Say) {
    this.#say = say;
  }

  /** The last step of this life, and who may have done it. */
  get last(): ClockStep | null {
    return this.#last;
  }

  called(by: ClockSetter): void {
    if (onlySets(by)) this.#setting = [...this.#setting.slice(1 - CALLS_MAX), by];
    else this.#asking = [...this.#asking.slice(1 - CALLS_MAX), by];
  }

  /** `step`: what the wall clock did since the look before; `utcNs`: now, as far as is known. */
  look(step: Judgement['step'], moment: Moment, utcNs: bigint): void {
    const before = this.#before;
    this.#before = moment;
    if (step?.kind === 'set') {
      this.#last = { at: new Date(Number(utcNs / 1_000_000n)).toISOString(), byNs: Number(step.byNs), by: [] };
      const since = before?.bootNs ?? null;
      this.#pending = since === null || moment.bootNs === null ? null
        : { fromNs: Number(since) - SLACK_NS, toNs: Number(moment.bootNs) + SLACK_NS, monotonicNs: moment.monotonicNs };
    }
    if (this.#pending !== null) this.#settle(this.#pending, moment);
  }

  /** Who surely sets a clock is named at once; others when nobody else came. */
  #settle({ fromNs, toNs, monotonicNs }: Pending, now: Moment): void {
    const within = ({ atNs }: ClockSetter): boolean => atNs >= fromNs && atNs <= toNs;
    const sure = this.#setting.filter(within);
    const isOver = now.monotonicNs - monotonicNs >= PATIENCE_NS;
    if (sure.length === 0 && !isOver) return;
    this.#pending = null;
    const by = onceEach(sure.length > 0 ? sure : this.#asking.filter(within)).slice(0, NAMED_MAX);
    this.#last = { ...this.#last!, by };
    for (const one of by) this.#say('clock.set-by', { byNs: this.#last.byNs, stepMonotonic: String(monotonicNs), isSure: sure.length > 0, ...fieldsOf(one) });
  }
}

/** Of one process the last call. */
function onceEach(calls: readonly ClockSetter[]): ClockSetter[] {
  return [...new Map(calls.map((one) => [one.pid, one])).values()];
}

function fieldsOf({ atNs, ...who }: ClockSetter): Fields {
  return { ...who, calledNs: atNs };
}
