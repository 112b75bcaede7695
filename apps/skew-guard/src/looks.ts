// SPDX-License-Identifier: Apache-2.0
// One look: everybody is asked, then the clocks are read.
import { errorFields, type ClockSource, type Config, type FieldValue } from '@strongroom/service';
import { askChrony } from './chrony/follow.ts';
import { referenceOf, wordsOf } from './chrony/reference.ts';
import type { Reference } from './bound/reference.ts';
import { Wander } from './bound/wander.ts';
import type { Say } from './events.ts';
import { readMoment } from './kernel/clocks.ts';
import type { Observation } from './state/observation.ts';

interface Answer {
  readonly reference: Reference | null;
  readonly why: string | null;
  readonly sources: readonly ClockSource[];
}

export class Looks {
  readonly #config: Config['clock'];
  readonly #stop: AbortSignal;
  readonly #say: Say;
  readonly #wander = new Wander();
  #isAway = false;

  constructor(config: Config['clock'], stop: AbortSignal, say: Say) {
    this.#config = config;
    this.#stop = stop;
    this.#say = say;
  }

  /** Whom it asks, for the record. */
  get asked(): Record<string, FieldValue> {
    const { chrony, checks } = this.#config;
    return { chrony: chrony.enabled ? `${chrony.address}${chrony.address.startsWith('/') ? '' : ` port ${chrony.port}`}` : null, checks: checks.join(',') };
  }

  async take(): Promise<Observation> {
    const askedAt = process.hrtime.bigint();
    const { reference, why, sources } = await this.#ask();
    const moment = readMoment();
    // What was said is of some moment since the question.
    const sinceNs = Number(moment.monotonicNs - askedAt);
    return { moment, reference: reference === null ? null : aged(reference, sinceNs, this.#config.oscillatorPpb), why, sources, checks: [] };
  }

  close(): void {
    // Nothing is open between two looks.
  }

  async #ask(): Promise<Answer> {
    if (!this.#config.chrony.enabled) return { reference: null, why: 'nobody is asked: clock.chrony.enabled is false', sources: [] };
    try {
      const report = await askChrony(this.#config.chrony, this.#stop);
      if (this.#isAway) this.#say('clock.reference-back', { name: 'chrony' });
      this.#isAway = false;
      const reference = referenceOf(report, this.#wander);
      return { reference, why: reference === null ? 'chrony holds no time for true' : null, sources: wordsOf(report) };
    } catch (error) {
      if (!this.#isAway && !this.#stop.aborted) this.#say('clock.reference-away', { name: 'chrony', ...errorFields(error) });
      this.#isAway = true;
      return { reference: null, why: (error as Error).message, sources: [] };
    }
  }
}

function aged(reference: Reference, ns: number, oscillatorPpb: number): Reference {
  const growth = Math.abs(reference.residualPpb) + reference.skewPpb + oscillatorPpb;
  return { ...reference, rootDispersionNs: reference.rootDispersionNs + (ns * growth) / 1e9 };
}
