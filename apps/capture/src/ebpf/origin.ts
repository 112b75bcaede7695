// SPDX-License-Identifier: Apache-2.0
// From the frames of strongroom-probe to sealed events: one record for each, and beside them what is missing, and why.
import type { SubmittedRun } from '@strongroom/evidence';
import type { EventName, Say } from '../events.ts';
import type { Feed, When } from '../feed.ts';
import type { Origin } from '../reader/feed.ts';
import type { LocalStream } from '../stream.ts';
import { EventLines, type Who } from './event-line.ts';
import { malformed, parseCounts, parseEvents, parseHello, parseNote, PROBE_FRAME, type EventType, type ProbeEvent, type ProbeHello } from './frames.ts';
import { Ledger } from './ledger.ts';

export interface EbpfOptions {
  readonly feed: Feed;
  readonly stream: LocalStream;
  readonly say: Say;
  /** Octets of an event that are kept whole. */
  readonly recordBytesMax: number;
  /** Is told of each event; absent: nothing is compared. */
  readonly reconciliation?: { ebpf(event: ProbeEvent): void } | null;
  /** Absent: events say nothing of who is behind them. */
  readonly who?: Who | null;
  /** Is given the line of each event by which the clock may have been set. */
  readonly clockCall?: ((line: Uint8Array) => void) | null;
}

/** A run ends behind the line that reaches so many, and is added: lines may be many times longer than the events of a frame. */
const RUN_BYTES = 384 * 1024;
/** Seldom on a quiet host, and much to somebody who asks what became of it: who is about to end capture executes something first. */
const TELLING: ReadonlySet<EventType> = new Set<EventType>(['exec', 'exec-failed', 'credentials', 'module', 'bpf', 'ptrace', 'mount', 'signal', 'time', 'abi']);

type EventFields = Parameters<LocalStream['event']>[1];

export class EbpfOrigin implements Origin {
  readonly ledger = new Ledger();
  readonly #options: EbpfOptions;
  #hello: ProbeHello | null = null;
  #readings = 0;
  #life: bigint | null = null;
  /** Since when nobody watched, in ns since boot; null: that is not known, or somebody watches. */
  #goneAt: bigint | null = null;
  /** Up to when everything has come, as far as is known: in ns since boot. */
  #seenAt = 0n;
  #unseenTold = 0;
  readonly #lines: EventLines;
  #runs: SubmittedRun[] = [];
  #when: When = 'later';

  constructor(options: EbpfOptions) {
    this.#options = options;
    this.#lines = new EventLines(options.who);
    options.feed.tally(options.stream.protocol);
  }

