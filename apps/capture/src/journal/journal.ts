// SPDX-License-Identifier: Apache-2.0
// The systemd journal: every entry behind the last one that an earlier life sealed. The first life begins with this boot,
// or with all of a directory that the configuration names. The journal is the buffer: while the vault takes no more,
// nothing is read. What journald copied from the kernel's ring is taken here too: two observations, both kept.
import { setTimeout as delay } from 'node:timers/promises';
import type { SubmittedRun } from '@strongroom/evidence';
import type { Fields } from '@strongroom/service';
import type { Elsewhere } from '../audit/elsewhere.ts';
import type { EventName, Say } from '../events.ts';
import type { Feed } from '../feed.ts';
import type { Host } from '../host.ts';
import { areTied, isNotNewer, timeOf } from './cursor.ts';
import { JournalLines, type JournalLine } from './lines.ts';
import { Moment } from './moment.ts';
import { Journalctl, type Ended } from './journalctl.ts';
import { Numbering, showsAll, type LetGo } from './numbering.ts';
import type { LocalStream } from '../stream.ts';
import { addLost } from '../sums.ts';

const RETRY_MS_MIN = 1000;
const RETRY_MS_MAX = 60_000;
/** A journal whose directory comes into being later is not noticed by a running journalctl. */
const LOOK_AGAIN_MS = 60_000;

export interface JournalOptions {
  /** Unset: the system's own journal. */
  readonly directory?: string | undefined;
  readonly host: Host;
  readonly feed: Feed;
  readonly stream: LocalStream;
  readonly say: Say;
  /** Octets of an entry that are kept whole. */
  readonly recordBytesMax: number;
  /** Is shown each entry. */
  readonly elsewhere?: Pick<Elsewhere, 'journal'> | null;
}

/**
 * Where reading begins: at the origin of the first life; at the last entry taken, which comes once more and is dropped;
 * or, when that entry is gone, at the oldest one, dropping what is certainly older than it was.
 */
type Start =
  | { readonly kind: 'origin' }
  | { readonly kind: 'resume'; readonly last: string }
  | { readonly kind: 'search'; readonly last: string };

/** The first entry that a selection gives: its cursor, null if it names none, undefined if there is no entry. */
interface Peek {
  readonly cursor: string | null | undefined;
  readonly ended: Ended;
}

export class Journal {
  readonly #options: JournalOptions;
  readonly #said = new Set<string>();

  constructor(options: JournalOptions) {
    this.#options = options;
  }

  /** Reads until `stop` is aborted; returns earlier where there is no journalctl. */
  async run(stop: AbortSignal): Promise<void> {
    let lost: string | null = null;
    let wait = RETRY_MS_MIN;
    while (!stop.aborted) {
      const before = this.#options.feed.position.cursor;
      const start = this.#start(lost);
      const outcome = await this.#read(start, stop);
      if (stop.aborted || outcome === 'absent') return;
      if (outcome === 'lost') {
        lost = before;
        continue;
      }
      if (this.#options.feed.position.cursor !== before) {
        lost = null;
        wait = RETRY_MS_MIN;
      }
      await delay(wait, undefined, { signal: stop }).catch(() => undefined);
      wait = Math.min(wait * 2, RETRY_MS_MAX);
    }
  }

