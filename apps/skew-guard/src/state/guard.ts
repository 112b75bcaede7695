// SPDX-License-Identifier: Apache-2.0
// From one observation to the next: which state the clock is in, and what may be said of true time. Pure: the same observations give
// the same judgements.
//
// The rule behind all of it: an anchor is only ever made from what a reference says after its last measurement, from an anchor
// before it by the monotonic clock, or not at all.
import type { ClockState } from '@strongroom/service';
import { boundBy, type DriftSettings, type Reference } from '../bound/reference.ts';
import { agreement, type Interval } from '../bound/agreement.ts';
import type { Moment, Observation } from './observation.ts';
import { Steps, unseenSleep, type StepKind } from './steps.ts';


/** True time at the moment of the observation: `utcNs` ± `boundNs`, from there on by the monotonic clock. */
export interface Claim {
  readonly utcNs: bigint;
  readonly boundNs: bigint;
  /** How fast the bound grows, as far as can be told now. */
  readonly growthPpb: bigint;
  /** What comes on top until the next look: in that time the discipline may notice a step, and run after it. */
  readonly untilNextPpb: bigint;
}

export interface Judgement {
  readonly state: ClockState;
  /** Why, in words. */
  readonly reason: string;
  /** Null: nothing can be said. */
  readonly claim: Claim | null;
  /** Sources that the others contradict. */
  readonly falsetickers: readonly string[];
  /** What the wall clock did since the observation before. */
  readonly step: { readonly kind: StepKind; readonly byNs: bigint } | null;
  /** What was said before and what is said now exclude each other: one of the two was wrong, by at least this. */
  readonly contradictionNs: bigint | null;
}

type Judged = Omit<Judgement, 'step' | 'contradictionNs'>;

export interface GuardSettings extends DriftSettings {
  /** Without a reference, a claim holds so long. */
  readonly holdoverNsMax: bigint;
}

/** An offset that is being taken away by running the clock faster or slower: nobody can count on, should that not end. */
const SLEWING_NS = 100_000;
/** As fast as a discipline lets a clock run away, chrony's maxslewrate of 8.3 %, for each second of a clock that it slows down so. */
const SLEW_PPB = 91_000_000n;
const OWN = 'clock discipline';

export class Guard {
  readonly #settings: GuardSettings;
  readonly #steps: Steps;
  #claim: Claim | null = null;
  #claimAt = 0n;
  #update: string | null = null;
  #updatedAt = 0n;
  /** When the reference was last there, and whether the clock could be left to itself then. */
  #lastReferenceAt: bigint | null = null;
  #wasSlewing = false;
  #announced: Reference['leap'] = 'none';

