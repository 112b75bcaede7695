// SPDX-License-Identifier: Apache-2.0
// The lives of services that submit: which connection each has, what it is told, and when it has ended. What a connection
// is made of is left to intake.ts.
import { Refused } from '@strongroom/bytes';
import { MESSAGE_BYTES_MAX, encodeAck, encodeDenied, encodeWelcome, type Message } from '@strongroom/evidence';
import { errorFields, type Fields, type Level } from '@strongroom/service';
import type { Clock } from '../clock.ts';
import { Admission, type ClassOf, type Gap, type Outcome, type Permit } from './admission.ts';
import type { OwnRecords } from './own-records.ts';
import type { Producer, Producers } from './producers.ts';
import { Receipts, type SealedRuns } from './receipts.ts';
import { Refusals } from './refusals.ts';
import type { Waiting } from './waiting.ts';

/** What one service may have unacknowledged; it slows down beyond. */
const CREDIT_BYTES = 16 * 1024 * 1024;
/** A service that heeds the credit stays below: at least one message may always be on its way. */
const WAITING_BYTES_MAX = CREDIT_BYTES + MESSAGE_BYTES_MAX;
/** What all lives of a service together may have waiting before a further one is welcomed. */
const SERVICE_BYTES_MAX = 4 * CREDIT_BYTES;
/** A life that does not come back within this has ended; its open streams end with it. */
const GONE_MS = 10_000;

/** What the vault keeps of services, in memory and in each snapshot of the commit log, has an end. */
export interface LivesBounds {
  /** Of one life, denials that it may not have heard: with so many, no further submission is taken before it has heard them. */
  readonly denials: number;
  /** Of one service, open streams: with so many, no run that begins another is sealed. */
  readonly streams: number;
  /** Of one service, lives that are connected or may come back: with so many, no other is welcomed. */
  readonly lives: number;
}

/** Twice the connections that the gateways may have, since one that was killed has its streams open for a while. */
const BOUNDS: LivesBounds = { denials: 1024, streams: 200_000, lives: 128 };

/** A connection to a service. */
export interface Line {
  readonly destroyed: boolean;
  write(bytes: Buffer): unknown;
  destroy(): void;
}

export interface LivesOptions {
  readonly clock: Clock;
  readonly producers: Producers;
  readonly waiting: Waiting;
  /** Who runs the cycles. */
  readonly loop: { wake(): void };
  readonly own: OwnRecords;
  readonly permit: Permit;
  readonly classOf?: ClassOf;
  readonly event: (event: string, level: Level, fields?: Fields) => void;
  readonly goneMs?: number | undefined;
  readonly bounds?: Partial<LivesBounds>;
}

export class Lives {
  readonly #options: LivesOptions;
  readonly #bounds: LivesBounds;
  readonly #admissions = new Map<string, Admission>();
  /** The present connection of each instance, if it has one. */
  readonly #lines = new Map<string, Line>();
  readonly #leaving = new Map<string, () => void>();
  /** Lines that were welcomed: the last submission of which it was said before, perhaps, that it was denied. */
  readonly #welcomed = new WeakMap<Line, number>();
  readonly #refusals: Refusals;
  readonly #receipts = new Receipts((instance, receipt) => this.#lines.get(instance)?.write(receipt));

