// SPDX-License-Identifier: Apache-2.0
// A service's line to the vault: docs/FORMAT.md section 6 over mutual TLS on the service's own socket.
// What is submitted stays here, encoded, until it is acknowledged; after a reconnect the vault says in `welcome` what it
// has, and the rest is sent again in order under the same numbers, which makes repeats recognisable. Work is per
// submission, never per record.
import { connect, type TLSSocket } from 'node:tls';
import { Failed } from '@strongroom/bytes';
import { decodeMessage, encodeHello, encodeSubmit, MessageSplitter, type Message, type RunPlace, type SubmittedRun } from '@strongroom/evidence';
import { socketPath } from '../files/socket-path.ts';
import { tlsClientOptions, type Identity } from '../identity/identity.ts';

/** Assumed until the first welcome names the real one. */
const FIRST_CREDIT_BYTES = 1024 * 1024;
/** Submissions that are written together have so many octets at most. */
const TOGETHER_BYTES = 64 * 1024;
const RETRY_MS_MIN = 20;
const RETRY_MS_MAX = 1000;
const NO_TOKEN = Buffer.alloc(0);

/** The runs of one stream which the vault did not seal, and why. */
export interface Denied {
  readonly number: number;
  /** 16 bytes. */
  readonly stream: Buffer;
  readonly code: string;
}

/** Where the runs of a submission lie, in a log of `size` entries, and the signed checkpoint of their commit. */
export interface SubmitReceipt {
  readonly size: number;
  readonly checkpoint: string;
  readonly places: readonly RunPlace[];
}

export interface SubmitOptions {
  /** The vault's socket for this service. */
  readonly path: string;
  /** Asked at every connect, so that a renewed certificate is used. */
  readonly identity: () => Identity;
  /** SPIFFE ID of the vault. */
  readonly vault: string;
  /** 16 random bytes: this life of this service. */
  readonly instance: Buffer;
  /** The line came up or went away; `why` for the latter. */
  readonly onLine?: (up: boolean, why: string | null) => void;
  /** No more should be submitted until `onReady`: so much is unacknowledged that the vault gives no more credit. */
  readonly onFull?: () => void;
  readonly onReady?: () => void;
  readonly onDenied?: (denied: Denied) => void;
  /** The vault contradicts what it acknowledged (`submit.vault-forgot`): the service must end and start anew. */
  readonly onFatal: (error: Failed) => void;
}

interface Submission {
  readonly number: number;
  readonly message: Buffer;
  readonly denied: Denied[];
  readonly placed: ((receipt: SubmitReceipt) => void) | undefined;
  readonly resolve: (denied: readonly Denied[]) => void;
  readonly reject: (error: Error) => void;
}

export class SubmitClient {
  readonly #options: SubmitOptions;
  readonly #welcomed = Promise.withResolvers<Buffer>();
  /** Unacknowledged submissions, oldest first; those before #sent are on the wire of the present connection. */
  readonly #queue: Submission[] = [];
  #sent = 0;
  #sentBytes = 0;
  /** What was sent last is not written yet. */
  #writing = false;
  #queuedBytes = 0;
  #credit = FIRST_CREDIT_BYTES;
  #lastNumber = 0;
  #ackedNumber = 0;
  #full = false;
  #socket: TLSSocket | undefined;
  #up = false;
  #closed = false;
  #retryMs = RETRY_MS_MIN;
  #retry: NodeJS.Timeout | undefined;
  #waiters: (() => void)[] = [];

  /** Connects at once, and again whenever the line is lost. */
  constructor(options: SubmitOptions) {
    this.#options = options;
    this.#welcomed.promise.catch(() => undefined);
    this.#connect();
  }

  /** The resume token that the vault gave in its first welcome; empty when it has none. */
  get token(): Promise<Buffer> {
    return this.#welcomed.promise;
  }

  /** Whether {@link whenReady} would wait. */
  get full(): boolean {
    return this.#full;
  }