  /** `last`: what an earlier life of ours claimed in this boot of the machine, and how the clocks stood then. */
  constructor(settings: GuardSettings, last: { readonly claim: Claim; readonly monotonicNs: bigint; readonly wallNs: bigint } | null = null) {
    this.#settings = settings;
    this.#steps = new Steps(last === null ? null : last.wallNs - last.monotonicNs);
    if (last === null) return;
    [this.#claim, this.#claimAt, this.#lastReferenceAt] = [last.claim, last.monotonicNs, last.monotonicNs];
  }

  judge(observation: Observation): Judgement {
    const { moment, reference } = observation;
    // Once it is taken nobody announces it any more.
    const leap = reference === null || reference.leap === 'none' ? this.#announced : reference.leap;
    const step = this.#steps.look(moment, leap);
    this.#announced = reference?.leap ?? this.#announced;
    const before = this.#grown(moment, step, reference === null);
    const isOther = reference !== null && reference.update !== this.#update;
    const isNew = isOther && this.#update !== null;
    if (isOther) {
      this.#update = reference.update;
      this.#updatedAt = moment.monotonicNs - plausible(moment.wallNs - reference.updatedAtNs);
    }
    // One that came together with a step may be from before it, and one that was there when we began too.
    if (isNew && step === null) this.#steps.measured();
    // A step that the discipline has not noticed leaves the monotonic clock alone; one that it runs after does not.
    const isUnnoticed = this.#steps.isPending && (reference === null || before === null || Math.abs(reference.offsetNs) <= SLEWING_NS);
    const judged = reference === null || isUnnoticed
      ? this.#without(observation, before) : this.#byReference(observation, reference, moment.monotonicNs - this.#updatedAt);
    if (reference !== null) {
      this.#lastReferenceAt = moment.monotonicNs;
      this.#wasSlewing = Math.abs(reference.offsetNs) > SLEWING_NS;
    }
    this.#claim = judged.claim;
    this.#claimAt = moment.monotonicNs;
    const isBroken = judged.claim !== null && before !== null && !meets(judged.claim, before);
    return { ...judged, step, contradictionNs: isBroken ? apart(judged.claim!, before!) : null };
  }

  /**
   * What was last claimed, at this moment. A machine that slept has no monotonic line to its past. `isAlone`: nobody can tell what the
   * discipline did since the last look.
   */
  #grown({ monotonicNs }: Moment, step: Judgement['step'], isAlone: boolean): Claim | null {
    if (this.#claim === null || step?.kind === 'slept') return null;
    const elapsed = monotonicNs - this.#claimAt;
    const { utcNs, boundNs, growthPpb, untilNextPpb } = this.#claim;
    // POSIX time has no leap seconds: it takes them as steps.
    const leaptNs = step?.kind === 'leap' ? step.byNs : 0n;
    const sleptNs = step?.kind === 'set' ? unseenSleep(step.byNs) : 0n;
    const grownNs = (elapsed * (growthPpb + (isAlone ? untilNextPpb : 0n))) / 1_000_000_000n + 1n;
    return { utcNs: utcNs + elapsed + leaptNs, boundNs: boundNs + grownNs + sleptNs, growthPpb, untilNextPpb };
  }

  /** By the reference; all that contradicts it widens the bound until it holds for either. */
  #byReference({ moment, sources, checks }: Observation, reference: Reference, ageNs: bigint): Judged {
    const { boundNs, growthPpb, isHoldover } = boundBy(reference, ageNs, this.#settings);
    const { strayNs, doubtNs } = this.#steps;
    const own = Number(boundNs + strayNs + doubtNs);
    const intervals: Interval[] = [{ name: OWN, low: -own, high: own }, ...checks.map(({ name, offsetNs, errorNs }) => ({ name, low: offsetNs - errorNs, high: offsetNs + errorNs }))];
    const { agreeing, disagreeing } = agreement(intervals);
    const isTrusted = agreeing.has(OWN);
    const widest = isTrusted ? own : Math.max(...intervals.flatMap(({ low, high }) => [Math.abs(low), Math.abs(high)]));
    const claim = { utcNs: moment.wallNs, boundNs: BigInt(Math.ceil(widest)), growthPpb, untilNextPpb: doubtNs > 0n ? SLEW_PPB : 0n };
    const falsetickers = [...new Set([...sources.filter(({ verdict }) => verdict === 'falseticker').map(({ name }) => name), ...disagreeing])];
    if (doubtNs > 0n) return { state: 'stepped', reason: 'the wall clock was set, and too little was measured since', claim, falsetickers };
    if (falsetickers.length > 0) return { state: 'disputed', reason: `${falsetickers.join(', ')} ${falsetickers.length === 1 ? 'contradicts' : 'contradict'} the others`, claim, falsetickers };
    if (isHoldover) return { state: 'holdover', reason: 'measurements are overdue', claim, falsetickers };
    return { state: 'locked', reason: 'the clock is measured', claim, falsetickers };
  }

  /** Counts on from what was claimed before, by the monotonic clock: without a reference, or while it does not know of a step. */
  #without({ moment, reference, why }: Observation, before: Claim | null): Judged {
    const isStepped = this.#steps.isPending && this.#steps.doubtNs > 0n;
    const reason = isStepped ? 'the wall clock was set, and nothing was measured since' : why ?? 'nothing was measured yet since skew-guard began';
    const since = moment.monotonicNs - (this.#lastReferenceAt ?? 0n);
    const mayCountOn = before !== null && (reference !== null || (!this.#wasSlewing && since < this.#settings.holdoverNsMax));
    if (!mayCountOn) return { state: isStepped ? 'stepped' : 'unsynchronised', reason, claim: null, falsetickers: [] };
    const growthPpb = reference !== null ? before.growthPpb : max(before.growthPpb, BigInt(this.#settings.holdoverPpb + this.#settings.oscillatorPpb));
    return { state: isStepped ? 'stepped' : 'holdover', reason, claim: { ...before, growthPpb, untilNextPpb: reference !== null ? SLEW_PPB : 0n }, falsetickers: [] };
  }
}

const AGE_NS_MAX = 30n * 86_400n * 1_000_000_000n;

/** How long ago a measurement was, by a wall clock that may be wrong: at least never in the future. */
function plausible(ageNs: bigint): bigint {
  return ageNs < 0n || ageNs > AGE_NS_MAX ? 0n : ageNs;
}

/** Whether there is a time that both allow. */
function meets(one: Claim, other: Claim): boolean {
  return apart(one, other) <= 0n;
}

function apart(one: Claim, other: Claim): bigint {
  const distance = one.utcNs > other.utcNs ? one.utcNs - other.utcNs : other.utcNs - one.utcNs;
  return distance - one.boundNs - other.boundNs;
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