  #start(lost: string | null): Start {
    if (lost !== null) return { kind: 'search', last: lost };
    const { cursor } = this.#options.feed.position;
    return cursor === null ? { kind: 'origin' } : { kind: 'resume', last: cursor };
  }

  async #read(start: Start, stop: AbortSignal): Promise<'ended' | 'absent' | 'lost'> {
    const selection = this.#selection(start);
    const first = await this.#peek(selection, stop);
    if (stop.aborted) return 'ended';
    if (first.ended.absent) {
      this.#sayOnce('journal.absent', { why: first.ended.complaint });
      return 'absent';
    }
    if (start.kind === 'resume' && first.cursor !== start.last) return 'lost';
    if (start.kind === 'search') this.#stateLost(start.last, first.cursor ?? null);
    if (first.cursor === undefined) this.#sayOnce('journal.empty', { why: first.ended.complaint === '' ? 'journalctl shows no entry' : first.ended.complaint });
    else if (first.ended.complaint !== '') this.#sayOnce('journal.limited', { why: first.ended.complaint });
    return this.#follow(start, selection, first, stop);
  }

  #selection(start: Start): string[] {
    const { directory, host } = this.#options;
    const selection = start.kind === 'resume' ? [`--cursor=${start.last}`] : [];
    if (directory !== undefined) return [...selection, `--directory=${directory}`];
    if (host.machine !== null) selection.push(`_MACHINE_ID=${host.machine}`);
    if (start.kind === 'origin') selection.push(`_BOOT_ID=${host.boot.replaceAll('-', '')}`);
    return selection;
  }

  async #peek(selection: readonly string[], stop: AbortSignal): Promise<Peek> {
    const journalctl = new Journalctl(selection, false, stop);
    let cursor: string | null | undefined;
    for await (const [line] of journalctl.lines(new JournalLines(this.#options.recordBytesMax))) {
      if (line === undefined) continue;
      cursor = line.cursor;
      break;
    }
    return { cursor, ended: await journalctl.ended };
  }

  async #follow(start: Start, selection: readonly string[], first: Peek, stop: AbortSignal): Promise<'ended' | 'lost'> {
    const { feed, stream, host, recordBytesMax } = this.#options;
    const journalctl = new Journalctl(selection, true, stop);
    const lookAgain = first.cursor === undefined ? setTimeout(() => journalctl.end(), LOOK_AGAIN_MS) : undefined;
    const fresh = freshAfter(start, host.boot);
    const numbering = showsAll(first.ended.complaint) ? new Numbering() : null;
    for await (const lines of journalctl.lines(new JournalLines(recordBytesMax))) {
      if (lines.length > 0) clearTimeout(lookAgain);
      const verdicts = lines.map(({ cursor }) => fresh(cursor));
      // It was there a moment ago, but the journal may have been vacuumed since.
      if (verdicts.includes('lost')) return 'lost';
      if (verdicts.includes('doubtful')) stream.mayRepeat();
      const gone = lines.map(({ cursor }) => numbering?.before(cursor) ?? null);
      this.#take(lines.filter((_, index) => verdicts[index] !== 'known'), gone.filter((_, index) => verdicts[index] !== 'known'));
      await feed.ready(stop);
      if (stop.aborted) break;
    }
    clearTimeout(lookAgain);
    const ended = await journalctl.ended;
    // SIGTERM is ours; SIGINT is the terminal's, and goes to all of its processes.
    if (!stop.aborted && ended.signal !== 'SIGTERM' && ended.signal !== 'SIGINT') {
      this.#sayOnce('journal.interrupted', { code: ended.code, signal: ended.signal, why: ended.complaint });
    }
    return 'ended';
  }

  /** `gone`: for each, what is missing before it. */
  #take(lines: readonly JournalLine[], gone: readonly (LetGo | null)[]): void {
    if (lines.length === 0) return;
    const { feed } = this.#options;
    const cursor = lines.findLast((line) => line.cursor !== null)?.cursor;
    this.#said.clear();
    for (const { raw } of lines) this.#options.elsewhere?.journal(raw);
    feed.add(this.#runs(lines, gone), typeof cursor === 'string' ? { cursor } : {});
    if (lines.some((line) => line.cursor === null)) this.#sayOnce('journal.unmarked', {});
  }

  /** What is missing is told at its place. */
  #runs(lines: readonly JournalLine[], gone: readonly (LetGo | null)[]): SubmittedRun[] {
    const { feed, stream } = this.#options;
    const runs: SubmittedRun[] = [];
    let from = 0;
    for (const [index, letGo] of gone.entries()) {
      if (letGo === null) continue;
      addLost(feed.tally(stream.protocol), 'let-go', letGo.count);
      runs.push(...stream.take(lines.slice(from, index)), stream.event('journal.missing', { ...letGo, reason: 'let-go' }));
      from = index;
    }
    return [...runs, ...stream.take(from === 0 ? lines : lines.slice(from))];
  }

  /** Sealed at its place, before the entries that follow, which say from now on that they may repeat earlier ones. */
  #stateLost(last: string, oldest: string | null): void {
    const { feed, stream } = this.#options;
    stream.mayRepeat();
    addLost(feed.tally(stream.protocol), 'cursor-unknown', null);
    feed.add([stream.event('journal.cursor-unknown', {
      cursor: last, writtenAt: timeOf(last), oldest, oldestWrittenAt: oldest === null ? null : timeOf(oldest),
    })]);
  }

  /** Once in the same words, until entries come again. */
  #sayOnce(event: EventName, fields: Fields): void {
    const key = JSON.stringify([event, fields]);
    if (this.#said.has(key)) return;
    this.#said.add(key);
    this.#options.say(event, fields);
  }
}

/** `known` is sealed already; `doubtful` may be; `lost`: the entry that should come first is not there. */
type Verdict = 'fresh' | 'known' | 'doubtful' | 'lost';

/** Judges entries in order. */
function freshAfter(start: Start, boot: string): (cursor: string | null) => Verdict {
  const moment = new Moment();
  let found = start.kind !== 'resume';
  return (cursor) => {
    if (!found) {
      found = start.kind === 'resume' && cursor === start.last;
      return found ? 'known' : 'lost';
    }
    if (cursor === null) return 'fresh';
    if (start.kind === 'search' && isNotNewer(cursor, start.last, boot)) return 'known';
    if (moment.isRepeat(cursor)) return 'known';
    return start.kind === 'resume' && areTied(cursor, start.last) ? 'doubtful' : 'fresh';
  };
}
