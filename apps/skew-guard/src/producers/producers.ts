// SPDX-License-Identifier: Apache-2.0
// Producers' clocks: who is behind or ahead, since when, told when that changes and an incident while it lasts. It is judged only while our
// own clock is known. Behind is an estimate, since a constant delay looks the same; ahead is certain: nothing comes before it was made.
import type { ClaimedLag, Incidents, ProducerClock } from '@strongroom/service';
import type { Say } from '../events.ts';
import { ProducerLag } from './lag.ts';

/** Names can be invented (addresses without a certificate); of more, the one that was silent longest is forgotten. */
const PRODUCERS_MAX = 4096;
const NAME_CHARACTERS_MAX = 256;
/** Who is silent for so long has no clock that could be told of. */
const FORGET_MS = 3_600_000;

export interface ProducerSettings {
  /** What is sealed when it is surely exceeded. */
  readonly limitNs: number;
  /** A clock is judged by the least lag in each of three times so long. */
  readonly windowMs: number;
}

/** A service has room for 64 incidents, and those of this machine's clock shall find it. Of more, the events tell. */
const INCIDENTS_MAX = 32;

interface Producer {
  readonly lag: ProducerLag;
  clock: ProducerClock | null;
}

export class Producers {
  readonly #limitNs: number;
  readonly #windowMs: number;
  readonly #say: Say;
  readonly #incidents: Pick<Incidents, 'lasts' | 'over'>;
  /** Who was heard last stands last. */
  readonly #producers = new Map<string, Producer>();

  constructor({ limitNs, windowMs }: ProducerSettings, say: Say, incidents: Pick<Incidents, 'lasts' | 'over'>) {
    this.#limitNs = limitNs;
    this.#windowMs = windowMs;
    this.#say = say;
    this.#incidents = incidents;
  }

  /** What a gateway heard since its last message. It faces the network, so nothing it says is taken for granted. */
  take(claims: Readonly<Record<string, ClaimedLag>>, nowMs: number): void {
    for (const [name, claim] of Object.entries(claims)) {
      if (name.length > NAME_CHARACTERS_MAX || !Number.isFinite(claim.behindNs) || !Number.isFinite(claim.resolutionNs)) continue;
      this.#of(name).lag.take(claim, nowMs);
    }
  }

  /** Judges those whose present time of gathering is over. `boundNs`: of our own clock; null: it is not known. */
  look(nowMs: number, boundNs: number | null): void {
    for (const [name, producer] of this.#producers) {
      if (nowMs - producer.lag.heardMs > FORGET_MS) this.#forget(name, producer);
      else if (boundNs === null) producer.lag.forget();
      else if (producer.lag.close(nowMs, this.#windowMs)) this.#judge(name, producer, boundNs, nowMs);
    }
  }

  /** Those that are furthest off first. */
  get clocks(): readonly ProducerClock[] {
    return [...this.#producers.values()].flatMap(({ clock }) => (clock === null ? [] : [clock])).toSorted((a, b) => Math.abs(b.skewNs) - Math.abs(a.skewNs));
  }

  get values(): Record<string, number> {
    const { clocks } = this;
    return { producers: clocks.length, producersOff: clocks.filter(({ state }) => state !== 'good').length };
  }

  #of(name: string): Producer {
    const producer = this.#producers.get(name) ?? { lag: new ProducerLag(), clock: null };
    this.#producers.delete(name);
    this.#producers.set(name, producer);
    if (this.#producers.size > PRODUCERS_MAX) this.#forget(...this.#producers.entries().next().value!);
    return producer;
  }

  #forget(name: string, { clock }: Producer): void {
    this.#producers.delete(name);
    if (clock !== null && clock.state !== 'good') this.#incidents.over(subjectOf(name), clock.state);
  }

  #judge(source: string, producer: Producer, boundNs: number, nowMs: number): void {
    const agreed = producer.lag.agreed(this.#limitNs / 2);
    if (agreed === null) return;
    const { behindNs, resolutionNs, fromMs } = agreed;
    const before = producer.clock;
    const state = this.#stateOf(behindNs, boundNs, resolutionNs, before?.state ?? 'good');
    const since = state === 'good' ? null : state === before?.state ? before.since : new Date(Date.now() - (nowMs - fromMs)).toISOString();
    producer.clock = { source, state, skewNs: -behindNs, errorNs: boundNs + resolutionNs, since };
    if (state === (before?.state ?? 'good')) return;
    if (before !== null && before.state !== 'good') this.#incidents.over(subjectOf(source), before.state);
    if (since !== null && this.values['producersOff']! <= INCIDENTS_MAX) this.#incidents.lasts(subjectOf(source), state, Date.parse(since));
    this.#say(state === 'good' ? 'clock.producer-good' : 'clock.producer-off', {
      source, state, before: before?.state ?? 'good', skewNs: -behindNs, resolutionNs, boundNs, limitNs: this.#limitNs, since: since ?? before?.since ?? null,
    });
  }

  /** Surely beyond the limit; and once it is, until it is within half of it. */
  #stateOf(behindNs: number, boundNs: number, resolutionNs: number, before: ProducerClock['state']): ProducerClock['state'] {
    const limitFor = (state: ProducerClock['state']): number => (before === state ? this.#limitNs / 2 : this.#limitNs);
    if (behindNs - resolutionNs - boundNs > limitFor('behind')) return 'behind';
    return -behindNs - boundNs > limitFor('ahead') ? 'ahead' : 'good';
  }
}

function subjectOf(source: string): string {
  return `clock of ${source}`;
}
