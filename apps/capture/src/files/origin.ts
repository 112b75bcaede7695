// SPDX-License-Identifier: Apache-2.0
// From the frames of strongroom-files to sealed records: each difference, scan and executable one. The reader numbers what it
// keeps, and sends it again to each life of capture; the number up to which all is settled is committed with the records.
import type { SubmittedRun } from '@strongroom/evidence';
import type { EventName, Say } from '../events.ts';
import type { Feed, When } from '../feed.ts';
import { observe } from '../observed.ts';
import type { Origin } from '../reader/feed.ts';
import type { LocalStream } from '../stream.ts';
import { addLost, sumsOf } from '../sums.ts';
import {
  FILES_FRAME, malformed, parseCounts, parseDifference, parseExecutable, parseHello, parseLost, parseMount, parseNote, parseScan,
  type FilesCounts, type FilesHello, type FilesLost, type Mount,
} from './frames.ts';
import { deviceOf, differenceLine, executableLine, pathOf, scanLine } from './record.ts';

const SHORT_DIGEST_BYTES = 8;

export interface FilesOptions {
  readonly feed: Feed;
  readonly stream: LocalStream;
  readonly say: Say;
  /** Octets of a record that are kept whole. */
  readonly recordBytesMax: number;
}

type EventFields = Parameters<LocalStream['event']>[1];

export class FilesOrigin implements Origin {
  readonly #options: FilesOptions;
  #hello: FilesHello | null = null;
  #counts: FilesCounts | null = null;
  /** Numbers up to this one are sealed, or told as missing; null: none came yet. */
  #settled: number | null = null;
  #baseline: bigint | null = null;
  #digest = 0n;
  /** Numbers that came again and are settled. */
  #repeated = 0;
  #healed = 0;
  #scans = 0;
  #executables = 0;
  #overflows = 0;
  #runs: SubmittedRun[] = [];
  #when: When = 'later';

  constructor(options: FilesOptions) {
    const { feed, stream } = options;
    this.#options = options;
    feed.tally(stream.protocol);
    const last = feed.position.files;
    if (last === undefined) return;
    [this.#baseline, this.#digest, this.#settled] = [last.baseline, last.digest, last.settled];
  }

  /** A frame of the reader that is connected. Throws `Refused`: `files.frame`, `bytes.*`; then the line is to be ended. */
  frame(kind: number, payload: Buffer): void {
    if (kind === FILES_FRAME.hello) this.#begin(parseHello(payload));
    else if (this.#hello === null) throw malformed('the first frame was no hello');
    else this.#take(kind, payload);
    this.#flush();
  }

  end(why: string): void {
    if (this.#hello === null) return;
    this.#hello = null;
    this.#tell('files.reader-gone', { why });
    this.#flush();
  }

  values(): Record<string, number> {
    const { directories = 0, entries = 0, pending = 0 } = this.#counts ?? {};
    return {
      filesReading: this.#hello === null ? 0 : 1, filesDirectories: directories, filesEntries: entries, filesPending: pending,
      filesHealed: this.#healed, filesOverflows: this.#overflows, filesExecutables: this.#executables,
    };
  }

  seal(): void {
    const { feed, stream } = this.#options;
    this.#runs.push(stream.event('files.ledger', {
      reading: this.#hello !== null, ...sumsOf(feed.tally(stream.protocol)),
      settled: this.#settled, repeated: this.#repeated, scans: this.#scans, executables: this.#executables, healed: this.#healed, overflows: this.#overflows,
      events: this.#counts?.events ?? null, pending: this.#counts?.pending ?? null, directories: this.#counts?.directories ?? null,
      entries: this.#counts?.entries ?? null, hashedBytes: this.#counts?.hashedBytes ?? null,
    }));
    this.#flush();
  }

