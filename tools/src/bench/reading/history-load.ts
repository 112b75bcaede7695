// SPDX-License-Identifier: Apache-2.0
// Days of evidence in minutes: records with simulated times of receipt, submitted to a real vault as a gateway does it. So
// what is read afterwards is what the vault itself sealed, its segments, log, commit log and wrapped keys included.
import { randomBytes } from 'node:crypto';
import { Failed } from '@strongroom/bytes';
import { BOUND_UNKNOWN, FLAG, KIND, NO_KEY, type SubmittedRun } from '@strongroom/evidence';
import { loadIdentity, serviceId, sourceId, SubmitClient } from '@strongroom/service';
import type { Appliance } from '@strongroom/testing';
import { makeEvents } from '../events.ts';
import { seeded } from '../random.ts';

export interface HistoryOptions {
  readonly records: number;
  readonly days: number;
  readonly sources: number;
}

/** What was sealed, and what finding it must give. */
export interface History {
  readonly records: number;
  readonly rawBytes: number;
  readonly seconds: number;
  /** One source and one hour in the middle of all: how many records it has. */
  readonly hour: { readonly source: string; readonly sinceNs: bigint; readonly untilNs: bigint; readonly records: number };
  /** Stands in exactly one record. */
  readonly needle: string;
  /** A source that sent {@link RARE_RECORDS} records, all together. */
  readonly rareSource: string;
}

const HOUR_NS = 3_600_000_000_000n;
const DAY_NS = 24n * HOUR_NS;
/** What a connection hands over at once: about a TLS record. */
const RECORDS_PER_RUN = 64;
const RUNS_PER_SUBMISSION = 32;
const POOL_RECORDS = 131_072;
/** So often it is the first source's turn, whose hour is looked for, beside its share as one of all. */
const BUSY_ONE_OF = 50;
export const RARE_RECORDS = 64;

interface Stream {
  readonly source: string;
  readonly stream: Buffer;
  next: number;
}

interface Piece {
  readonly lengths: Uint32Array;
  readonly data: Buffer;
}

/** Seals `records` records that end now and go back `days`. Sources stand for plain senders, which need no enrolment. */
export async function fillWithHistory(appliance: Appliance, options: HistoryOptions): Promise<History> {
  const { origin } = (await appliance.status()).log;
  const client = connected(appliance, origin.slice(0, origin.lastIndexOf('/')));
  const load = new Load(options, origin.slice(0, origin.lastIndexOf('/')));
  const began = performance.now();
  try {
    for (let runs = load.next(); runs !== null; runs = load.next()) {
      await client.whenReady();
      void client.submit(runs, undefined, false).then(noneDenied, () => undefined);
    }
    const ended = await client.submit(load.ends(), undefined, true);
    noneDenied(ended);
  } finally {
    client.close();
  }
  return { ...load.facts(), seconds: (performance.now() - began) / 1000 };
}

function noneDenied(denied: readonly unknown[]): void {
  if (denied.length > 0) throw new Failed('bench.denied', 'the vault did not take the generated records', { why: JSON.stringify(denied[0]) });
}

function connected({ paths }: Appliance, deployment: string): SubmitClient {
  const identity = loadIdentity(paths.identity('gateway'), paths.ca);
  return new SubmitClient({
    path: paths.submitSocket('gateway'), identity: () => identity, vault: serviceId(deployment, 'vault'), instance: randomBytes(16), onFatal: (error) => { throw error; },
  });
}

class Load {
  readonly #options: HistoryOptions;
  readonly #pieces: Piece[];
  readonly #streams: readonly Stream[];
  readonly #random = seeded(11);
  readonly #beginNs: bigint;
  readonly #stepNs: bigint;
  readonly #hour: { readonly source: string; readonly sinceNs: bigint; readonly untilNs: bigint; records: number };
  readonly #needle = `needle-${randomBytes(12).toString('hex')}`;
  readonly #rare: Stream;
  #records = 0;
  #rawBytes = 0;
  #planted = false;

