// SPDX-License-Identifier: Apache-2.0
// All sources against their habits: who falls silent, who is heard again, and why it may have been. Told in records.
import { ByteReader, ByteWriter } from '@strongroom/bytes';
import { judge, type Judgement } from './dark-zone.ts';
import { NOTHING_KNOWN, type Heartbeat } from './facts.ts';
import { Habit } from './habit.ts';
import { isoOf, NAMES_MAX, type CoverageRecord, type Silence } from './records.ts';

/** About 2 KB each. Sources without a certificate can be invented: with so many, a new one is watched when one of them has been gone for a day. */
const SOURCES_MAX = 4096;
const GONE_MINUTES = 1440;
/** Further new ones wait for the next look. */
const NEW_MAX = 256;
const FORGET_MINUTES = 35 * 1440;
/** Others that are heard so often tell whether the network is there; who is silent is held against them for so long. */
const OFTEN_MINUTES = 180;
const OPEN_MINUTES = 60;
const MAGIC = 'SRHABIT1\n';

/** What a gateway, or a service of this host, has of a source since it started. */
export interface SourceCount {
  readonly events: number;
  readonly connections: number;
}

export interface LookedAt {
  readonly now: Heartbeat;
  /** So many minutes were listened to since the look before. */
  readonly minutes: number;
  readonly counts: ReadonlyMap<string, SourceCount>;
  readonly linkDown: boolean;
}

/** A source that is silent against its habit. */
export interface SilentFacts {
  readonly source: string;
  /** When it was heard last, ISO 8601. */
  readonly since: string;
  /** How long it may be silent at this hour of the week; null: not known. */
  readonly usualSilenceSeconds: number | null;
  /** Records that it brings in this hour of the week; null: not known. */
  readonly usualEventsHourly: number | null;
  readonly cause: Silence['cause'];
  readonly confidence: Silence['confidence'];
  readonly because: string;
  /** Open at the last look. */
  readonly connections: number;
}

/** The answer to `habits`. Our own services are not counted. */
export interface HabitFacts {
  readonly watched: number;
  /** Those of which it could not be noticed yet. */
  readonly learning: number;
  readonly silent: readonly SilentFacts[];
}

export interface WatchHooks {
  readonly seal: (record: CoverageRecord) => void;
  readonly silent: (source: string, sinceNs: bigint) => void;
  readonly heard: (source: string) => void;
}

interface Watched {
  readonly habit: Habit;
  heardNs: bigint;
  events: number;
  connections: number;
  silence: Omit<Silence, 'source'> | null;
  /** Why it is silent may still turn out: it was noticed so many minutes ago. Null: it is settled. */
  open: number | null;
}

export class SourceWatch {
  readonly #hooks: WatchHooks;
  readonly #sources = new Map<string, Watched>();
  /** What was forgotten, and how much had been heard of it by then. */
  readonly #left = new Map<string, number>();

  constructor(hooks: WatchHooks) {
    this.#hooks = hooks;
  }

  get count(): number {
    return this.#sources.size;
  }

