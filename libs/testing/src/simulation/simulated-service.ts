// SPDX-License-Identifier: Apache-2.0
// A service that submits, docs/FORMAT.md section 6: numbered submissions, kept until they are acknowledged, and sent again
// after a reconnect. A gateway begins anew with each life; a capture goes on where the vault's token says.
import { BOUND_UNKNOWN, KIND, NO_KEY, decodeMessage, encodeHello, encodeSubmit, type Message, type RunKind, type SubmittedRun } from '@strongroom/evidence';
import type { Seeded } from './seeded.ts';
import type { SimulatedLink } from './simulated-link.ts';
import type { SimulatedTime } from './simulated-time.ts';

/** What a run holds, as those see it who remember it. */
export interface SentRun {
  readonly stream: string;
  readonly source: string;
  readonly kind: RunKind;
  readonly first: number;
  readonly records: readonly string[];
}

export interface Sent {
  readonly service: string;
  readonly instance: string;
  readonly number: number;
  readonly runs: readonly SentRun[];
}

export interface ServiceTold {
  submitted(sent: Sent): void;
  /** The service heard that these are sealed; `denied` are the streams that it heard were not, by submission. */
  acknowledged(instance: string, number: number, denied: ReadonlySet<string>): void;
  denied(instance: string, number: number, stream: string, code: string): void;
  /** A life began or went on with this token. */
  welcomed(service: string, instance: string, last: number, token: string): void;
  /** The vault contradicts what it acknowledged. */
  forgotten(what: string): void;
}

export interface SimulatedServiceOptions {
  readonly id: string;
  /** Whether it has a place to go on from. */
  readonly isResuming: boolean;
  readonly sources: readonly string[];
  readonly time: SimulatedTime;
  readonly random: Seeded;
  readonly told: ServiceTold;
  /** A connection to the vault, or null while it does not listen. */
  readonly connect: (service: string, toService: (bytes: Buffer) => void, lost: () => void) => SimulatedLink | null;
  /** How many octets a record has at most. */
  readonly recordBytesMax: number;
  readonly pauseMsMax: number;
  /** Over all lives; {@link SimulatedService.allow} allows more. */
  readonly submissionsMax: number;
}

interface Waiting {
  readonly number: number;
  readonly message: Buffer;
  readonly denied: Set<string>;
}

interface Stream {
  readonly id: Buffer;
  readonly source: string;
  next: number;
}

const RETRY_MS_MAX = 500;
const UNACKED_MAX = 8;

export class SimulatedService {
  readonly #options: SimulatedServiceOptions;
  #life = { isAlive: false };
  #instance: Buffer = Buffer.alloc(16);
  #link: SimulatedLink | null = null;
  #isUp = false;
  #wasWelcomed = false;
  #lastNumber = 0;
  #acked = 0;
  #queue: Waiting[] = [];
  #streams: Stream[] = [];
  /** Of a resuming one: the record that it reads next. */
  #position = 0;
  #isSilent = false;
  #submissions = 0;
  #allowed: number;
  acknowledgedCount = 0;

  constructor(options: SimulatedServiceOptions) {
    this.#options = options;
    this.#allowed = options.submissionsMax;
  }

  /** So many submissions more. */
  allow(count: number): void {
    this.#allowed += count;
  }

  /** Nothing more is submitted; what is, is still followed. */
  silence(): void {
    this.#isSilent = true;
  }

  get isDone(): boolean {
    return this.#life.isAlive && this.#queue.length === 0 && this.#isUp;
  }

  toString(): string {
    return `${this.#options.id} ${this.#life.isAlive ? 'lives' : 'is gone'}, ${this.#isUp ? 'up' : this.#link === null ? 'without a link' : 'not welcome'}, ${this.#queue.length} unacknowledged`;
  }

  get link(): SimulatedLink | null {
    return this.#link;
  }

