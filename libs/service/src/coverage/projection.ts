// SPDX-License-Identifier: Apache-2.0
// What was covered between two moments, from the records of protocol "coverage", in the order of the log, one at a time. The
// heartbeats decide what was dark; the sealed dark zones say why. Where one is missing the heartbeats alone must do, and less is sure.
// What became known of the feed is sealed as an amendment, which counts; where there is none it is judged here, in the same way.
import type { Cause, Confidence } from './causes.table.ts';
import { darkZoneOf, LATE_NS, type DarkZone } from './dark-zone.ts';
import { NOTHING_KNOWN, type Heartbeat } from './facts.ts';
import { withFeeds, type FeedHistory, type Found } from './feeds.ts';
import { lengthWithin, union } from './intervals.ts';
import type { Beat, CoverageRecord, Silence } from './records.ts';

/** Gaps that are kept, of the appliance and of each source; further ones count and are not listed. */
const GAPS_MAX = 10_000;
const SOURCE_GAPS_MAX = 1000;
const SOURCES_MAX = 8192;
const BILLION = 1_000_000_000n;

export interface Gap {
  readonly fromNs: bigint;
  readonly toNs: bigint;
  /** It began after `fromNs`, and by then; null: at `fromNs`, or that is not known. */
  readonly beganByNs: bigint | null;
  /** Of both ends; null: not known. */
  readonly boundNs: bigint | null;
  readonly cause: Cause;
  readonly confidence: Confidence;
  readonly because: string;
  readonly others: readonly Cause[];
  /** No evidence could be taken, or came. Not so where only the clock was set: no time passed there. */
  readonly isLost: boolean;
  /** It goes on. */
  readonly isOpen: boolean;
}

export interface Covered {
  /** Of the asked time: from the first sign of it to the last. */
  readonly fromNs: bigint;
  readonly toNs: bigint;
  readonly lostNs: bigint;
  /** By which the clock was set forward, less what it was set back: no time passed. With both and `coveredNs` it is whole, to the nanosecond. */
  readonly setNs: bigint;
  readonly coveredNs: bigint;
  /** 0 to 1: what is covered of the time that passed. */
  readonly share: number;
  readonly gaps: readonly Gap[];
  readonly gapsLeftOut: number;
}

export interface CoveredSource extends Covered {
  readonly source: string;
  /** Its habit was not known yet at the end: it could not have been noticed to be silent. */
  readonly isLearning: boolean;
}

export interface Coverage {
  readonly sinceNs: bigint;
  readonly untilNs: bigint;
  /** Null: there is no sign of life in this time. */
  readonly appliance: Covered | null;
  readonly sources: readonly CoveredSource[];
}

interface Known {
  fromNs: bigint;
  toNs: bigint | null;
  silence: Omit<Silence, 'source'> | null;
  isLearning: boolean;
  gaps: Gap[];
  leftOut: number;
}

export class CoverageProjection {
  readonly #sinceNs: bigint;
  readonly #untilNs: bigint;
  readonly #feeds: Pick<FeedHistory, 'died' | 'booted'> | null;
  readonly #sources = new Map<string, Known>();
  readonly #gaps: Gap[] = [];
  #leftOut = 0;
  #zone: Found | undefined;
  /** Where the gap of a dark zone stands in the list, by the sign of life that ended it. */
  readonly #placed = new Map<string, number>();
  #last: Beat | undefined;
  /** The first heartbeat of a time in which evidence is not taken. */
  #heldSince: Beat | undefined;
  #fromNs: bigint | undefined;
  #toNs = 0n;
  /** When the clock was set, by itself, and by how much. */
  readonly #steps: { readonly atNs: bigint; readonly byNs: bigint }[] = [];

  constructor(sinceNs: bigint, untilNs: bigint, feeds: Pick<FeedHistory, 'died' | 'booted'> | null = null) {
    this.#feeds = feeds;
    this.#sinceNs = sinceNs;
    this.#untilNs = untilNs;
  }

  take(record: CoverageRecord): void {
    switch (record.type) {
      case 'dark-zone': this.#zone = record; return;
      case 'dark-zone-amended': return this.#amended(record);
      case 'heartbeat': return this.#beat(record);
      case 'sources': return this.#listed(record);
      case 'heard': return this.#heard(record);
      case 'silent': {
        this.#known(record.source, record.timeNs).silence = record;
        return;
      }
      default: {
        const known = this.#sources.get(record.source);
        if (known !== undefined) known.toNs = record.timeNs;
      }
    }
  }