  #take(kind: number, payload: Buffer): void {
    if (kind === FILES_FRAME.difference) this.#difference(payload);
    else if (kind === FILES_FRAME.scan) this.#scan(payload);
    else if (kind === FILES_FRAME.executable) this.#executable(payload);
    else if (kind === FILES_FRAME.lost) this.#lost(parseLost(payload));
    else if (kind === FILES_FRAME.mount) this.#mount(parseMount(payload));
    else if (kind === FILES_FRAME.note) this.#tell('files.note', { text: parseNote(payload) });
    else if (kind === FILES_FRAME.counts) this.#counts = parseCounts(payload);
    else throw malformed(`frames of kind ${kind} are not known`);
  }

  /** A reader says with which baseline it begins: is it the one that we know, as we know it? */
  #begin(hello: FilesHello): void {
    if (this.#hello !== null) throw malformed('a second hello on one line');
    this.#hello = hello;
    const { baseline, digestNumber, digest, next, pid, directories, entries, watch } = hello;
    const id = hex(baseline);
    this.#tell('files.reading', {
      pid, baseline: id, digest: digestNumber === 0 ? null : digest.toString('hex'), digestNumber, next, directories, entries, watch: watch.join(' '), boot: this.#options.feed.position.boot,
    });
    if (this.#baseline !== null && this.#settled !== null) {
      const reason = reasonOf(hello, { baseline: this.#baseline, digest: this.#digest, settled: this.#settled });
      if (reason !== null) this.#tell('files.baseline-replaced', { reason, baseline: id, known: hex(this.#baseline), next, settled: this.#settled, digest: digest.toString('hex'), knownDigest: hex(this.#digest) });
      if (reason === 'another' || reason === 'older') this.#settled = reason === 'another' ? 0 : next - 1;
      if (reason !== null) this.#digest = shortDigest(digest);
    }
    this.#baseline = baseline;
  }

  /** Whether it is new to us. */
  #isNew(number: number): boolean {
    const settled = this.#settled ?? number - 1;
    if (number <= settled) {
      this.#repeated += 1;
      return false;
    }
    if (number > settled + 1) {
      this.#miss('unseen', number - settled - 1);
      this.#tell('files.missing', { count: number - settled - 1, from: settled + 1, to: number - 1 });
    }
    this.#settled = number;
    return true;
  }

  #difference(payload: Buffer): void {
    const difference = parseDifference(payload);
    if (!this.#isNew(difference.number)) return;
    if (difference.how === 'scan') this.#healed += 1;
    this.#when = 'soon';
    this.#record(differenceLine(difference));
  }

  #scan(payload: Buffer): void {
    const scan = parseScan(payload);
    if (!this.#isNew(scan.number)) return;
    this.#scans += 1;
    this.#digest = shortDigest(scan.digest);
    this.#record(scanLine(scan));
  }

  #executable(payload: Buffer): void {
    this.#executables += 1;
    this.#record(executableLine(parseExecutable(payload)));
  }

  #lost({ number, what, count, fromNs, toNs }: FilesLost): void {
    if (!this.#isNew(number)) return;
    const times = { from: isoOf(fromNs), to: isoOf(toNs) };
    if (what === 'events') {
      this.#overflows += 1;
      this.#miss('overflow', null);
      return this.#tell('files.overflow', times);
    }
    const missed = what === 'executables' ? count : null;
    this.#miss('executables', missed);
    this.#tell('files.executables-missed', { count: missed, ...times });
  }

  #mount({ number, what, error, device, path }: Mount): void {
    if (this.#isNew(number)) this.#tell('files.mount', { what, path: pathOf(path), device: deviceOf(device), ...(error === 0 ? {} : { error }) });
  }

  #miss(reason: string, count: number | null): void {
    addLost(this.#options.feed.tally(this.#options.stream.protocol), reason, count);
  }

  #record(line: string): void {
    this.#runs.push(...this.#options.stream.take([observe(Buffer.from(line), this.#options.recordBytesMax)]));
  }

  #tell(name: EventName, fields: EventFields): void {
    this.#when = 'soon';
    this.#runs.push(this.#options.stream.event(name, fields));
  }

  #flush(): void {
    const [runs, when] = [this.#runs, this.#when];
    [this.#runs, this.#when] = [[], 'later'];
    if (runs.length === 0) return;
    this.#options.feed.add(runs, this.#baseline === null || this.#settled === null ? {} : { files: { baseline: this.#baseline, digest: this.#digest, settled: this.#settled } }, when);
  }
}

interface Known {
  readonly baseline: bigint;
  readonly digest: bigint;
  readonly settled: number;
}

/** Why a baseline is not the one that was sealed last; null: it is, or it goes on from it by what will come now. */
function reasonOf(hello: FilesHello, { baseline, digest, settled }: Known): 'another' | 'older' | 'changed' | null {
  if (hello.baseline !== baseline) return 'another';
  if (hello.next <= settled) return 'older';
  return hello.digestNumber <= settled && digest !== 0n && shortDigest(hello.digest) !== digest ? 'changed' : null;
}

function shortDigest(digest: Buffer): bigint {
  return digest.subarray(0, SHORT_DIGEST_BYTES).readBigUInt64BE();
}

function hex(number: bigint): string {
  return number.toString(16).padStart(16, '0');
}

function isoOf(ns: bigint): string {
  return new Date(Number(ns / 1_000_000n)).toISOString();
}