  look(at: LookedAt): void {
    let fresh = 0;
    for (const [source, { events }] of at.counts) {
      if (events === 0 || this.#sources.has(source) || this.#left.get(source) === events) continue;
      if (fresh >= NEW_MAX || !this.#hasRoom(at.now.wallNs)) break;
      fresh += 1;
      this.#begin(source, at.now.wallNs);
    }
    const fallen: string[] = [];
    for (const [source, watched] of this.#sources) if (this.#one(source, watched, at)) fallen.push(source);
    this.#judge(fallen, at);
  }

  /** Who there is, for who reads from here on. */
  list(timeNs: bigint): void {
    const all = [...this.#sources];
    const silent = all.flatMap(([source, { silence }]) => (silence === null ? [] : [{ source, ...silence }]));
    const names = (isLearning: boolean): string[] => all.filter(([, { habit, silence }]) => silence === null && habit.isLearning === isLearning).map(([source]) => source);
    const [heard, learning] = [names(false), names(true)];
    for (let from = 0; from === 0 || from < Math.max(heard.length, learning.length, silent.length); from += NAMES_MAX) {
      const part = <T>(list: readonly T[]): T[] => list.slice(from, from + NAMES_MAX);
      this.#hooks.seal({ type: 'sources', timeNs, heard: part(heard), learning: part(learning), silent: part(silent) });
    }
  }

  /** Who is silent against its habit now, those that are heard most first. */
  facts(): HabitFacts {
    const outside = [...this.#sources].filter(([source]) => isOutside(source));
    const silent = [...this.#sources].flatMap(([source, { habit, silence, connections }]): SilentFacts[] => {
      if (silence === null) return [];
      const { fromNs, cause, confidence, because } = silence;
      const usual = habit.usualMinutes();
      return [{ source, since: isoOf(fromNs), usualSilenceSeconds: usual === Infinity ? null : Math.round(usual * 60), usualEventsHourly: habit.usualEvents(), cause, confidence, because, connections }];
    });
    return { watched: outside.length, learning: outside.filter(([, { habit }]) => habit.isLearning).length, silent: silent.toSorted((a, b) => (b.usualEventsHourly ?? 0) - (a.usualEventsHourly ?? 0)) };
  }

  /** What is learnt. It proves nothing: who loses it learns anew. */
  save(): Buffer {
    const writer = new ByteWriter(4096).bytes(Buffer.from(MAGIC)).u32(this.#sources.size);
    for (const [source, { habit, heardNs }] of this.#sources) {
      writer.str16(source).u64(heardNs);
      habit.write(writer);
    }
    return writer.finish();
  }

  /**
   * Goes on with what was saved, before the first look. Where that was not at the end of the life before, who was not silent then may
   * have been heard up to `lastNs`, its last sign of life. False: it cannot be read, and all begins anew.
   */
  load(saved: Buffer, lastNs: bigint, isOfTheEnd: boolean): boolean {
    try {
      const reader = new ByteReader(saved);
      if (reader.take(MAGIC.length).toString('latin1') !== MAGIC) return false;
      for (let left = Math.min(reader.u32(), SOURCES_MAX); left > 0; left -= 1) {
        const [source, heardNs, habit] = [reader.str16(), reader.u64(), Habit.read(reader)];
        const silence = habit.isSilent ? { fromNs: heardNs, ...judge({ ...NOTHING_KNOWN, ...atOnce(heardNs), sourcesSilent: 1 }) } : null;
        const isKnown = isOfTheEnd || habit.isSilent || heardNs > lastNs;
        if (!isKnown) habit.forgetSilence();
        this.#sources.set(source, { habit, heardNs: isKnown ? heardNs : lastNs, events: 0, connections: 0, silence, open: null });
      }
      reader.end();
      for (const [source, { silence }] of this.#sources) if (silence !== null) this.#hooks.silent(source, silence.fromNs);
      return true;
    } catch {
      this.#sources.clear();
      return false;
    }
  }

  #begin(source: string, timeNs: bigint): void {
    this.#sources.set(source, { habit: new Habit(), heardNs: timeNs, events: 0, connections: 0, silence: null, open: null });
    this.#hooks.seal({ type: 'heard', timeNs, source, silence: null });
  }

  /** Whether it has just fallen silent. */
  #one(source: string, watched: Watched, { now, minutes, counts }: LookedAt): boolean {
    const events = counts.get(source)?.events ?? 0;
    // A process that was started anew counts from 0.
    const isHeard = events > 0 && events !== watched.events;
    const fresh = isHeard ? events - (events > watched.events ? watched.events : 0) : 0;
    watched.events = events;
    watched.connections = counts.get(source)?.connections ?? 0;
    const isSilent = watched.habit.look(Number(now.wallNs / 1_000_000n), minutes, isHeard, fresh);
    if (isHeard) {
      watched.heardNs = now.wallNs;
      if (watched.silence !== null) this.#again(source, watched, now.wallNs);
    }
    if (watched.habit.silentMinutes > FORGET_MINUTES) this.#forget(source, now.wallNs);
    return isSilent && watched.silence === null;
  }

  #again(source: string, watched: Watched, timeNs: bigint): void {
    this.#hooks.seal({ type: 'heard', timeNs, source, silence: watched.silence });
    this.#hooks.heard(source);
    [watched.silence, watched.open] = [null, null];
  }

  /** Why, as far as it shows: where all fell silent together, which may take a while to see, it was not each of them. */
  #judge(fallen: readonly string[], at: LookedAt): void {
    if (fallen.length === 0 && !this.#sources.values().some(({ open }) => open !== null)) return;
    for (const source of fallen) {
      const watched = this.#sources.get(source);
      if (watched !== undefined) watched.open = 0;
    }
    const outside = [...this.#sources].filter(([source, { habit }]) => isOutside(source) && !habit.isLearning).map(([, watched]) => watched);
    const together = outside.filter(({ open }) => open !== null);
    const alive = outside.filter(({ habit }) => !habit.isSilent && habit.usualMinutes() <= OFTEN_MINUTES).length;
    const facts = { ...NOTHING_KNOWN, before: at.now, after: at.now };
    const shared = judge({ ...facts, linkDown: at.linkDown, sourcesSilent: Math.max(1, together.length), sourcesAll: Math.max(1, together.length + alive) });
    for (const watched of together) {
      if (watched.silence !== null && shared.cause === 'network-loss') watched.silence = { fromNs: watched.silence.fromNs, ...shared };
      watched.open = watched.open! >= OPEN_MINUTES ? null : watched.open! + at.minutes;
    }
    for (const source of fallen) this.#fall(source, isOutside(source) ? shared : judge({ ...facts, sourcesSilent: 1, sourcesAll: 2 }), at);
  }

  #fall(source: string, { cause, confidence, because }: Judgement, at: LookedAt): void {
    const watched = this.#sources.get(source);
    if (watched === undefined) return;
    const silence = { fromNs: watched.heardNs, cause, confidence, because: `${because}; ${connected(at.counts.get(source))}` };
    watched.silence = silence;
    const usual = watched.habit.usualMinutes();
    this.#hooks.seal({ type: 'silent', timeNs: at.now.wallNs, usualSeconds: Math.round((usual === Infinity ? 0 : usual) * 60), source, ...silence });
    this.#hooks.silent(source, watched.heardNs);
  }

  #forget(source: string, timeNs: bigint): void {
    const { silence, events } = this.#sources.get(source)!;
    this.#sources.delete(source);
    if (this.#left.size >= SOURCES_MAX) this.#left.clear();
    this.#left.set(source, events);
    this.#hooks.seal({ type: 'forgotten', timeNs, source });
    if (silence !== null) this.#hooks.heard(source);
  }

  #hasRoom(timeNs: bigint): boolean {
    if (this.#sources.size < SOURCES_MAX) return true;
    for (const [source, { habit }] of this.#sources) {
      if (habit.silentMinutes < GONE_MINUTES) continue;
      this.#forget(source, timeNs);
      return true;
    }
    return false;
  }
}

/** Our own services are no neighbours on the network. */
function isOutside(source: string): boolean {
  return !source.startsWith('service/');
}

function connected(count: SourceCount | undefined): string {
  return (count?.connections ?? 0) > 0 ? 'its connection is open' : 'it is not connected';
}

/** A moment without a machine around it. */
function atOnce(wallNs: bigint): { readonly before: Heartbeat; readonly after: Heartbeat } {
  const one = { boot: '', life: '', bootNs: 0n, monotonicNs: 0n, wallNs, boundNs: null };
  return { before: one, after: one };
}
