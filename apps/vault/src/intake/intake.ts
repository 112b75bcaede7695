// SPDX-License-Identifier: Apache-2.0
// Where services submit: one Unix socket each, mutual TLS, and the certificate must be that of the socket's service.
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { Refused } from '@strongroom/bytes';
import { MESSAGE_BYTES_MAX, MessageSplitter, decodeMessage, encodeAck, encodeDenied, encodeWelcome, type Message } from '@strongroom/evidence';
import { errorFields, nowNs, peerSpiffe, serviceId, tlsServerOptions, type ServiceContext, type Submitter } from '@strongroom/service';
import { Admission, type Gap, type Outcome, type Permit } from './admission.ts';
import type { Loop } from '../commit/loop.ts';
import type { OwnRecords } from './own-records.ts';
import type { Producers } from './producers.ts';
import { Refusals } from './refusals.ts';
import { listenOn } from '../unix-server.ts';
import type { Waiting } from './waiting.ts';

/** What one service may have unacknowledged; it slows down beyond. */
const CREDIT_BYTES = 16 * 1024 * 1024;
/** A service that heeds the credit stays below: at least one message may always be on its way. */
const WAITING_BYTES_MAX = CREDIT_BYTES + MESSAGE_BYTES_MAX;
/** What all lives of a service together may have waiting before a further one is welcomed. */
const SERVICE_BYTES_MAX = 4 * CREDIT_BYTES;
/** Of one service: the lives of 64 gateways, and as many that come back. */
const CONNECTIONS_MAX = 128;
/** A life that does not come back within this has ended; its open streams end with it. */
const GONE_MS = 10_000;

type IntakeContext = Pick<ServiceContext, 'paths' | 'deployment' | 'separation' | 'identity' | 'event'>;

export class Intake {
  readonly #context: IntakeContext;
  readonly #producers: Producers;
  readonly #waiting: Waiting;
  readonly #loop: Pick<Loop, 'wake'>;
  readonly #own: OwnRecords;
  readonly #permit: Permit;
  readonly #admissions = new Map<string, Admission>();
  /** The present connection of each instance, if it has one. */
  readonly #lines = new Map<string, TLSSocket>();
  readonly #leaving = new Map<string, NodeJS.Timeout>();
  readonly #welcomed = new WeakSet<TLSSocket>();
  readonly #refusals: Refusals;
  readonly #servers: Server[] = [];
  readonly #goneMs: number;

  constructor(context: IntakeContext, producers: Producers, waiting: Waiting, loop: Pick<Loop, 'wake'>, own: OwnRecords, permit: Permit, goneMs = GONE_MS) {
    this.#goneMs = goneMs;
    [this.#context, this.#producers, this.#waiting] = [context, producers, waiting];
    [this.#loop, this.#own, this.#permit] = [loop, own, permit];
    this.#refusals = new Refusals((event, fields) => {
      context.event(event, 'error', fields);
      this.#record(event, fields);
    });
    for (const producer of producers.all()) {
      if (producer.streams.size === 0) continue;
      this.#admissions.set(producer.instance.toString('hex'), new Admission(producer.service, producer.instance, producer));
    }
  }

