// SPDX-License-Identifier: Apache-2.0
// From the frames of strongroom-audit to sealed events: one record for each event of the kernel's audit, its lines joined by
// LF, each exactly as the kernel wrote it behind the name of its type. What is missing is told beside it.
import type { SubmittedRun } from '@strongroom/evidence';
import type { Say } from '../events.ts';
import type { Feed, When } from '../feed.ts';
import type { Origin } from '../reader/feed.ts';
import type { LocalStream } from '../stream.ts';
import { changesIn } from './changes.ts';
import { AUDIT_FRAME, malformed, parseHello, parseLines, parseLost, parseNote, parseRecords, type Hello, type Moment } from './frames.ts';
import { isIncomplete, Joiner, type AuditEvent } from './joiner.ts';
import { KeptLines } from './kept-lines.ts';
import { Ledger, LOST_REASONS, type LostReason } from './ledger.ts';
import type { Own } from './own.ts';
import { PluginLines } from './plugin-lines.ts';
import { positionOf, type AuditPosition } from './position.ts';
import { isDaemons, prefixOf, recordIn, recordOf, type AuditRecord } from './record.ts';
import { distance, Serials, type Hole } from './serials.ts';
import { Watch } from './watch.ts';

/** An overrun explains what is found missing within so long of it. */
const OVERRUN_MS = 30_000;
/** Named in one event; all are counted. */
const NAMED_MAX = 40;
const AHEAD_MAX = 2 ** 31;
const GIVEN_UP_MAX = 256;
/** A run ends behind the event that reaches so many. */
const RUN_BYTES = 384 * 1024;

export interface AuditOptions {
  readonly feed: Feed;
  readonly stream: LocalStream;
  readonly say: Say;
  /** Octets of an event that are kept whole. */
  readonly recordBytesMax: number;
  /** What is ours; null: everything is sealed. */
  readonly own: Own | null;
  /** Is told of each event; absent: nothing is compared. */
  readonly reconciliation?: { audit(event: AuditEvent): void } | null;
  /** Is told of each event; absent: nothing is said of who is behind them. */
  readonly who?: { audit(event: AuditEvent): void } | null;
}

export class AuditOrigin implements Origin {
  readonly ledger = new Ledger();
  readonly #options: AuditOptions;
  readonly #watch: Watch;
  readonly #serials: Serials;
  #joiner = new Joiner();
  #lines = new PluginLines();
  /** The one that came last. */
  #before: AuditRecord | null = null;
  #hello: Hello | null = null;
  #readings = 0;
  /** Before it nothing was ever ours in this boot; null: it is not known, or was in an earlier life. */
  #first: number | null = null;
  /** The last ones that were given up. */
  #givenUp: Hole[] = [];
  /** Where this life began. */
  readonly #resumed: AuditPosition | null;
  /** Numbers before this one were not read by the reader that is there now. */
  #notReadBefore: number | null;
  #overrunAtMs = Number.NEGATIVE_INFINITY;
  #runs: SubmittedRun[] = [];
  #when: When = 'later';
  readonly #kept = new KeptLines();
  #incomplete: number[] = [];

  /** `atMs`: now, by the steady clock that the frames are stamped with. */
  constructor(options: AuditOptions, atMs: number) {
    const { feed, stream } = options;
    this.#options = options;
    this.#watch = new Watch(this.ledger, (name, fields) => this.#tell(name, fields));
    const last = feed.position.audit;
    this.#serials = last === null ? new Serials() : Serials.resume(last.next, last.missing, atMs);
    this.#resumed = last;
    this.#notReadBefore = last?.next ?? null;
    if (last?.isJoined === true) stream.mayRepeat();
    feed.tally(stream.protocol);
  }