  /** Octets submitted and not yet acknowledged, as encoded. */
  get unackedBytes(): number {
    return this.#queuedBytes;
  }

  get connected(): boolean {
    return this.#up;
  }

  /**
   * Submits runs. Resolves when they are sealed and durable, with the streams that were denied (mostly none).
   * Never refuses for lack of credit: the caller heeds {@link full}. With `awaited` false the vault may take up to a second,
   * to seal it together with more. `placed` is told before that where the runs lie; not for what was acknowledged while the
   * line was down. Rejects with `Failed('submit.closed')` alone.
   */
  submit(runs: readonly SubmittedRun[], token: Buffer = NO_TOKEN, awaited = true, placed?: (receipt: SubmitReceipt) => void): Promise<readonly Denied[]> {
    if (this.#closed) return Promise.reject(closed());
    const number = ++this.#lastNumber;
    const message = encodeSubmit(number, token, runs, awaited, placed !== undefined);
    return new Promise((resolve, reject) => {
      this.#queue.push({ number, message, denied: [], placed, resolve, reject });
      this.#queuedBytes += message.length;
      this.#pump();
      this.#setFull();
    });
  }

  /** Resolves at once, or when there is credit again, or when the client is closed. */
  whenReady(): Promise<void> {
    if (!this.#full || this.#closed) return Promise.resolve();
    return new Promise((resolve) => { this.#waiters.push(resolve); });
  }

  /** Resolves when everything submitted so far is acknowledged. Rejects with `Failed('submit.closed')`. */
  async drain(): Promise<void> {
    const last = this.#queue.at(-1);
    if (last === undefined) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#queue[this.#queue.length - 1] = {
      ...last, resolve: (denied) => { last.resolve(denied); resolve(); }, reject: (error) => { last.reject(error); reject(error); },
    };
    await promise;
  }

  /** Ends the line. What is unacknowledged rejects with `Failed('submit.closed')`: whether it was sealed is unknown. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#socket?.destroy();
    this.#welcomed.reject(closed());
    for (const submission of this.#queue.splice(0)) submission.reject(closed());
    this.#queuedBytes = 0;
    this.#setFull();
  }

  #connect(): void {
    const socket = this.#open();
    if (typeof socket === 'string') return this.#lost(socket);
    const splitter = new MessageSplitter();
    let why = 'the vault closed the connection';
    this.#socket = socket;
    socket.on('secureConnect', () => { socket.write(encodeHello(this.#options.instance)); });
    socket.on('data', (chunk: Buffer) => {
      try {
        splitter.push(chunk, (type, body) => this.#take(decodeMessage(type, body)));
      } catch (error) {
        socket.destroy(error as Error);
      }
    });
    socket.on('error', (error) => { why = error.message; });
    socket.on('close', () => this.#lost(why));
  }

  /** A connecting socket, or why there is none yet: no certificate, no directory. */
  #open(): TLSSocket | string {
    try {
      const { path, vault, identity } = this.#options;
      return connect({ ...tlsClientOptions(identity(), vault), path: socketPath(path) });
    } catch (error) {
      return (error as Error).message;
    }
  }

  #lost(why: string): void {
    this.#socket = undefined;
    this.#writing = false;
    this.#sent = 0;
    this.#sentBytes = 0;
    const wasUp = this.#up;
    this.#up = false;
    if (this.#closed) return;
    if (wasUp) this.#options.onLine?.(false, why);
    this.#retry = setTimeout(() => this.#connect(), this.#retryMs);
    this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MS_MAX);
  }

  #take(message: Message): void {
    if (message.type === 'ack') this.#acked(message.number);
    else if (message.type === 'denied') this.#denied(message);
    else if (message.type === 'welcome') this.#welcome(message);
    else if (message.type === 'receipt') this.#placed(message);
    else throw new Failed('submit.unexpected', `the vault sent "${message.type}"`);
  }

