// SPDX-License-Identifier: Apache-2.0
// What a service sees of the vault, and nothing behind it: speaks docs/FORMAT.md section 6 on a Unix socket with mutual
// TLS, keeps what it takes in memory, and acknowledges when the test wants.
import { once } from 'node:events';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { Failed, Refused } from '@strongroom/bytes';
import { KIND, MessageSplitter, decodeMessage, encodeAck, encodeDenied, encodeWelcome, type ReceivedRun } from '@strongroom/evidence';
import { peerSpiffe, socketPath, tlsServerOptions, type Identity } from '@strongroom/service';

export interface RecordedRecord {
  readonly kind: ReceivedRun['kind'];
  readonly sequence: number;
  readonly raw: Buffer;
  readonly run: ReceivedRun;
}

/** One stream as it arrived. */
export interface RecordedStream {
  readonly source: string;
  readonly sourceKey: string;
  readonly protocol: string;
  readonly peer: string;
  readonly flags: number;
  readonly records: RecordedRecord[];
}

export interface RecordingOptions {
  readonly creditBytes?: number;
  /** False: only counts, for measurements. */
  readonly keep?: boolean;
}

/** What the end record of a stream says; undefined while it is open. */
export interface RecordedEnd {
  readonly records: number;
  readonly bytes: number;
  readonly reason: string;
}

/** The messages of a stream that arrived whole, as text. */
export function rawOf(stream: RecordedStream | undefined): string[] {
  return (stream?.records ?? []).filter(({ kind }) => kind === KIND.data).map(({ raw }) => raw.toString());
}

export function endOf(stream: RecordedStream | undefined): RecordedEnd | undefined {
  const last = stream?.records.at(-1);
  return last?.kind === KIND.end ? (JSON.parse(last.raw.toString()) as RecordedEnd) : undefined;
}

/** Syslog messages with their lengths before them, RFC 5425. */
export function counted(messages: readonly string[]): Buffer {
  return Buffer.concat(messages.map((message) => Buffer.from(`${Buffer.byteLength(message)} ${message}`)));
}

const CREDIT_BYTES = 16 * 1024 * 1024;
/** Only so that a wait in vain ends with what was seen. */
const PATIENCE_MS = 300_000;
const STREAMS_SHOWN = 10;

export class RecordingVault {
  /** By stream, hexadecimal, in the order in which they began. */
  readonly streams = new Map<string, RecordedStream>();
  submissions = 0;
  records = 0;
  bytes = 0;
  readonly #server: Server;
  readonly #options: Required<RecordingOptions>;
  readonly #denials = new Map<string, string>();
  /** Acks that are due on each connection while they are held back. */
  #held: (() => void)[] | undefined;
  #lines = new Set<TLSSocket>();
  #last = 0;
  #changed: (() => void)[] = [];

  private constructor(identity: Identity, service: string, options: RecordingOptions) {
    this.#options = { creditBytes: CREDIT_BYTES, keep: true, ...options };
    this.#server = createServer(tlsServerOptions(identity), (socket) => this.#serve(socket, service));
  }

