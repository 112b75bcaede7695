// SPDX-License-Identifier: Apache-2.0
// What changed since the last look, as events; and how the clock stands, for those who ask.
import type { ClockFacts, ClockState, Fields, Incidents } from '@strongroom/service';
import type { Say } from '../events.ts';
import type { Judgement } from './guard.ts';
import type { Observation } from './observation.ts';
import type { Setters } from './setters.ts';

export interface Thresholds {
  readonly warnNs: bigint;
  readonly limitNs: bigint;
}

type Grade = ClockFacts['grade'];
const STATES = ['locked', 'holdover', 'unsynchronised', 'stepped', 'disputed'] as const satisfies readonly ClockState[];
const NAMES_MAX = 16;
/** What lasts as an incident, by reason; the subject is the clock. */
const SUBJECT = 'clock';

export class Reporter {
  readonly #thresholds: Thresholds;
  readonly #say: Say;
  readonly #incidents: Pick<Incidents, 'lasts' | 'over' | 'happened'>;
  #state: ClockState | null = null;
  #falsetickers = '';
  #grade: Grade = 'unknown';
  #leap = 'none';
  #since = '';
  #facts: ClockFacts | null = null;
  readonly #setters: Setters;
  readonly #counts = { looks: 0, steps: 0, contradictions: 0, transitions: 0 };

  constructor(thresholds: Thresholds, say: Say, incidents: Pick<Incidents, 'lasts' | 'over' | 'happened'>, setters: Setters) {
    this.#setters = setters;
    this.#thresholds = thresholds;
    this.#say = say;
    this.#incidents = incidents;
  }

  /** For metrics. Without a bound there is no figure for it. */
  get values(): Record<string, number> {
    const { boundNs, offsetNs, sources = [], falsetickers = [], state } = this.#facts ?? {};
    return {
      ...this.#counts, ...(boundNs === undefined || boundNs === null ? {} : { boundNs }), ...(offsetNs === undefined || offsetNs === null ? {} : { offsetNs }),
      sources: sources.length, falsetickers: falsetickers.length, ...Object.fromEntries(STATES.map((one) => [one, Number(one === state)])),
    };
  }

  report(judged: Judgement, observation: Observation): ClockFacts {
    this.#counts.looks += 1;
    const facts = factsOf(judged, observation);
    this.#stepped(judged, facts);
    this.#setters.look(judged.step, observation.moment, judged.claim?.utcNs ?? observation.moment.wallNs);
    this.#announced(observation);
    if (judged.contradictionNs !== null) {
      this.#counts.contradictions += 1;
      this.#say('clock.contradiction', { byNs: Number(judged.contradictionNs), ...facts });
    }
    this.#changed(judged, facts);
    this.#graded(judged, facts);
    this.#lasting(judged);
    this.#facts = {
      state: judged.state, reason: judged.reason, since: this.#since, grade: this.#grade, boundNs: judged.claim === null ? null : Number(judged.claim.boundNs),
      growthPpb: judged.claim === null ? null : Number(judged.claim.growthPpb), offsetNs: observation.reference === null ? null : Math.round(observation.reference.offsetNs),
      rootDelayNs: observation.reference === null ? null : Math.round(observation.reference.rootDelayNs), falsetickers: judged.falsetickers, leap: observation.reference?.leap ?? 'none',
      lastStep: this.#setters.last, wallOffNs: judged.claim === null ? null : Number(observation.moment.wallNs - judged.claim.utcNs), sources: observation.sources, checks: observation.checks,
    };
    return this.#facts;
  }

  #stepped({ step }: Judgement, facts: Fields): void {
    if (step === null) return;
    this.#counts.steps += 1;
    const event = step.kind === 'set' ? 'clock.stepped' : step.kind === 'leap' ? 'clock.leapt' : 'clock.slept';
    this.#say(event, { byNs: Number(step.byNs), ...facts });
  }

  #announced({ reference }: Observation): void {
    const leap = reference?.leap ?? this.#leap;
    if (leap !== this.#leap) this.#say('clock.leap-announced', { leap, before: this.#leap });
    this.#leap = leap;
  }

  /** Another state, or others that are contradicted. */
  #changed({ state, falsetickers }: Judgement, facts: Fields): void {
    const named = falsetickers.join(',');
    if (state === this.#state && named === this.#falsetickers) return;
    this.#say(state === 'locked' ? 'clock.locked' : 'clock.state', { before: this.#state, ...facts });
    this.#counts.transitions += 1;
    this.#since = new Date().toISOString();
    this.#state = state;
    this.#falsetickers = named;
  }

  /** From when to when it lasts: a bound above the limit or none any more, a source that lies, a clock that was set. */
  #lasting({ state, falsetickers, contradictionNs }: Judgement): void {
    const nowMs = Date.now();
    for (const [reason, is] of [['bound', this.#grade === 'limit'], ['disputed', falsetickers.length > 0], ['set', state === 'stepped']] as const) {
      if (is) this.#incidents.lasts(SUBJECT, reason, nowMs);
      else this.#incidents.over(SUBJECT, reason, nowMs);
    }
    if (contradictionNs !== null) this.#incidents.happened({ subject: SUBJECT, reason: 'contradiction', count: null, fromMs: nowMs - 1000, toMs: nowMs });
  }

  /** Has to fall to half a threshold before it counts as below it again: it shall not flutter. */
  #graded({ claim }: Judgement, facts: Fields): void {
    const { warnNs, limitNs } = this.#thresholds;
    // Before the first bound there is nothing that could have become worse; the state tells of it.
    const none = this.#grade === 'unknown' ? 'unknown' : 'limit';
    const grade = claim === null ? none : gradeOf(claim.boundNs, this.#grade, warnNs, limitNs);
    if (grade === this.#grade) return;
    if (grade !== 'unknown' && !(this.#grade === 'unknown' && grade === 'good')) this.#say(`clock.bound-${grade}`, { before: this.#grade, warnNs: Number(warnNs), limitNs: Number(limitNs), ...facts });
    this.#grade = grade;
  }
}

function gradeOf(boundNs: bigint, before: Grade, warnNs: bigint, limitNs: bigint): Grade {
  if (boundNs > limitNs || (before === 'limit' && boundNs > limitNs / 2n)) return 'limit';
  return boundNs > warnNs || ((before === 'warn' || before === 'limit') && boundNs > warnNs / 2n) ? 'warn' : 'good';
}

/** What was decided by, flat. */
function factsOf({ state, reason, claim, falsetickers }: Judgement, { moment, reference, sources }: Observation): Fields {
  return {
    state, reason, boundNs: claim === null ? null : Number(claim.boundNs), growthPpb: claim === null ? null : Number(claim.growthPpb),
    wall: String(moment.wallNs), utc: claim === null ? null : String(claim.utcNs), monotonic: String(moment.monotonicNs),
    offsetNs: reference === null ? null : Math.round(reference.offsetNs), rootDelayNs: reference === null ? null : Math.round(reference.rootDelayNs),
    rootDispersionNs: reference === null ? null : Math.round(reference.rootDispersionNs), skewPpb: reference === null ? null : Math.round(reference.skewPpb),
    falsetickers: falsetickers.slice(0, NAMES_MAX).join(','), reachable: sources.filter(({ isReachable }) => isReachable).length, sources: sources.length,
  };
}