  #welcome(message: Extract<Message, { type: 'welcome' }>): void {
    if (message.last < this.#ackedNumber || message.last > this.#lastNumber) {
      this.#closed = true;
      this.#socket?.destroy();
      this.#options.onFatal(new Failed('submit.vault-forgot', 'the vault does not have what it acknowledged', {
        why: `it knows submissions up to ${message.last}, acknowledged were ${this.#ackedNumber}, submitted ${this.#lastNumber}`,
        fix: 'run "strongroom verify": the store may have been replaced by an older copy',
      }));
      return;
    }
    this.#credit = message.creditBytes;
    this.#retryMs = RETRY_MS_MIN;
    this.#up = true;
    this.#acked(message.last);
    this.#welcomed.resolve(Buffer.from(message.token));
    this.#options.onLine?.(true, null);
    this.#pump();
    this.#setFull();
  }

  #acked(number: number): void {
    let done = 0;
    while (done < this.#queue.length && this.#queue[done]!.number <= number) done += 1;
    if (done === 0) return;
    this.#ackedNumber = number;
    const sent = this.#sent;
    for (const [i, submission] of this.#queue.splice(0, done).entries()) {
      this.#queuedBytes -= submission.message.length;
      if (i < sent) this.#sentBytes -= submission.message.length;
      submission.resolve(submission.denied);
    }
    this.#sent = Math.max(0, sent - done);
    this.#pump();
    this.#setFull();
  }

  #placed({ number, size, checkpoint, places }: Extract<Message, { type: 'receipt' }>): void {
    const submission = this.#queue.find((one) => one.number === number);
    submission?.placed?.({ size, checkpoint, places: places.map((place) => ({ ...place, stream: Buffer.from(place.stream) })) });
  }

  #denied(denied: Denied): void {
    const submission = this.#queue.find(({ number }) => number === denied.number);
    // After a reconnect the vault says again what may have been lost with the line.
    if (submission === undefined || submission.denied.some(({ stream, code }) => code === denied.code && stream.equals(denied.stream))) return;
    const kept: Denied = { number: denied.number, stream: Buffer.from(denied.stream), code: denied.code };
    submission.denied.push(kept);
    this.#options.onDenied?.(kept);
  }

  /**
   * Sends what the credit allows; always at least one submission, or a large one would wait for ever. Small ones go
   * together; a large one goes alone, once the one before is written: what TLS is given in several pieces it first copies.
   */
  #pump(): void {
    if (!this.#up || this.#writing || this.#sent === this.#queue.length) return;
    const socket = this.#socket!;
    const messages = this.#nextToSend();
    this.#writing = messages.length > 0;
    socket.cork();
    for (const [i, message] of messages.entries()) socket.write(message, i === messages.length - 1 ? (error) => this.#written(socket, error) : undefined);
    socket.uncork();
  }

  #nextToSend(): Buffer[] {
    const messages: Buffer[] = [];
    let bytes = 0;
    while (this.#sent < this.#queue.length) {
      const { message } = this.#queue[this.#sent]!;
      if (this.#sent > 0 && this.#sentBytes + message.length > this.#credit) break;
      if (bytes > 0 && bytes + message.length > TOGETHER_BYTES) break;
      messages.push(message);
      bytes += message.length;
      this.#sent += 1;
      this.#sentBytes += message.length;
    }
    return messages;
  }

  /** After an error the line is lost, which puts everything right. */
  #written(socket: TLSSocket, error: Error | null | undefined): void {
    if (this.#socket !== socket || error) return;
    this.#writing = false;
    this.#pump();
  }

  #setFull(): void {
    const full = !this.#closed && this.#queuedBytes >= this.#credit;
    if (full === this.#full) return;
    this.#full = full;
    if (full) return this.#options.onFull?.();
    for (const waiter of this.#waiters.splice(0)) waiter();
    this.#options.onReady?.();
  }
}

function closed(): Failed {
  return new Failed('submit.closed', 'the line to the vault was closed before the acknowledgement');
}