  constructor(options: LivesOptions) {
    this.#options = options;
    this.#bounds = { ...BOUNDS, ...options.bounds };
    this.#refusals = new Refusals(options.clock, (event, fields) => {
      options.event(event, 'error', fields);
      this.#record(event, fields);
    });
    for (const producer of options.producers.all()) {
      if (producer.streams.size === 0) continue;
      this.#admissions.set(producer.instance.toString('hex'), this.#admission(producer.service, producer.instance, producer));
    }
  }

  /** From here on lives that were there before can come back, and are waited for. */
  awaitReturns(): void {
    for (const admission of this.#admissions.values()) this.#awaitReturn(admission);
  }

  /** Batches are committed under `checkpoint`, `first` is the index of the first one's entry: who wanted to hear where its runs lie is told. */
  sealed(batches: readonly SealedRuns[], first: number, checkpoint: string): void {
    this.#receipts.sealed(batches, first, checkpoint);
  }

  /** Whether this life of a service is connected, or may come back. */
  isAlive(instance: Buffer): boolean {
    return this.#admissions.has(instance.toString('hex'));
  }

  close(): void {
    for (const cancel of this.#leaving.values()) cancel();
    for (const line of this.#lines.values()) line.destroy();
  }

  /** Takes the messages of a new connection of `service`, in order. Whatever it throws ends the connection. */
  session(line: Line, service: string): Session {
    let admission: Admission | undefined;
    return {
      take: (message, body) => {
        if (admission === undefined) admission = this.#hello(line, message, service);
        // What arrived with that on which we hung up comes again on its next line.
        else if (!line.destroyed) this.#submission(line, admission, message, body);
      },
      lost: () => { if (admission !== undefined) this.#lineLost(admission, line); },
    };
  }

  /** Records that a connection was refused, as often as that may be. */
  refused(event: string, fields: Fields, error: unknown): void {
    this.#refusals.note(event, { ...fields, ...errorFields(error) });
  }

  #hello(line: Line, message: Message, service: string): Admission {
    if (message.type !== 'hello') throw new Refused('submission.hello', 'a connection begins with hello');
    const { producers, waiting, loop } = this.#options;
    const id = message.instance.toString('hex');
    const committed = producers.find(message.instance);
    const owner = committed?.service ?? this.#admissions.get(id)?.service ?? service;
    if (owner !== service) throw new Refused('submission.instance', `the instance belongs to ${owner}`);
    if (!this.#admissions.has(id) && this.#of(service).length >= this.#bounds.lives) throw new Refused('submission.lives', `${service} has too many lives`, { why: `${this.#bounds.lives} are connected, or were a moment ago`, fix: 'it is let in as soon as one of them has ended' });
    this.#leaving.get(id)?.();
    this.#leaving.delete(id);
    this.#lines.get(id)?.destroy();
    this.#lines.set(id, line);
    const admission = this.#admissions.get(id) ?? this.#admission(service, message.instance, committed);
    this.#admissions.set(id, admission);
    const isAhead = this.#supersede(service, id);
    if (isAhead || this.#waitingBytes(service) > SERVICE_BYTES_MAX) {
      waiting.push({ runs: [], bytes: 0, state: null, awaited: true, committed: () => this.#welcome(line, admission) });
      loop.wake();
    } else {
      this.#welcome(line, admission);
    }
    return admission;
  }

  #admission(service: string, instance: Buffer, committed: Producer | undefined): Admission {
    return new Admission(service, instance, committed, () => this.#of(service).reduce((sum, { openStreams }) => sum + openStreams, 0) < this.#bounds.streams);
  }

  /** The lives of a service that are there or may come back. */
  #of(service: string): Admission[] {
    return [...this.#admissions.values()].filter((admission) => admission.service === service);
  }

  #welcome(line: Line, admission: Admission): void {
    if (line.destroyed) return;
    const { service, instance } = admission;
    const { producers } = this.#options;
    this.#welcomed.set(line, admission.last);
    const last = producers.find(instance)?.last ?? 0;
    // Before the welcome, which acknowledges: what was said of them on the line that was lost may not have been heard.
    for (const { number, stream, code } of admission.denials) line.write(encodeDenied(number, stream, code));
    line.write(encodeWelcome(last, producers.token(service), CREDIT_BYTES));
  }

  /**
   * A token must cover all that is ever sealed of the lives before, or the new one would repeat it: what still lies in
   * their sockets is not taken any more, and what was taken is committed before the welcome. True if there is such.
   */
  #supersede(service: string, id: string): boolean {
    let isAhead = false;
    for (const [other, admission] of this.#admissions) {
      if (other === id || admission.service !== service || !admission.isResumable) continue;
      this.#lines.get(other)?.destroy();
      isAhead ||= this.#isAhead(admission);
    }
    return isAhead;
  }

  /** Whether more of it is admitted than is committed. */
  #isAhead(admission: Admission): boolean {
    return admission.last > (this.#options.producers.find(admission.instance)?.last ?? 0);
  }

  #waitingBytes(service: string): number {
    return this.#of(service).reduce((sum, { waitingBytes }) => sum + waitingBytes, 0);
  }

  #submission(line: Line, admission: Admission, message: Message, body: Buffer): void {
    if (message.type !== 'submit') throw new Refused('submission.type', `a service may not send "${message.type}"`);
    const said = this.#welcomed.get(line);
    if (said === undefined) throw new Refused('submission.hello', 'a service waits for its welcome');
    // It speaks once it has heard its welcome, and what was denied came before that.
    admission.heard(said);
    const { clock, producers, waiting, loop, permit, classOf } = this.#options;
    const { number, awaited, receipts, token, runs } = message;
    if (number > admission.last && admission.waitingBytes + body.length > WAITING_BYTES_MAX) {
      throw new Refused('submission.credit', 'more is unacknowledged than was allowed', { why: `${admission.waitingBytes + body.length} octets against a limit of ${WAITING_BYTES_MAX}` });
    }
    // Nothing is forgotten: on its next line it hears them again, and by its first submission there it says that it has.
    if (number > admission.last && admission.denials.length >= this.#bounds.denials) return line.destroy();
    const outcome = admission.admit(number, token, runs, body, clock.nowNs(), permit, classOf);
    if (outcome === null) {
      // Sealed already, or waiting in the queue: then the ack follows with the commit.
      if (number <= (producers.find(admission.instance)?.last ?? 0)) this.#acknowledge(admission);
      return;
    }
    admission.waitingBytes += body.length;
    const committed = (): void => {
      admission.waitingBytes -= body.length;
      this.#acknowledge(admission);
    };
    this.#deny(line, number, outcome);
    for (const gap of outcome.gaps) this.#gap(gap);
    if (receipts) this.#receipts.want(admission.instance.toString('hex'), number, outcome.runs);
    waiting.push({ runs: outcome.runs, bytes: body.length, state: outcome.state, awaited, committed });
    loop.wake();
  }

  #acknowledge(admission: Admission): void {
    const id = admission.instance.toString('hex');
    const last = this.#options.producers.find(admission.instance)!.last;
    const line = this.#lines.get(id);
    // A line that waits for its welcome has that for an acknowledgement, behind what was denied.
    if (line !== undefined && this.#welcomed.has(line)) line.write(encodeAck(last));
  }

  #deny(line: Line, number: number, { denials }: Outcome): void {
    for (const { stream, code, source } of denials) {
      line.write(encodeDenied(number, stream, code));
      this.#refusals.note('vault.run-denied', { code, source, stream: stream.toString('hex') });
    }
  }

  #lineLost(admission: Admission, line: Line): void {
    const id = admission.instance.toString('hex');
    if (this.#lines.get(id) !== line) return;
    this.#lines.delete(id);
    this.#awaitReturn(admission);
  }

  #awaitReturn(admission: Admission): void {
    const { clock, waiting, loop, goneMs = GONE_MS } = this.#options;
    const id = admission.instance.toString('hex');
    this.#leaving.set(id, clock.after(goneMs, () => {
      // While sealing is stalled: whoever came back to less than what waits would have it sealed twice.
      if (this.#isAhead(admission)) return this.#awaitReturn(admission);
      this.#leaving.delete(id);
      this.#admissions.delete(id);
      if (admission.openStreams === 0) return;
      const { gaps, state } = admission.abandon(clock.nowNs());
      for (const gap of gaps) this.#gap(gap);
      waiting.push({ runs: [], bytes: 0, state, awaited: false, committed: () => undefined });
      loop.wake();
    }));
  }

  #gap(gap: Gap): void {
    this.#options.event('vault.stream-gap', 'warn', { ...gap });
    this.#options.waiting.push(this.#options.own.gap(gap));
    this.#options.loop.wake();
  }

  #record(event: string, fields: Fields): void {
    this.#options.waiting.push(this.#options.own.event(event, 'warn', fields));
    this.#options.loop.wake();
  }
}

/** One connection. */
export interface Session {
  /** Throws `Refused`: `submission.*`. */
  take(message: Message, body: Buffer): void;
  lost(): void;
}