  end(): Coverage {
    if (this.#heldSince !== undefined) this.#keep(heldGap(this.#heldSince, this.#toNs, true));
    this.#heldSince = undefined;
    const isSeen = this.#fromNs !== undefined && this.#toNs > this.#sinceNs;
    const appliance = isSeen ? this.#covered(this.#fromNs!, this.#toNs, this.#gaps, this.#leftOut, []) : null;
    const sources = isSeen ? [...this.#sources].map(([source, known]) => this.#source(source, known)).filter((one) => one.toNs > one.fromNs) : [];
    return { sinceNs: this.#sinceNs, untilNs: this.#untilNs, appliance, sources: sources.toSorted((a, b) => (a.source < b.source ? -1 : 1)) };
  }

  #beat(beat: Beat): void {
    const [last, zone] = [this.#last, this.#zone];
    [this.#last, this.#zone] = [beat, undefined];
    const isOf = zone?.facts.after.life === beat.life && zone.facts.after.bootNs === beat.bootNs;
    const found = isOf ? zone : last === undefined ? null : unexplained(last, beat);
    const dark = found === null ? null : this.#feeds === null ? found.zone : withFeeds(found, this.#feeds).zone;
    const signNs = dark?.fromNs ?? beat.wallNs;
    if (signNs < this.#untilNs) this.#fromNs ??= clip(signNs, this.#sinceNs, this.#untilNs);
    this.#toNs = max(this.#toNs, min(beat.wallNs, this.#untilNs));
    this.#holding(beat, dark);
    if (dark !== null) this.#keep({ ...dark, isLost: true, isOpen: false }, keyOf(beat));
    else if (last !== undefined) this.#stepped(last, beat);
  }

  /** What was sealed last of a gap counts: it was judged by all that was known by then. */
  #amended({ zone: { cause, confidence, because, others }, facts: { after } }: Found): void {
    const place = this.#placed.get(keyOf(after));
    if (place !== undefined) this.#gaps[place] = { ...this.#gaps[place]!, cause, confidence, because, others };
  }

  /** Evidence is not taken from the first heartbeat that says so to the first that does not: one gap, which a dark zone may tell of. */
  #holding(beat: Beat, dark: DarkZone | null): void {
    const since = this.#heldSince;
    const isOver = since !== undefined && (beat.held?.cause !== since.held?.cause || dark !== null);
    if (isOver && (dark === null || dark.fromNs > since.wallNs)) this.#keep(heldGap(since, dark?.fromNs ?? beat.wallNs, false));
    if (isOver || since === undefined) this.#heldSince = beat.held === null ? undefined : beat;
  }

  /** A wall clock that was set leaves a hole, or time that was there twice, and nothing is lost. */
  #stepped(last: Beat, beat: Beat): void {
    const expected = last.wallNs + (beat.bootNs - last.bootNs);
    const step = beat.wallNs - expected;
    if ((step < 0n ? -step : step) <= BILLION) return;
    this.#keep({
      fromNs: min(expected, beat.wallNs), toNs: max(expected, beat.wallNs), beganByNs: null, boundNs: beat.boundNs, cause: 'clock-step', confidence: 'certain', others: [], isLost: false, isOpen: false,
      because: step > 0n ? 'the wall clock was set forward: no time passed here' : 'the wall clock was set back: this time was there twice',
    });
    this.#step(min(expected, beat.wallNs), max(expected, beat.wallNs), step > 0n);
  }

  /** What of it lies within the time that is asked for. */
  #step(fromNs: bigint, toNs: bigint, isForward: boolean): void {
    const byNs = min(toNs, this.#untilNs) - max(fromNs, this.#sinceNs);
    if (byNs > 0n) this.#steps.push({ atNs: isForward ? toNs : fromNs, byNs: isForward ? byNs : -byNs });
  }