  /** A frame of the reader that is connected. Throws `Refused`: `audit.frame`, `bytes.*`; then the line is to be ended. */
  frame(kind: number, payload: Buffer): void {
    if (kind === AUDIT_FRAME.hello) this.#begin(parseHello(payload));
    else if (this.#hello === null) throw malformed('the first frame was no hello');
    else if (kind === AUDIT_FRAME.records) this.#settle(parseRecords(payload, (type, from, end, moment) => this.#takeRecord(payload, type, from, end, moment)));
    else if (kind === AUDIT_FRAME.lines) this.#takeLines(payload);
    else if (kind === AUDIT_FRAME.lost) this.#overrun(payload);
    else if (kind === AUDIT_FRAME.status) this.#watch.status(payload);
    else if (kind === AUDIT_FRAME.note) this.#tell('audit.note', parseNote(payload));
    else throw malformed(`frames of kind ${kind} are not known`);
    this.#flush();
  }

  /** The reader is gone, or we are about to be: what is open is given out as it is. */
  end(why: string): void {
    if (this.#hello === null) return;
    const rest = this.#lines.end();
    if (rest !== null) this.#keep(rest, false);
    if (rest !== null) this.ledger.unstamped += 1;
    for (const event of this.#joiner.flush()) this.#give(event, steadyMs());
    this.#tell('audit.reader-gone', { why, path: this.#hello.path });
    this.#hello = null;
    this.#flush();
  }

  /** What the tally does not say, for `stats`. */
  values(): Record<string, number> {
    const { incomplete, droppedRecords, kernelLostRecords } = this.ledger;
    return {
      auditReading: this.#hello === null ? 0 : 1, auditIncomplete: incomplete, auditDroppedRecords: droppedRecords, auditKernelLostRecords: kernelLostRecords,
      ...(this.#watch.last === null ? {} : { auditEnabled: this.#watch.last.enabled }),
    };
  }

  /** Whether an event of that serial came. */
  isHad(serial: number): boolean {
    if (!this.#serials.isPast(serial) || (this.#first !== null && distance(this.#first, serial) >= AHEAD_MAX)) return false;
    return !this.#givenUp.some(({ from, count }) => distance(from, serial) < count);
  }

  /** As far as who compares executions asks of it. */
  get watcher() {
    const { lostEvents, incomplete } = this.ledger;
    return { reading: this.#hello !== null, readings: this.#readings, lost: lostEvents + incomplete, execRules: this.#watch.execRules };
  }

  /** Seals how the sums stand. */
  seal(): void {
    const { feed, stream } = this.#options;
    this.#close();
    this.#runs.push(stream.event('audit.ledger', this.ledger.fields(feed.tally(stream.protocol), this.#hello, this.#watch.last)));
    this.#flush();
  }

  #begin(hello: Hello): void {
    if (this.#hello !== null) throw malformed('a second hello on one line');
    this.#hello = hello;
    this.#readings += 1;
    this.#joiner = new Joiner();
    this.#lines = new PluginLines();
    this.#notReadBefore = this.#serials.next;
    this.#watch.begin();
    this.#tell('audit.reading', { ...hello, next: this.#serials.next, boot: this.#options.feed.position.boot });
  }

  #takeLines(payload: Buffer): void {
    const { moment, octets } = parseLines(payload);
    for (const line of this.#lines.push(octets)) {
      const record = recordIn(line);
      if (record === null) this.#takeUnstamped(line, moment);
      else this.#take(record, moment);
    }
    this.#settle(moment);
  }

  #takeRecord(payload: Buffer, type: number, from: number, end: number, moment: Moment): void {
    const record = recordOf(type, payload, from, end, this.#before);
    if (record === null) return this.#takeUnstamped(Buffer.concat([prefixOf(type), payload.subarray(from, end)]), moment);
    this.#before = record;
    this.#take(record, moment);
  }

  #takeUnstamped(line: Buffer, moment: Moment): void {
    this.ledger.unstamped += 1;
    this.#keep(line, moment.again);
  }

  #take(record: AuditRecord, moment: Moment): void {
    if (moment.again && !isDaemons(record.type) && this.#serials.isPast(record.serial)) {
      this.ledger.repeatedRecords += 1;
      return;
    }
    for (const event of this.#joiner.add(record, moment.atMs)) this.#give(event, moment.atMs, moment.again);
  }

  /** `mayRepeat`: no count tells whether an earlier life had it. */
  #keep(line: Buffer | readonly AuditRecord[], mayRepeat: boolean): void {
    if (mayRepeat) this.#close();
    if (Buffer.isBuffer(line)) this.#kept.add(line);
    else this.#kept.join(line);
    if (mayRepeat || this.#kept.bytes >= RUN_BYTES) this.#close(mayRepeat);
  }

  /** `again`: its last record may have been sent before. */
  #give(event: AuditEvent, atMs: number, again = false): void {
    if (this.#options.own?.has(event) === true && !this.#serials.isPast(event.serial)) {
      this.ledger.own += 1;
      return this.#serials.note(event.serial, atMs);
    }
    const isOfDaemon = isDaemons(event.records[0]!.type);
    if (this.#serials.next === null && !isOfDaemon) this.#begun(event.serial);
    this.#keep(event.records, again && isOfDaemon);
    if (isOfDaemon) {
      this.ledger.daemon += 1;
      return this.#watch.daemon(event);
    }
    if (event.late || this.#serials.isPast(event.serial)) this.ledger.late += 1;
    else this.#count(event, atMs);
    for (const fields of changesIn(event)) {
      this.#watch.changed(fields);
      this.#tell('audit.changed', fields);
    }
  }

  #begun(serial: number): void {
    this.#first = serial;
    this.#tell('audit.began', { serial, boot: this.#options.feed.position.boot });
  }

  #count(event: AuditEvent, atMs: number): void {
    this.ledger.events += 1;
    this.#serials.note(event.serial, atMs);
    this.#options.reconciliation?.audit(event);
    this.#options.who?.audit(event);
    if (!isIncomplete(event)) return;
    this.ledger.incomplete += 1;
    this.#incomplete.push(event.serial);
  }

  /** After each frame: what is over because nothing more came, and what is missing because it did not come. */
  #settle({ drained, atMs, wallNs }: Moment): void {
    if (!drained) return;
    for (const event of this.#joiner.expire(atMs)) this.#give(event, atMs);
    const holes = this.#serials.settle(atMs);
    for (const reason of LOST_REASONS) {
      const of = holes.filter((hole) => this.#reason(hole) === reason);
      if (of.length > 0) this.#missing(reason, of, atMs, wallNs);
    }
    if (this.#incomplete.length > 0) this.#tell('audit.incomplete', { count: this.#incomplete.length, serials: this.#incomplete.slice(0, NAMED_MAX).join(' ') });
    this.#incomplete = [];
  }

  #reason({ from, sinceMs }: Hole): LostReason {
    if (this.#notReadBefore !== null && distance(from, this.#notReadBefore) < AHEAD_MAX) return 'not-read';
    if (Math.abs(this.#overrunAtMs - sinceMs) < OVERRUN_MS) return 'overrun';
    if (this.#watch.kernelLostSince(sinceMs - OVERRUN_MS)) return 'kernel';
    return this.#hello?.path === 'plugin' ? 'auditd' : 'unseen';
  }

  #missing(reason: LostReason, holes: readonly Hole[], atMs: number, wallNs: bigint): void {
    const { feed } = this.#options;
    const count = holes.reduce((sum, hole) => sum + hole.count, 0);
    this.ledger.lost[reason] += count;
    this.#givenUp = [...this.#givenUp, ...holes].slice(-GIVEN_UP_MAX);
    const time = (sinceMs: number): string => new Date(Number(wallNs / 1_000_000n) - (atMs - sinceMs)).toISOString();
    this.#tell('audit.missing', {
      count, reason, noticedFrom: time(holes[0]!.sinceMs), noticedTo: time(holes.at(-1)!.sinceMs), ranges: holes.length,
      serials: holes.slice(0, NAMED_MAX).map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`)).join(' '), boot: feed.position.boot,
    });
  }

  #overrun(payload: Buffer): void {
    const { fromNs, toNs, records } = parseLost(payload);
    this.ledger.droppedRecords += records;
    this.#overrunAtMs = steadyMs();
    this.#tell('audit.overrun', { records, from: isoOf(fromNs), to: isoOf(toNs) });
  }

  #tell(...[name, fields]: Parameters<Say>): void {
    this.#close();
    this.#when = 'soon';
    this.#runs.push(this.#options.stream.event(name, fields ?? {}));
  }

  #close(again = false): void {
    if (this.#kept.bytes === 0) return;
    const { data, lengths } = this.#kept.take();
    this.#runs.push(...this.#options.stream.takeLaid(data, lengths, this.#options.recordBytesMax, again));
  }

  #flush(): void {
    const { feed, stream } = this.#options;
    this.#close();
    if (this.#runs.length > 0) feed.add(this.#runs, { audit: positionOf(this.#serials, this.#resumed) }, this.#when);
    this.#when = 'later';
    this.ledger.settle(feed.tally(stream.protocol));
    this.#runs = [];
  }
}

/** The clock that readers stamp their frames with. */
export function steadyMs(): number {
  return Number(process.hrtime.bigint() / 1_000_000n);
}

function isoOf(ns: bigint): string {
  return new Date(Number(ns / 1_000_000n)).toISOString();
}