  /** Serves `service` (a SPIFFE ID) at `path`. */
  static async listen(path: string, identity: Identity, service: string, options: RecordingOptions = {}): Promise<RecordingVault> {
    const vault = new RecordingVault(identity, service, options);
    vault.#server.listen(socketPath(path));
    await once(vault.#server, 'listening');
    return vault;
  }

  /** Acknowledges nothing until {@link release}. */
  hold(): void {
    this.#held ??= [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const acknowledge of held) acknowledge();
  }

  /** Denies all runs of a source from now on. */
  deny(source: string, code: string): void {
    this.#denials.set(source, code);
  }

  /** Cuts the line, as a restart of the vault would. */
  cutLine(): void {
    for (const socket of this.#lines) socket.destroy();
  }

  /** Streams of a source, in order. */
  of(source: string): RecordedStream[] {
    return [...this.streams.values()].filter((stream) => stream.source === source);
  }

  /** Records of kind event by that name, parsed. */
  events(name: string): Record<string, unknown>[] {
    const all = [...this.streams.values()].flatMap(({ records }) => records);
    return all.filter(({ kind }) => kind === KIND.event).map(({ raw }) => JSON.parse(raw.toString()) as Record<string, unknown>).filter(({ event }) => event === name);
  }

  /** Resolves once `wished` holds; it is asked after each submission. Throws `Failed('testing.vault')` with what there is when that never comes. */
  async until(wished: () => boolean): Promise<void> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(new Failed('testing.vault', `waited in vain for ${String(wished)}`, { why: this.#summary })), PATIENCE_MS);
    try {
      while (!wished()) await Promise.race([late, new Promise<void>((resolve) => { this.#changed.push(resolve); })]);
    } finally {
      clearTimeout(timer);
    }
  }

  async close(): Promise<void> {
    this.#server.close();
    this.cutLine();
    await once(this.#server, 'close');
  }

  get #summary(): string {
    return JSON.stringify([...this.streams.values()].slice(-STREAMS_SHOWN).map((stream) => ({ source: stream.source, records: stream.records.length, end: endOf(stream), last: stream.records.at(-1)?.raw.toString().slice(0, 200) })));
  }

  #serve(socket: TLSSocket, service: string): void {
    const splitter = new MessageSplitter();
    this.#lines.add(socket);
    socket.on('close', () => this.#lines.delete(socket));
    socket.on('error', () => undefined);
    if (peerSpiffe(socket) !== service) throw new Refused('testing.wrong-peer', `${peerSpiffe(socket)} is not ${service}`);
    socket.on('data', (chunk: Buffer) => splitter.push(chunk, (type, body) => this.#take(socket, decodeMessage(type, body))));
  }

  #take(socket: TLSSocket, message: ReturnType<typeof decodeMessage>): void {
    if (message.type === 'hello') {
      socket.write(encodeWelcome(this.#last, Buffer.alloc(0), this.#options.creditBytes));
      return;
    }
    if (message.type !== 'submit') throw new Refused('testing.unexpected', `a service sent "${message.type}"`);
    if (message.number === this.#last + 1) this.#keep(socket, message.number, message.runs);
    else if (message.number > this.#last) throw new Refused('testing.number', `submission ${message.number} came after ${this.#last}`);
    const { number } = message;
    const acknowledge = (): void => { if (!socket.destroyed) socket.write(encodeAck(number)); };
    if (this.#held === undefined) acknowledge();
    else this.#held.push(acknowledge);
    for (const resolve of this.#changed.splice(0)) resolve();
  }

  #keep(socket: TLSSocket, number: number, runs: readonly ReceivedRun[]): void {
    this.#last = number;
    this.submissions += 1;
    for (const run of runs) {
      this.records += run.count;
      this.bytes += run.data.length;
      const code = this.#denials.get(run.source);
      if (code !== undefined) socket.write(encodeDenied(number, run.stream, code));
      else if (this.#options.keep) this.#add(run);
    }
  }

  #add(run: ReceivedRun): void {
    const id = run.stream.toString('hex');
    const { source, protocol, peer, flags } = run;
    let stream = this.streams.get(id);
    if (stream === undefined) this.streams.set(id, stream = { source, sourceKey: run.sourceKey.toString('hex'), protocol, peer, flags, records: [] });
    const expected = stream.records.length;
    if (run.firstSequence !== expected) throw new Refused('testing.sequence', `stream ${id} went from ${expected} to ${run.firstSequence}`);
    const data = Buffer.from(run.data);
    let at = 0;
    for (let i = 0; i < run.count; i += 1) {
      const length = run.lengths.readUInt32BE(4 * i);
      stream.records.push({ kind: run.kind, sequence: expected + i, raw: data.subarray(at, at + length), run });
      at += length;
    }
  }
}
