// SPDX-License-Identifier: Apache-2.0
// What `chronyc -c` prints, as data. Each line is one row of a report, told apart by its columns (chrony 4.1 and later):
//
//   tracking     14  reference id, name, stratum, reference time, system offset, last offset, RMS offset, frequency, residual frequency,
//                    skew, root delay, root dispersion, update interval, leap status
//   sources      10  mode (^ = #), state (* + - x ~ ?), name, stratum, poll, reach (octal), last heard, adjusted offset, measured offset, error
//   sourcestats   8  name, samples, runs, span, frequency, frequency skew, offset, standard deviation
//   selectdata   18  state, name, authentication, options, …, score, interval low, interval high, leap status
//   authdata     10  name, mode (- NTS SK), key id, type, length, last exchange, attempts, NAK, cookies, cookie length
//
// Seconds and parts per million there; nanoseconds and parts per billion here.
import { Refused } from '@strongroom/bytes';

export interface Tracking {
  /** Hexadecimal, as NTP has it. */
  readonly referenceId: string;
  readonly name: string;
  readonly stratum: number;
  /** As printed: it names the last measurement that was taken. */
  readonly referenceTime: string;
  /** Positive: the wall clock is slow. */
  readonly offsetNs: number;
  /** By how much the last measurement moved it. */
  readonly lastOffsetNs: number;
  readonly frequencyPpb: number;
  readonly residualPpb: number;
  readonly skewPpb: number;
  readonly rootDelayNs: number;
  readonly rootDispersionNs: number;
  readonly intervalNs: number;
  readonly leap: 'none' | 'insert' | 'delete' | 'unsynchronised';
}

export const VERDICT = {
  '*': 'selected', '+': 'combined', '-': 'not-combined', 'x': 'falseticker', '~': 'jittery', '?': 'unusable',
} as const;
export type Verdict = (typeof VERDICT)[keyof typeof VERDICT];

export interface ChronySource {
  readonly name: string;
  readonly kind: 'server' | 'peer' | 'clock';
  readonly verdict: Verdict;
  readonly stratum: number;
  readonly pollNs: number;
  /** Of the last eight polls, one bit each. */
  readonly reach: number;
  /** Since the last measurement; null: there was none. */
  readonly heardNs: number | null;
  readonly offsetNs: number;
  readonly errorNs: number;
}

export interface SourceStatistics {
  readonly name: string;
  readonly samples: number;
  readonly frequencySkewPpb: number;
  readonly deviationNs: number;
}

/** True time less the wall clock is in here, by that source. */
export interface SelectionInterval {
  readonly name: string;
  readonly lowNs: number;
  readonly highNs: number;
}

export interface Authentication {
  readonly name: string;
  readonly mode: 'none' | 'nts' | 'key';
  /** Exchanges of keys that were begun since the last that succeeded, and refusals by the server. */
  readonly attempts: number;
  readonly refusals: number;
  readonly cookies: number;
}

export interface ChronyReport {
  readonly tracking: Tracking | null;
  readonly sources: readonly ChronySource[];
  readonly statistics: readonly SourceStatistics[];
  readonly intervals: readonly SelectionInterval[];
  readonly authentication: readonly Authentication[];
}

const TEXT_CHARACTERS_MAX = 1 << 20;
const ROWS_MAX = 1024;
const NAME_CHARACTERS_MAX = 256;
const LEAP: Readonly<Record<string, Tracking['leap']>> = { 'Normal': 'none', 'Insert second': 'insert', 'Delete second': 'delete', 'Not synchronised': 'unsynchronised' };
const KIND: Readonly<Record<string, ChronySource['kind']>> = { '^': 'server', '=': 'peer', '#': 'clock' };
const MODE: Readonly<Record<string, Authentication['mode']>> = { '-': 'none', 'NTS': 'nts', 'SK': 'key' };
const NEVER = 4_294_967_295;