  /** A frame of the probe that is connected. Throws `Refused`: `ebpf.frame`, `bytes.*`; then the line is to be ended. */
  frame(kind: number, payload: Buffer): void {
    if (kind === PROBE_FRAME.hello) this.#begin(parseHello(payload));
    else if (this.#hello === null) throw malformed('the first frame was no hello');
    else if (kind === PROBE_FRAME.events) this.#take(payload);
    else if (kind === PROBE_FRAME.counts) this.#count(payload);
    else if (kind === PROBE_FRAME.note) this.#tell('ebpf.note', { text: parseNote(payload) });
    else throw malformed(`frames of kind ${kind} are not known`);
    this.#flush();
  }

  /** The probe is gone, or we are about to be. */
  end(why: string): void {
    if (this.#hello === null) return;
    this.#hello = null;
    this.#goneAt = this.#seenAt;
    this.#tell('ebpf.probe-gone', { why, seenUntilNs: String(this.#seenAt) });
    this.#flush();
  }

  /** What the tally does not say, for `stats`. */
  values(): Record<string, number> {
    return { ebpfReading: this.#hello === null ? 0 : 1 };
  }

  /** As far as who compares executions asks of it. */
  get watcher() {
    const { lostExecs, unseen, notRead } = this.ledger;
    return { reading: this.#hello !== null, readings: this.#readings, lost: lostExecs + unseen + notRead };
  }

  /** Seals how the sums stand. */
  seal(): void {
    const { feed, stream } = this.#options;
    const { unseen } = this.ledger;
    if (unseen > this.#unseenTold) this.#tell('ebpf.missing', { count: unseen - this.#unseenTold, reason: 'unseen' });
    this.#unseenTold = Math.max(unseen, this.#unseenTold);
    this.#runs.push(stream.event('ebpf.ledger', this.ledger.fields(feed.tally(stream.protocol), this.#hello !== null)));
    this.#flush();
  }

  /** A probe that says how far it had come: one that we know, one that an earlier life of ours knew, or a new one. */
  #begin(hello: ProbeHello): void {
    if (this.#hello !== null) throw malformed('a second hello on one line');
    const { feed } = this.#options;
    const sent = hello.next.reduce((sum, number) => sum + number, 0);
    const before = feed.position.ebpf;
    this.#hello = hello;
    this.#readings += 1;
    this.#tell('ebpf.reading', { pid: hello.pid, life: String(hello.life), ringBytes: hello.ringBytes, cpus: hello.next.length, boot: feed.position.boot });
    if (before !== undefined && before.life === hello.life && sent > before.settled) this.#notRead(sent - before.settled);
    if (before !== undefined && before.life !== hello.life) {
      this.ledger.notWatched += 1;
      // What the ring of the earlier probe still held, and what happened until this one watched, nobody counted.
      this.#tell('ebpf.missing', { count: null, reason: 'not-watched', fromNs: String(this.#goneAt ?? before.seen ?? before.life), toNs: String(hello.life) });
    }
    if (this.#life !== hello.life) this.#seenAt = before?.life === hello.life && before.seen !== undefined ? before.seen : hello.life;
    this.#life = hello.life;
    this.#goneAt = null;
    this.ledger.begin(hello.next);
  }

  #notRead(count: number): void {
    this.ledger.notRead += count;
    this.#tell('ebpf.missing', { count, reason: 'not-read' });
  }

  #take(payload: Buffer): void {
    const events = parseEvents(payload);
    for (const event of events) {
      this.ledger.take(event);
      this.#lines.add(event);
      if (TELLING.has(event.type)) this.#when = 'soon';
      if (event.type === 'time') this.#options.clockCall?.(this.#lines.last);
      if (this.#lines.bytes >= RUN_BYTES) this.#flush();
      this.#options.reconciliation?.ebpf(event);
    }
    const last = events.at(-1);
    if (last === undefined) return;
    this.#seenAt = later(this.#seenAt, last.view.getBigUint64(last.at + 24, true));
  }

  #close(): void {
    if (this.#lines.bytes === 0) return;
    const { data, lengths } = this.#lines.take();
    this.#runs.push(...this.#options.stream.takeLaid(data, lengths, this.#options.recordBytesMax));
  }

  #count(payload: Buffer): void {
    const counts = parseCounts(payload);
    this.ledger.count(counts);
    if (!counts.rows.some(({ lost }) => lost > 0)) this.#seenAt = later(this.#seenAt, counts.toNs);
    for (const { cpu, type, lost } of counts.rows) {
      if (lost > 0) this.#tell('ebpf.missing', { count: lost, reason: 'overrun', type, cpu, fromNs: String(counts.fromNs), toNs: String(counts.toNs) });
    }
  }

  #tell(name: EventName, fields: EventFields): void {
    this.#when = 'soon';
    this.#runs.push(this.#options.stream.event(name, fields));
  }

  #flush(): void {
    const { feed, stream } = this.#options;
    this.#close();
    const runs = this.#runs;
    this.#runs = [];
    this.ledger.settle(feed.tally(stream.protocol));
    if (runs.length > 0) feed.add(runs, this.#life === null ? {} : { ebpf: { life: this.#life, settled: this.ledger.settled, seen: this.#seenAt } }, this.#when);
    this.#when = 'later';
  }
}

function later(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