  #keep(gap: Gap, key?: string): void {
    const clipped = this.#clipped(gap);
    if (clipped === null) return;
    if (key !== undefined && this.#gaps.length < GAPS_MAX) this.#placed.set(key, this.#gaps.length);
    if (this.#gaps.length < GAPS_MAX) this.#gaps.push(clipped);
    else this.#leftOut += 1;
  }

  /** Null: it is not of this time. */
  #clipped(gap: Gap): Gap | null {
    const [fromNs, toNs] = [max(gap.fromNs, this.#sinceNs), min(gap.toNs, this.#untilNs)];
    return toNs <= fromNs ? null : { ...gap, fromNs, toNs, beganByNs: gap.beganByNs !== null && gap.beganByNs > fromNs ? min(gap.beganByNs, toNs) : null };
  }

  #listed({ timeNs, heard, learning, silent }: Extract<CoverageRecord, { type: 'sources' }>): void {
    for (const source of heard) this.#known(source, timeNs).isLearning = false;
    for (const source of learning) this.#known(source, timeNs).isLearning = true;
    for (const one of silent) this.#known(one.source, timeNs).silence = one;
  }

  #heard({ source, timeNs, silence }: Extract<CoverageRecord, { type: 'heard' }>): void {
    const known = this.#known(source, timeNs);
    if (silence !== null) this.#silent(known, silence, timeNs, false);
    known.silence = null;
  }

  #silent(known: Known, { fromNs, cause, confidence, because }: Omit<Silence, 'source'>, toNs: bigint, isOpen: boolean): void {
    const gap = this.#clipped({ fromNs, toNs, beganByNs: null, boundNs: null, cause, confidence, because, others: [], isLost: true, isOpen });
    if (gap === null) return;
    if (known.gaps.length < SOURCE_GAPS_MAX) known.gaps.push(gap);
    else known.leftOut += 1;
  }

  #known(source: string, timeNs: bigint): Known {
    const known = this.#sources.get(source);
    if (known !== undefined && known.toNs === null) return known;
    const fresh: Known = { fromNs: clip(timeNs, this.#sinceNs, this.#untilNs), toNs: null, silence: null, isLearning: true, gaps: [], leftOut: 0 };
    if (known !== undefined || this.#sources.size < SOURCES_MAX) this.#sources.set(source, fresh);
    return fresh;
  }

  #source(source: string, known: Known): CoveredSource {
    const toNs = clip(known.toNs ?? this.#toNs, known.fromNs, max(known.fromNs, this.#toNs));
    if (known.silence !== null) this.#silent(known, known.silence, toNs, known.toNs === null);
    return { source, isLearning: known.isLearning, ...this.#covered(known.fromNs, toNs, known.gaps, known.leftOut, this.#gaps) };
  }

  /** `behind`: gaps that are another's and keep evidence away all the same. */
  #covered(fromNs: bigint, toNs: bigint, gaps: readonly Gap[], gapsLeftOut: number, behind: readonly Gap[]): Covered {
    const lost = union([...gaps, ...behind].filter(({ isLost }) => isLost));
    const lostNs = lengthWithin(lost, fromNs, toNs);
    const setNs = this.#steps.reduce((sum, { atNs, byNs }) => (atNs > fromNs && atNs <= toNs ? sum + byNs : sum), 0n);
    const passedNs = toNs - fromNs - setNs;
    const coveredNs = max(0n, passedNs - lostNs);
    return { fromNs, toNs, lostNs, setNs, coveredNs, share: passedNs <= 0n ? 0 : Number(coveredNs) / Number(passedNs), gaps, gapsLeftOut };
  }
}

function heldGap({ wallNs, boundNs, held }: Beat, toNs: bigint, isOpen: boolean): Gap {
  return { fromNs: wallNs, toNs, beganByNs: null, boundNs, cause: held?.cause ?? 'unknown', confidence: 'certain', because: held?.because ?? '', others: [], isLost: true, isOpen };
}

/** What heartbeats alone tell of a gap that nobody sealed a cause for. */
function unexplained(last: Beat, beat: Beat): Found | null {
  const isRestart = last.life !== beat.life && last.boot === beat.boot;
  const facts = { ...NOTHING_KNOWN, before: last, after: beat, shutdownSealed: last.state === 'stopped', serviceEnded: isRestart && last.state === 'alive', everySeconds: last.everySeconds };
  const zone = darkZoneOf(facts, BigInt(last.everySeconds) * 2n * BILLION + LATE_NS);
  return zone === null ? null : { zone, facts };
}

function keyOf({ life, bootNs }: Heartbeat): string {
  return `${life} ${bootNs}`;
}

function clip(value: bigint, from: bigint, to: bigint): bigint {
  return min(max(value, from), to);
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