/** Throws `Refused`: `chrony.too-long`, `chrony.row`, `chrony.number`. Lines that begin with a reply code (such as 501) are passed over. */
export function parseReport(text: string): ChronyReport {
  const lines = text.length > TEXT_CHARACTERS_MAX ? [] : text.split('\n').filter((line) => line !== '' && !/^\d{3} /.test(line));
  if (text.length > TEXT_CHARACTERS_MAX || lines.length > ROWS_MAX) throw new Refused('chrony.too-long', 'chronyc printed more than any chronyd has to say');
  const rows = lines.map((line) => line.split(','));
  const having = (count: number): string[][] => rows.filter(({ length }) => length === count);
  const unknown = rows.find(({ length }) => ![14, 10, 8, 18].includes(length));
  if (unknown !== undefined) throw new Refused('chrony.row', 'chronyc printed a row of no report that is known here', { why: `it has ${unknown.length} columns` });
  const tens = having(10);
  return {
    tracking: having(14).map(trackingOf).at(0) ?? null,
    sources: tens.filter(([mode]) => KIND[mode!] !== undefined).map(sourceOf),
    statistics: having(8).map(statisticsOf),
    intervals: having(18).map(intervalOf),
    authentication: tens.filter(([mode]) => KIND[mode!] === undefined).map(authenticationOf),
  };
}

function trackingOf(row: readonly string[]): Tracking {
  const leap = LEAP[row[13]!];
  if (leap === undefined) throw new Refused('chrony.row', 'chronyc names a leap status that is not known here', { why: row[13]!.slice(0, NAME_CHARACTERS_MAX) });
  return {
    referenceId: row[0]!, name: nameOf(row[1]!), stratum: number(row[2]!), referenceTime: digits(row[3]!), offsetNs: number(row[4]!) * 1e9,
    lastOffsetNs: number(row[5]!) * 1e9, frequencyPpb: number(row[7]!) * 1000, residualPpb: number(row[8]!) * 1000, skewPpb: size(row[9]!) * 1000,
    rootDelayNs: size(row[10]!) * 1e9, rootDispersionNs: size(row[11]!) * 1e9, intervalNs: size(row[12]!) * 1e9, leap,
  };
}

function sourceOf(row: readonly string[]): ChronySource {
  const verdict = VERDICT[row[1] as keyof typeof VERDICT];
  if (verdict === undefined) throw new Refused('chrony.row', 'chronyc names a state of a source that is not known here', { why: row[1]! });
  const heard = number(row[6]!);
  return {
    kind: KIND[row[0]!]!, verdict, name: nameOf(row[2]!), stratum: number(row[3]!), pollNs: 2 ** number(row[4]!) * 1e9, reach: octal(row[5]!),
    heardNs: heard === NEVER ? null : heard * 1e9, offsetNs: number(row[7]!) * 1e9, errorNs: number(row[9]!) * 1e9,
  };
}

function statisticsOf(row: readonly string[]): SourceStatistics {
  return { name: nameOf(row[0]!), samples: number(row[1]!), frequencySkewPpb: number(row[5]!) * 1000, deviationNs: number(row[7]!) * 1e9 };
}

function intervalOf(row: readonly string[]): SelectionInterval {
  return { name: nameOf(row[1]!), lowNs: number(row[15]!) * 1e9, highNs: number(row[16]!) * 1e9 };
}

function authenticationOf(row: readonly string[]): Authentication {
  const mode = MODE[row[1]!];
  if (mode === undefined) throw new Refused('chrony.row', 'chronyc names an authentication that is not known here', { why: row[1]!.slice(0, NAME_CHARACTERS_MAX) });
  return { name: nameOf(row[0]!), mode, attempts: number(row[6]!), refusals: number(row[7]!), cookies: number(row[8]!) };
}

function nameOf(text: string): string {
  return text.slice(0, NAME_CHARACTERS_MAX);
}

/** A number whose digits are kept. */
function digits(text: string): string {
  number(text);
  return text;
}

/** What would make a bound smaller if it were below 0. */
function size(text: string): number {
  const value = number(text);
  if (value < 0) throw noNumber(text);
  return value;
}

function octal(text: string): number {
  if (!/^[0-7]{1,3}$/.test(text)) throw noNumber(text);
  return Number.parseInt(text, 8);
}

function number(text: string): number {
  const value = /^[+-]?\d{1,20}(\.\d{1,20})?$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isFinite(value)) throw noNumber(text);
  return value;
}

function noNumber(text: string): Refused {
  return new Refused('chrony.number', 'chronyc printed no number where one stands', { why: text.slice(0, NAME_CHARACTERS_MAX) });
}
