// SPDX-License-Identifier: Apache-2.0
// The habit of one source: for each hour of the week how much of it the source is heard, and how long it has been silent there
// without anything being wrong. Silent is who stays away longer than that, where enough was to be expected. A week makes a habit;
// before, only who is heard at all hours is known. Times are counted while we listen, so a dark zone is nobody's silence.
import type { ByteReader, ByteWriter } from '@strongroom/bytes';

const HOURS = 168;
const HOUR_MS = 3_600_000;
/** An hour of which so much was listened to teaches. */
const MINUTES_MIN = 45;
/** Before, nothing is a habit. */
const HOURS_MIN = 24;
/** From visit to visit of an hour: how fast a rate is learnt, and how fast a silence that was once usual is forgotten. */
const RATE_WEIGHT = 0.3;
const FORGET_WEIGHT = 0.2;
/** Beyond what is usual: half as much again, but at least two minutes and at most two hours. */
const MARGIN_MINUTES_MIN = 2;
const MARGIN_MINUTES_MAX = 120;
/** Chance alone shall bring an alarm about once in 150 days: e to the fifth. A source has as many occasions a day as it is heard. */
const SURPRISE_MIN = 5;
/** In no minute is it surer than this that somebody is heard. */
const CERTAIN = 0.95;
const SPREAD_MIN = 0.08;
const SPREAD_DECAY = 0.995;
/** Whoever is heard again soon after an alarm, which then was none, is given more time; that is forgotten over weeks. */
const SOON = 3;
const PATIENCE_MAX = 8;
const PATIENCE_STEP = 1.5;
const PATIENCE_DECAY_HOURLY = 0.999;
/** Hours that wait for the end of a silence; of a longer one nothing is learnt. */
const WAITING_MAX = 2 * HOURS;
const VERSION = 2;
/** It knew nothing of how much a source brings. */
const VERSION_WITHOUT_EVENTS = 1;

interface Hour {
  readonly hour: number;
  readonly count: number;
  readonly events: number;
  readonly longest: number;
  readonly isCutShort: boolean;
}

export class Habit {
  /** Minutes of each hour of the week in which it is heard; what it brings there; the longest usual silence there, in minutes; visits. */
  readonly #rates = new Float32Array(HOURS);
  readonly #events = new Float32Array(HOURS);
  readonly #silences = new Float32Array(HOURS);
  readonly #visits = new Uint8Array(HOURS);
  #hour = -1;
  #minutes = 0;
  #heard = 0;
  #brought = 0;
  #longest = 0;
  #silentMinutes = 0;
  /** Of this silence: less the logarithm of its chance, if minutes were independent. */
  #surprise = 0;
  /** How far the counts of an hour spread around its rate, against what chance does: 1 where it is chance, less where it is regular, more where it comes in bursts. */
  #spread = { sum: 1, of: 1 };
  #patience = 1;
  #hours = 0;
  #isSilent = false;
  /** Hours of the silence under way: whether it is usual shows when it ends. */
  #waiting: Hour[] = [];
  #longestOfAll = 0;
  /** The silence under way began earlier than is known, so it teaches no shorter one. */
  #isCutShort = false;
  /** Minutes of a day in which it is heard. */
  #perDay = 0;

  get isSilent(): boolean {
    return this.#isSilent;
  }

  /** It could not be noticed to be silent yet. */
  get isLearning(): boolean {
    return this.#hours < HOURS;
  }

  /** While we listened. */
  get silentMinutes(): number {
    return this.#silentMinutes;
  }