  /** From here on lives that were there before can come back, and are waited for. */
  async listen(submitters: readonly Submitter[]): Promise<void> {
    for (const admission of this.#admissions.values()) this.#awaitReturn(admission);
    for (const name of submitters) this.#servers.push(await this.#listen(name));
  }

  #listen(name: Submitter): Promise<Server> {
    const path = this.#context.paths.submitSocket(name);
    const expected = serviceId(this.#context.deployment, name);
    const server = createServer(tlsServerOptions(this.#context.identity), (socket) => this.#accept(socket, expected));
    server.maxConnections = CONNECTIONS_MAX;
    server.on('tlsClientError', (error) => this.#refusals.note('vault.submitter-refused', { socket: name, ...errorFields(error) }));
    return listenOn(server, path, 0o660, this.#context.separation.groups?.[name] ?? null);
  }

  /** Whether this life of a service is connected, or may come back. */
  isAlive(instance: Buffer): boolean {
    return this.#admissions.has(instance.toString('hex'));
  }

  /** Certificates were renewed. */
  reload(): void {
    for (const server of this.#servers) server.setSecureContext(tlsServerOptions(this.#context.identity));
  }

  async close(): Promise<void> {
    for (const timer of this.#leaving.values()) clearTimeout(timer);
    for (const socket of this.#lines.values()) socket.destroy();
    for (const server of this.#servers) server.close();
  }

  #accept(socket: TLSSocket, expected: string): void {
    const splitter = new MessageSplitter();
    let admission: Admission | undefined;
    const refuse = (error: unknown): void => {
      this.#refusals.note('vault.submission-refused', { service: expected, ...errorFields(error) });
      socket.destroy();
    };
    socket.on('error', () => socket.destroy());
    socket.on('close', () => { if (admission !== undefined) this.#lineLost(admission, socket); });
    socket.on('data', (chunk: Buffer) => {
      try {
        splitter.push(chunk, (type, body) => {
          const message = decodeMessage(type, body);
          if (admission === undefined) admission = this.#hello(socket, message, expected);
          else this.#submission(socket, admission, message, body);
        });
      } catch (error) {
        refuse(error);
      }
    });
    try {
      const peer = peerSpiffe(socket);
      if (peer !== expected) throw new Refused('vault.wrong-socket', `${peer} connected to the socket of ${expected}`);
    } catch (error) {
      refuse(error);
    }
  }

  #hello(socket: TLSSocket, message: Message, service: string): Admission {
    if (message.type !== 'hello') throw new Refused('submission.hello', 'a connection begins with hello');
    const id = message.instance.toString('hex');
    const committed = this.#producers.find(message.instance);
    const owner = committed?.service ?? this.#admissions.get(id)?.service ?? service;
    if (owner !== service) throw new Refused('submission.instance', `the instance belongs to ${owner}`);
    clearTimeout(this.#leaving.get(id));
    this.#leaving.delete(id);
    this.#lines.get(id)?.destroy();
    this.#lines.set(id, socket);
    const admission = this.#admissions.get(id) ?? new Admission(service, message.instance, committed);
    this.#admissions.set(id, admission);
    const welcome = (): void => {
      if (socket.destroyed) return;
      this.#welcomed.add(socket);
      const last = this.#producers.find(admission.instance)?.last ?? 0;
      // Before the welcome, which acknowledges: what was said of them on the line that was lost may not have been heard.
      for (const { number, denial } of admission.denials) socket.write(encodeDenied(number, denial.stream, denial.code));
      socket.write(encodeWelcome(last, this.#producers.token(service), CREDIT_BYTES));
    };
    const isAhead = this.#supersede(service, id);
    if (isAhead || this.#waitingBytes(service) > SERVICE_BYTES_MAX) {
      this.#waiting.push({ runs: [], bytes: 0, state: null, awaited: true, committed: welcome });
      this.#loop.wake();
    } else {
      welcome();
    }
    return admission;
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
      isAhead ||= admission.last > (this.#producers.find(admission.instance)?.last ?? 0);
    }
    return isAhead;
  }

  #waitingBytes(service: string): number {
    let bytes = 0;
    for (const admission of this.#admissions.values()) if (admission.service === service) bytes += admission.waitingBytes;
    return bytes;
  }

  #submission(socket: TLSSocket, admission: Admission, message: Message, body: Buffer): void {
    if (message.type !== 'submit') throw new Refused('submission.type', `a service may not send "${message.type}"`);
    if (!this.#welcomed.has(socket)) throw new Refused('submission.hello', 'a service waits for its welcome');
    const { number, awaited, token, runs } = message;
    if (number > admission.last && admission.waitingBytes + body.length > WAITING_BYTES_MAX) {
      throw new Refused('submission.credit', 'more is unacknowledged than was allowed', { why: `${admission.waitingBytes + body.length} octets against a limit of ${WAITING_BYTES_MAX}` });
    }
    const outcome = admission.admit(number, token, runs, body, nowNs(), this.#permit);
    if (outcome === null) {
      // Sealed already, or waiting in the queue: then the ack follows with the commit.
      if (number <= (this.#producers.find(admission.instance)?.last ?? 0)) this.#acknowledge(admission);
      return;
    }
    admission.waitingBytes += body.length;
    const committed = (): void => {
      admission.waitingBytes -= body.length;
      this.#acknowledge(admission);
    };
    this.#deny(socket, number, outcome);
    for (const gap of outcome.gaps) this.#gap(gap);
    const bytes = outcome.runs.reduce((sum, run) => sum + run.data.length, 0);
    this.#waiting.push({ runs: outcome.runs, bytes, state: outcome.state, awaited, committed });
    this.#loop.wake();
  }

  #acknowledge(admission: Admission): void {
    const id = admission.instance.toString('hex');
    const last = this.#producers.find(admission.instance)!.last;
    this.#lines.get(id)?.write(encodeAck(last));
  }

  #deny(socket: TLSSocket, number: number, { denials }: Outcome): void {
    for (const { stream, code, source } of denials) {
      socket.write(encodeDenied(number, stream, code));
      this.#refusals.note('vault.run-denied', { code, source, stream: stream.toString('hex') });
    }
  }

  #lineLost(admission: Admission, socket: TLSSocket): void {
    const id = admission.instance.toString('hex');
    if (this.#lines.get(id) !== socket) return;
    this.#lines.delete(id);
    this.#awaitReturn(admission);
  }

  #awaitReturn(admission: Admission): void {
    const id = admission.instance.toString('hex');
    this.#leaving.set(id, setTimeout(() => {
      // While sealing is stalled: whoever came back to less than what waits would have it sealed twice.
      if (admission.last > (this.#producers.find(admission.instance)?.last ?? 0)) return this.#awaitReturn(admission);
      this.#leaving.delete(id);
      this.#admissions.delete(id);
      if (admission.openStreams === 0) return;
      const { gaps, state } = admission.abandon(nowNs());
      for (const gap of gaps) this.#gap(gap);
      this.#waiting.push({ runs: [], bytes: 0, state, awaited: false, committed: () => undefined });
      this.#loop.wake();
    }, this.#goneMs).unref());
  }

  #gap(gap: Gap): void {
    this.#context.event('vault.stream-gap', 'warn', { ...gap });
    this.#waiting.push(this.#own.gap(gap));
    this.#loop.wake();
  }

  #record(event: string, fields: Record<string, string | number | boolean | null>): void {
    this.#waiting.push(this.#own.event(event, 'warn', fields));
    this.#loop.wake();
  }
}
