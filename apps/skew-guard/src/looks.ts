// SPDX-License-Identifier: Apache-2.0
// One look: everybody is asked, then the clocks are read. PTP is the reference where it is asked, else chrony; what else is known is a
// second opinion.
import { join } from 'node:path';
import { errorFields, type ClockSource, type Config, type FieldValue } from '@strongroom/service';
import { boundBy, type Reference } from './bound/reference.ts';
import { Wander } from './bound/wander.ts';
import { ChronyLine } from './chrony/line.ts';
import { referenceOf, wordsOf } from './chrony/reference.ts';
import type { Say } from './events.ts';
import { readMoment } from './kernel/clocks.ts';
import { Checks } from './ntp/checks.ts';
import { askPtp } from './ptp/follow.ts';
import { ptpReference } from './ptp/reference.ts';
import type { Check, Observation } from './state/observation.ts';

interface Answer {
  readonly reference: Reference | null;
  readonly why: string | null;
  readonly sources: readonly ClockSource[];
}

/** A program that is not installed is looked for so often: to start one in vain costs as much as to ask one. */
const ABSENT_MS = 30_000;
const NOT_ASKED: Answer = { reference: null, why: null, sources: [] };

export class Looks {
  readonly #config: Config['clock'];
  readonly #directory: string;
  readonly #stop: AbortSignal;
  readonly #say: Say;
  readonly #checks: Checks;
  readonly #chronyLine: ChronyLine;
  readonly #wander = { chrony: new Wander(), ptp: new Wander() };
  readonly #away = new Set<string>();
  /** What is not installed here, and until when that is taken for so. */
  readonly #absent = new Map<string, { readonly answer: Answer; readonly untilMs: number }>();

  /** `directory`: where a socket may be put. Throws `Refused('ntp.server')`. */
  constructor(config: Config['clock'], directory: string, stop: AbortSignal, say: Say) {
    this.#config = config;
    this.#directory = directory;
    this.#stop = stop;
    this.#say = say;
    this.#checks = new Checks(config, stop, say);
    this.#chronyLine = new ChronyLine(config.chrony);
    stop.addEventListener('abort', () => this.#chronyLine.close(), { once: true });
  }

  /** Whom it asks, for the record. */
  get asked(): Record<string, FieldValue> {
    const { chrony, ptp, checks } = this.#config;
    const where = chrony.address.startsWith('/') ? chrony.address : `${chrony.address} port ${chrony.port}`;
    return { chrony: chrony.enabled ? where : null, ptp: ptp.enabled ? ptp.socket : null, checks: checks.join(',') };
  }

  async take(): Promise<Observation> {
    void this.#checks.tick();
    const { chrony, ptp, oscillatorPpb, holdoverPpb } = this.#config;
    const askedAt = process.hrtime.bigint();
    const [byChrony, byPtp] = await Promise.all([
      chrony.enabled ? this.#ask('chrony', () => this.#chrony()) : NOT_ASKED,
      ptp.enabled ? this.#ask('ptp', () => this.#ptp()) : NOT_ASKED,
    ]);
    const moment = readMoment();
    // What was said is of some moment since the question.
    const sinceNs = Number(moment.monotonicNs - askedAt);
    const [first, second] = ptp.enabled ? [byPtp, byChrony.reference] : [byChrony, null];
    const reference = first.reference === null ? null : aged(first.reference, sinceNs, oscillatorPpb);
    const checks = [...this.#checks.at(moment, reference?.offsetNs ?? 0), ...(second === null ? [] : [opinion('chrony', aged(second, sinceNs, oscillatorPpb), { oscillatorPpb, holdoverPpb })])];
    const why = chrony.enabled || ptp.enabled ? first.why : 'nobody is asked: neither clock.chrony nor clock.ptp is enabled';
    return { moment, reference, why, sources: byChrony.sources, checks };
  }

  async #ask(name: string, ask: () => Promise<Answer>): Promise<Answer> {
    const absent = this.#absent.get(name);
    if (absent !== undefined && performance.now() < absent.untilMs) return absent.answer;
    try {
      const answer = await ask();
      if (this.#away.delete(name)) this.#say('clock.reference-back', { name });
      return answer;
    } catch (error) {
      if (!this.#away.has(name) && !this.#stop.aborted) this.#say('clock.reference-away', { name, ...errorFields(error) });
      this.#away.add(name);
      const answer = { reference: null, why: (error as Error).message, sources: [] };
      if ((error as { code?: unknown }).code === 'chrony.absent') this.#absent.set(name, { answer, untilMs: performance.now() + ABSENT_MS });
      return answer;
    }
  }

  async #chrony(): Promise<Answer> {
    const report = await this.#chronyLine.ask();
    const reference = referenceOf(report, this.#wander.chrony);
    return { reference, why: reference === null ? "chrony knows no time but this clock's own" : null, sources: wordsOf(report) };
  }

  async #ptp(): Promise<Answer> {
    const { oscillatorPpb, holdoverPpb, ptp } = this.#config;
    const report = await askPtp(ptp, join(this.#directory, 'pmc.sock'), this.#stop);
    const reference = ptpReference(report, ptp.masterNanoseconds ?? null, oscillatorPpb + holdoverPpb, this.#wander.ptp);
    return typeof reference === 'string' ? { reference: null, why: reference, sources: [] } : { reference, why: null, sources: [] };
  }
}

function aged(reference: Reference, ns: number, oscillatorPpb: number): Reference {
  const growth = Math.abs(reference.residualPpb) + reference.skewPpb + oscillatorPpb;
  return { ...reference, rootDispersionNs: reference.rootDispersionNs + (ns * growth) / 1e9 };
}

/** What a second discipline holds for true time, as a check of the first. */
function opinion(name: string, reference: Reference, drift: { readonly oscillatorPpb: number; readonly holdoverPpb: number }): Check {
  const own = { ...reference, offsetNs: 0 };
  return { name, offsetNs: Math.round(reference.offsetNs), errorNs: Number(boundBy(own, 0n, drift).boundNs) };
}