  constructor(options: HistoryOptions, deployment: string) {
    this.#options = options;
    this.#pieces = pieces(makeEvents(Math.min(POOL_RECORDS, Math.max(RECORDS_PER_RUN, options.records))));
    this.#streams = Array.from({ length: options.sources }, (_, i) => ({ source: sourceId(deployment, `plain-host-${String(i + 1).padStart(4, '0')}`), stream: randomBytes(16), next: 0 }));
    const spanNs = BigInt(options.days) * DAY_NS;
    this.#beginNs = BigInt(Date.now()) * 1_000_000n - spanNs;
    this.#stepNs = spanNs / BigInt(options.records);
    const sinceNs = this.#beginNs + spanNs / 2n;
    this.#hour = { source: this.#streams[0]!.source, sinceNs, untilNs: sinceNs + HOUR_NS, records: 0 };
    this.#rare = { source: sourceId(deployment, 'plain-rare'), stream: randomBytes(16), next: 0 };
  }

  /** The next submission; null when all was given. */
  next(): SubmittedRun[] | null {
    const { records } = this.#options;
    if (this.#records >= records) return null;
    const runs: SubmittedRun[] = [];
    if (!this.#planted && this.#records * 2 >= records) runs.push(this.#needleRun(), this.#rareRun());
    while (runs.length < RUNS_PER_SUBMISSION && this.#records < records) {
      const stream = this.#random.below(BUSY_ONE_OF) === 0 ? this.#streams[0]! : this.#random.pick(this.#streams);
      runs.push(this.#run(stream, this.#pieces[Math.floor(this.#records / RECORDS_PER_RUN) % this.#pieces.length]!));
    }
    return runs;
  }

  #run(stream: Stream, { lengths, data }: Piece): SubmittedRun {
    const receivedAt = this.#beginNs + BigInt(this.#records) * this.#stepNs;
    const run = { ...facts(stream.source, stream.stream), receivedAt, firstSequence: stream.next, lengths, data };
    stream.next += lengths.length;
    this.#records += lengths.length;
    this.#rawBytes += data.length;
    if (stream.source === this.#hour.source && receivedAt >= this.#hour.sinceNs && receivedAt < this.#hour.untilNs) this.#hour.records += lengths.length;
    return run;
  }

  #needleRun(): SubmittedRun {
    this.#planted = true;
    const data = Buffer.from(`<13>1 2026-03-04T08:00:00Z web-01.prod.example.com app 1 - - ${this.#needle}`);
    return this.#run(this.#streams[1 % this.#streams.length]!, { lengths: Uint32Array.of(data.length), data });
  }

  #rareRun(): SubmittedRun {
    return this.#run(this.#rare, this.#pieces[0]!);
  }

  /** Every stream's end record. */
  ends(): SubmittedRun[] {
    const receivedAt = this.#beginNs + BigInt(this.#records) * this.#stepNs;
    return [...this.#streams, this.#rare].map(({ source, stream, next }) => {
      const data = Buffer.from(JSON.stringify({ records: next, bytes: 0, reason: 'closed' }));
      return { ...facts(source, stream), kind: KIND.end, receivedAt, firstSequence: next, lengths: Uint32Array.of(data.length), data };
    });
  }

  facts(): Omit<History, 'seconds'> {
    return { records: this.#records, rawBytes: this.#rawBytes, hour: this.#hour, needle: this.#needle, rareSource: this.#rare.source };
  }
}

function facts(source: string, stream: Buffer) {
  return { kind: KIND.data, flags: FLAG.unreliable, bound: BOUND_UNKNOWN, source, sourceKey: NO_KEY, protocol: 'syslog-tcp', peer: '192.0.2.1:40404', stream } as const;
}

function pieces(messages: readonly string[]): Piece[] {
  const all: Piece[] = [];
  for (let at = 0; at + RECORDS_PER_RUN <= messages.length; at += RECORDS_PER_RUN) {
    const some = messages.slice(at, at + RECORDS_PER_RUN).map((message) => Buffer.from(message, 'latin1'));
    all.push({ lengths: Uint32Array.from(some, (one) => one.length), data: Buffer.concat(some) });
  }
  return all;
}