  /** A new life: all that the one before held is gone. */
  begin(): void {
    this.end();
    this.#life = { isAlive: true };
    this.#instance = this.#options.random.bytes(16);
    [this.#lastNumber, this.#acked, this.#wasWelcomed] = [0, 0, false];
    [this.#queue, this.#streams] = [[], []];
    this.#connect();
    this.#pause();
  }

  end(): void {
    this.#life.isAlive = false;
    this.#isUp = false;
    this.#link?.break();
    this.#link = null;
  }

  #connect(): void {
    const { id, connect, time, random } = this.#options;
    const life = this.#life;
    const link = connect(id, (bytes) => { if (this.#link === link && life.isAlive) this.#take(decodeMessage(bytes[4]!, bytes.subarray(5))); }, () => {
      if (this.#link !== link || !life.isAlive) return;
      [this.#link, this.#isUp] = [null, false];
      time.after(random.between(20, RETRY_MS_MAX), () => this.#connect(), life);
    });
    this.#link = link;
    if (link === null) time.after(random.between(20, RETRY_MS_MAX), () => this.#connect(), life);
    else link.send(encodeHello(this.#instance));
  }

  #take(message: Message): void {
    if (message.type === 'ack') this.#acknowledged(message.number);
    if (message.type === 'denied') this.#denied(message.number, message.stream.toString('hex'), message.code);
    if (message.type === 'welcome') this.#welcomed(message.last, message.token.toString());
  }

  #denied(number: number, stream: string, code: string): void {
    this.#options.told.denied(this.#instance.toString('hex'), number, stream, code);
    this.#queue.find((waiting) => waiting.number === number)?.denied.add(stream);
  }

  #welcomed(last: number, token: string): void {
    const { id, told } = this.#options;
    told.welcomed(id, this.#instance.toString('hex'), last, token);
    if (last < this.#acked || last > this.#lastNumber) told.forgotten(`${id} was told ${last}, had heard ${this.#acked} and sent ${this.#lastNumber}`);
    this.#acknowledged(last);
    if (!this.#wasWelcomed) this.#position = Number(token === '' ? '0' : token);
    [this.#wasWelcomed, this.#isUp] = [true, true];
    for (const { message } of this.#queue) this.#link!.send(message);
  }

  #acknowledged(number: number): void {
    while (this.#queue.length > 0 && this.#queue[0]!.number <= number) {
      const { number: done, denied } = this.#queue.shift()!;
      this.#acked = done;
      this.acknowledgedCount += 1;
      this.#options.told.acknowledged(this.#instance.toString('hex'), done, denied);
    }
  }

  #pause(): void {
    const { time, random, pauseMsMax } = this.#options;
    time.after(random.between(1, pauseMsMax), () => {
      if (!this.#isSilent && this.#submissions < this.#allowed && this.#wasWelcomed && this.#queue.length < UNACKED_MAX) this.#submit();
      this.#pause();
    }, this.#life);
  }

  #submit(): void {
    const { id, isResuming, random, told } = this.#options;
    const runs = Array.from({ length: random.between(1, isResuming ? 1 : 3) }, () => this.#run());
    const number = (this.#lastNumber += 1);
    this.#submissions += 1;
    const token = isResuming ? Buffer.from(String(this.#position)) : Buffer.alloc(0);
    const message = encodeSubmit(number, token, runs.map(({ submitted }) => submitted), random.chance(0.7));
    told.submitted({ service: id, instance: this.#instance.toString('hex'), number, runs: runs.map(({ sent }) => sent) });
    this.#queue.push({ number, message, denied: new Set() });
    if (this.#isUp) this.#link?.send(message);
  }

  #run(): { submitted: SubmittedRun; sent: SentRun } {
    const { isResuming, random, time } = this.#options;
    const stream = this.#stream();
    const ends = !isResuming && random.chance(0.15);
    const records = ends ? [JSON.stringify({ count: stream.next })] : Array.from({ length: random.between(1, 4) }, () => this.#record(stream));
    const kind = ends ? KIND.end : KIND.data;
    const first = stream.next;
    stream.next += records.length;
    if (ends) this.#streams.splice(this.#streams.indexOf(stream), 1);
    const submitted: SubmittedRun = {
      kind, flags: 0, receivedAt: time.nowNs, bound: BOUND_UNKNOWN, source: stream.source, sourceKey: NO_KEY, protocol: isResuming ? 'journal' : 'syslog-tls', peer: '',
      stream: stream.id, firstSequence: first, lengths: Uint32Array.from(records, (record) => record.length), data: Buffer.from(records.join('')),
    };
    return { submitted, sent: { stream: stream.id.toString('hex'), source: stream.source, kind, first, records } };
  }

  #stream(): Stream {
    const { random, sources, isResuming } = this.#options;
    if (this.#streams.length === 0 || (!isResuming && this.#streams.length < 4 && random.chance(0.3))) {
      this.#streams.push({ id: random.bytes(16), source: random.pick(sources), next: 0 });
    }
    return random.pick(this.#streams);
  }

  /** Unlike any other; of a resuming one its place in what it reads. */
  #record(stream: Stream): string {
    const { isResuming, random, recordBytesMax } = this.#options;
    const name = isResuming ? `journal ${(this.#position += 1) - 1} ` : `${stream.id.toString('hex')} `;
    return name + random.bytes(random.below(recordBytesMax)).toString('hex');
  }
}
