// SPDX-License-Identifier: Apache-2.0
// The second opinion: servers that are asked by us, beside whoever disciplines the clock.
import { errorFields } from '@strongroom/service';
import type { Say } from '../events.ts';
import { readMoment } from '../kernel/clocks.ts';
import type { Check, Moment } from '../state/observation.ts';
import { askServer, isKiss, parseServer, type NtpServer } from './ask.ts';
import { askByOtherClient, contradictionOf } from './other-client.ts';
import { later, type Sample } from './sample.ts';

/** A sample counts for so many rounds: one may be missed. */
const ROUNDS_MAX = 3;
/** A wall clock that was set since makes a sample worthless. */
const SAME_CLOCK_NS = 200_000n;
/** Whoever asks to be left alone is left out of the next round, then of two, of four, up to so many. */
const PAUSE_ROUNDS_MAX = 64;

export class Checks {
  readonly #servers: readonly { readonly name: string; readonly server: NtpServer }[];
  readonly #everyMs: number;
  readonly #driftPpb: number;
  readonly #stop: AbortSignal;
  readonly #say: Say;
  readonly #samples = new Map<string, Sample & { readonly disciplineOffsetNs: number }>();
  #disciplineOffsetNs = 0;
  readonly #away = new Set<string>();
  readonly #differing = new Set<string>();
  readonly #pauses = new Map<string, { readonly rounds: number; readonly left: number }>();
  #asking = false;
  #askedAtMs = Number.NEGATIVE_INFINITY;

  /** Throws `Refused('ntp.server')`. */
  constructor({ checks, checkSeconds, oscillatorPpb, holdoverPpb }: { readonly checks: readonly string[]; readonly checkSeconds: number; readonly oscillatorPpb: number; readonly holdoverPpb: number }, stop: AbortSignal, say: Say) {
    this.#servers = checks.map((name) => ({ name, server: parseServer(name) }));
    this.#everyMs = checkSeconds * 1000;
    this.#driftPpb = oscillatorPpb + holdoverPpb;
    this.#stop = stop;
    this.#say = say;
  }

  /** Begins a round when one is due. Resolves at its end; looks don't wait for it. */
  async tick(nowMs = performance.now()): Promise<void> {
    if (this.#asking || this.#servers.length === 0 || nowMs - this.#askedAtMs < this.#everyMs) return;
    this.#askedAtMs = nowMs;
    await this.#round();
  }

  /**
   * What is held of each now. `disciplineOffsetNs`: what the discipline has still to put right; by as much as that has changed since a
   * sample, the clock has been run faster or slower.
   */
  at({ monotonicNs, wallNs }: Moment, disciplineOffsetNs: number): Check[] {
    this.#disciplineOffsetNs = disciplineOffsetNs;
    const oldest = monotonicNs - BigInt(ROUNDS_MAX * this.#everyMs) * 1_000_000n;
    return [...this.#samples].flatMap(([name, sample]) => {
      const moved = wallNs - monotonicNs - sample.apartNs;
      const isSame = moved < SAME_CLOCK_NS && moved > -SAME_CLOCK_NS;
      if (sample.atNs < oldest || !isSame) return [];
      const { offsetNs, errorNs } = later(sample, monotonicNs, this.#driftPpb);
      const slewedNs = Math.ceil(Math.abs(disciplineOffsetNs - sample.disciplineOffsetNs));
      return [{ name, offsetNs, errorNs: errorNs + slewedNs + Math.abs(Number(moved)) }];
    });
  }

  async #round(): Promise<void> {
    this.#asking = true;
    await Promise.all(this.#servers.filter(({ name }) => this.#isWelcome(name)).map(({ name, server }) => this.#ask(name, server)));
    this.#asking = false;
  }

  #isWelcome(name: string): boolean {
    const pause = this.#pauses.get(name);
    if (pause === undefined || pause.left === 0) return true;
    this.#pauses.set(name, { ...pause, left: pause.left - 1 });
    return false;
  }

  #told(name: string, isUnwelcome: boolean): void {
    if (!isUnwelcome) return void this.#pauses.delete(name);
    const rounds = Math.min(PAUSE_ROUNDS_MAX, 2 * (this.#pauses.get(name)?.rounds ?? 0.5));
    this.#pauses.set(name, { rounds, left: rounds });
  }

  async #ask(name: string, server: NtpServer): Promise<void> {
    try {
      const { sample, address, isV4, isUnwelcome } = await askServer(server, this.#stop);
      this.#told(name, isUnwelcome);
      if (isV4 && !isUnwelcome && await this.#isDoubted(name, sample, address, server.port)) return;
      this.#samples.set(name, { ...sample, disciplineOffsetNs: this.#disciplineOffsetNs });
      if (this.#away.delete(name)) this.#say('clock.reference-back', { name });
    } catch (error) {
      this.#told(name, isKiss(error));
      if (this.#away.has(name) || this.#stop.aborted) return;
      this.#away.add(name);
      this.#say('clock.reference-away', { name, ...errorFields(error) });
    }
  }

  /** Whether a client of other code contradicts what ours read. */
  async #isDoubted(name: string, sample: Sample, address: string, port: number): Promise<boolean> {
    const other = await askByOtherClient(address, port);
    if (other === null || this.#stop.aborted) return false;
    const { wallNs, monotonicNs } = readMoment();
    // A clock that was set or slewed between the two moves what they are held against.
    const moved = wallNs - monotonicNs - sample.apartNs;
    const driftNs = (Number(monotonicNs - sample.atNs) * this.#driftPpb) / 1e9 + Math.abs(Number(moved));
    const byNs = contradictionOf(sample, other, driftNs);
    if (byNs > 0 && !this.#differing.has(name)) this.#say('clock.clients-differ', { name, byNs: Math.round(byNs), offsetNs: sample.offsetNs, errorNs: sample.errorNs, otherLowNs: other.low, otherHighNs: other.high });
    if (byNs > 0) this.#differing.add(name);
    else this.#differing.delete(name);
    if (byNs > 0) this.#samples.delete(name);
    return byNs > 0;
  }
}