  /** `minutes` were listened to up to `atMs` (since 1970), and so many records came. Returns whether it is silent against its habit. */
  look(atMs: number, minutes: number, isHeard: boolean, events = 0): boolean {
    const hour = Math.floor(atMs / HOUR_MS) % HOURS;
    if (hour !== this.#hour) this.#turn(hour);
    this.#minutes += minutes;
    this.#silentMinutes += minutes;
    this.#longest = Math.max(this.#longest, this.#silentMinutes);
    this.#brought += events;
    if (isHeard) this.#hear(minutes);
    else this.#surprise -= Math.log(1 - likely(this.#rate(hour))) * minutes;
    this.#isSilent ||= !isHeard && this.#isOverdue(hour);
    return this.#isSilent;
  }

  /** Nobody knows for how long it has been silent: it is taken to have been heard just now. */
  forgetSilence(): void {
    [this.#silentMinutes, this.#surprise, this.#isSilent, this.#isCutShort] = [0, 0, false, true];
  }

  /** How long a silence is usual now, in minutes; Infinity: nobody knows. */
  usualMinutes(): number {
    return this.#hours < HOURS_MIN ? Infinity : this.#usual(this.#hour);
  }

  /** Records that it brings in this hour of the week; null: it was never listened to, or nothing is known. */
  usualEvents(): number | null {
    return this.#hour >= 0 && this.#visits[this.#hour]! > 0 && this.#events[this.#hour]! > 0 ? this.#events[this.#hour]! : null;
  }

  #hear(minutes: number): void {
    if (this.#isSilent) {
      if (this.#silentMinutes < this.#usual(this.#hour) * this.#patience * SOON) this.#patience = Math.min(PATIENCE_MAX, this.#patience * PATIENCE_STEP);
      // The hours of a silence that was none of its habits teach nothing.
      [this.#minutes, this.#brought, this.#longest, this.#waiting] = [0, 0, 0, []];
    }
    for (const one of this.#waiting.splice(0)) this.#learn(one);
    this.#heard += minutes;
    [this.#silentMinutes, this.#surprise, this.#isSilent, this.#isCutShort] = [0, 0, false, false];
  }

  #isOverdue(hour: number): boolean {
    if (this.#hours < HOURS_MIN) return false;
    const spread = Math.max(SPREAD_MIN, this.#spread.sum / this.#spread.of);
    if (this.#silentMinutes > this.#usual(hour) * this.#patience && this.#surprise / spread >= SURPRISE_MIN + Math.log(1 + this.#perDay)) return true;
    return !this.isLearning && this.#silentMinutes > (this.#longestOfAll * 1.25 + 60) * this.#patience;
  }

  /** By this hour and those beside it: what comes a little early or late is as usual. */
  #usual(hour: number): number {
    const known = [hour + HOURS - 1, hour, hour + 1].map((one) => one % HOURS);
    const longest = known.every((one) => this.#visits[one]! > 0) ? Math.max(...known.map((one) => this.#silences[one]!)) : this.#longestOfAll;
    return longest + Math.min(Math.max(longest / 2, MARGIN_MINUTES_MIN), MARGIN_MINUTES_MAX);
  }

  #heardPerDay(): number {
    const visited = this.#visits.reduce((sum, visits) => sum + Math.min(1, visits), 0);
    return visited === 0 ? 0 : (this.#rates.reduce((sum, rate) => sum + rate, 0) * 24) / visited;
  }

  /** Of an hour that it was never listened to: the least of all that are known. */
  #rate(hour: number): number {
    if (this.#visits[hour]! > 0) return this.#rates[hour]!;
    let least = Infinity;
    for (let one = 0; one < HOURS; one += 1) if (this.#visits[one]! > 0) least = Math.min(least, this.#rates[one]!);
    return least === Infinity ? 0 : least;
  }

  /** The hour that is over is learnt now, or when its silence has ended; another begins. */
  #turn(hour: number): void {
    if (this.#hour >= 0 && this.#minutes >= MINUTES_MIN && !this.#isSilent && this.#waiting.length < WAITING_MAX) {
      this.#waiting.push({ hour: this.#hour, count: (this.#heard * 60) / this.#minutes, events: (this.#brought * 60) / this.#minutes, longest: this.#longest, isCutShort: this.#isCutShort });
    }
    if (this.#silentMinutes === 0) for (const one of this.#waiting.splice(0)) this.#learn(one);
    this.#patience = Math.max(1, this.#patience * PATIENCE_DECAY_HOURLY);
    [this.#hour, this.#minutes, this.#heard, this.#brought, this.#longest] = [hour, 0, 0, 0, 0];
  }

  #learn({ hour, count, events, longest, isCutShort }: Hour): void {
    const [rate, silence, visits] = [this.#rates[hour]!, this.#silences[hour]!, this.#visits[hour]!];
    if (visits > 0) {
      this.#spread.sum = this.#spread.sum * SPREAD_DECAY + (count - rate) ** 2;
      this.#spread.of = this.#spread.of * SPREAD_DECAY + rate * (1 - likely(rate));
    }
    this.#rates[hour] = visits === 0 ? count : rate + (count - rate) * RATE_WEIGHT;
    this.#events[hour] = visits === 0 ? events : this.#events[hour]! + (events - this.#events[hour]!) * RATE_WEIGHT;
    if (longest > silence || !isCutShort) this.#silences[hour] = longest > silence ? longest : silence + (longest - silence) * FORGET_WEIGHT;
    this.#longestOfAll = Math.max(...this.#silences);
    this.#visits[hour] = Math.min(255, visits + 1);
    this.#perDay = this.#heardPerDay();
    this.#hours = Math.min(HOURS, this.#hours + 1);
  }

  /** What is left out is of the hour and the silence under way, which then teach nothing. */
  write(writer: ByteWriter): void {
    writer.u8(VERSION).u8(this.#isSilent ? 1 : 0).u16(this.#hours);
    for (const value of [this.#silentMinutes, this.#surprise, this.#spread.sum, this.#spread.of, this.#patience]) writer.bytes(float(value));
    writer.bytes(this.#visits).bytes(new Uint8Array(this.#rates.buffer)).bytes(new Uint8Array(this.#silences.buffer)).bytes(new Uint8Array(this.#events.buffer));
  }

  /** Throws what `ByteReader` does, and `RangeError` for a version that is not known. */
  static read(reader: ByteReader): Habit {
    const habit = new Habit();
    const version = reader.u8();
    if (version !== VERSION && version !== VERSION_WITHOUT_EVENTS) throw new RangeError('a habit of another version');
    habit.#isSilent = reader.u8() === 1;
    habit.#hours = Math.min(HOURS, reader.u16());
    const next = (): number => reader.take(8).readDoubleBE();
    [habit.#silentMinutes, habit.#surprise] = [next(), next()];
    habit.#spread = { sum: next(), of: next() };
    habit.#patience = next();
    habit.#visits.set(reader.take(HOURS));
    for (const array of [habit.#rates, habit.#silences, ...(version === VERSION ? [habit.#events] : [])]) new Uint8Array(array.buffer).set(reader.take(HOURS * 4));
    habit.#longestOfAll = Math.max(...habit.#silences);
    habit.#perDay = habit.#heardPerDay();
    return habit;
  }
}

/** How sure it is that it is heard in a minute of an hour with this rate. */
function likely(rate: number): number {
  return Math.min(CERTAIN, rate / 60);
}

function float(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return bytes;
}
