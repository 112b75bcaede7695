// SPDX-License-Identifier: Apache-2.0
// One connection of a producer: octets in, runs out, answers back, and an end record whatever happens.
import type { Socket } from 'node:net';
import { Refused } from '@strongroom/bytes';
import { BOUND_UNKNOWN, KIND } from '@strongroom/evidence';
import { type Fields, type ReceiptClock, type Stamp } from '@strongroom/service';
import { RelpSession, relpServerClose, SyslogFramer, type CutRecord, type Framer, type RecordSink, type StreamClose } from '@strongroom/wire';
import type { EventName, Say } from './events.ts';
import { Lane, type Entry, type LaneOwner, type Outbox, type Place } from './outbox.ts';
import type { Source, Throttled } from './source.ts';
import { ProducerStream, type EndReason, type StreamFacts } from './stream.ts';

/** What may wait of one connection before it is read no further. */
const WAITING_BYTES_MAX = 256 * 1024;
/** And of all together while the vault gives no credit; until then each may bring what one read gives. */
const WAITING_ALL_BYTES_MAX = 16 * 1024 * 1024;
/** Chunks that come this close together share their time of receipt: one read of the socket gives up to four. */
const SAME_MOMENT_MS = 0.1;
const SAME_MOMENT_NS = 100_000n;
/** How long a peer may take to close its side once we have closed ours. */
const LINGER_MS = 2000;

/** Why a connection is not read at present. Several may hold at once. */
const PAUSE = { full: 1, rate: 2, waiting: 4, answers: 8 } as const;
type Pause = keyof typeof PAUSE;

/** What connections share. */
export interface Surroundings {
  readonly clock: ReceiptClock;
  readonly outbox: Outbox;
  readonly say: Say;
  readonly recordBytesMax: number;
  /** The log's name, for receipts. */
  readonly origin: string;
  /** Whether the vault gives no credit at present. */
  readonly isFull: () => boolean;
  /** Those that are not read until it does, in the order in which they came. */
  readonly stalled: Set<Connection>;
  /** So much waits that nobody shall bring more. */
  readonly overfull: () => void;
  /** Those that are not read at present, for whatever reason. */
  readonly paused: Set<Connection>;
  /** Memory for unfinished frames was taken, or given back when negative. */
  readonly holdMemory: (bytes: number) => void;
  /** Nothing more comes from it. */
  readonly ended: (connection: Connection) => void;
  /** Its socket is gone. */
  readonly closed: (connection: Connection) => void;
}

export class Connection implements RecordSink, LaneOwner, Throttled {
  readonly facts: StreamFacts;
  readonly source: Source;
  readonly #socket: Socket;
  readonly #around: Surroundings;
  readonly #stream: ProducerStream;
  readonly #lane = new Lane(this);
  readonly #framer: Framer;
  readonly #relp: RelpSession | undefined;
  #received: Stamp; // of the chunk at hand
  #receivedAtMs = performance.now();
  #heardAtMs = performance.now();
  #frameSinceMs = 0; // of the unfinished frame
  #memoryBytes = 0;
  #pauses = 0;
  #over = false; // the end record is on its way: nothing more is taken, nor owed an answer
  #stopping = false;
  #linger: NodeJS.Timeout | undefined;

  constructor(socket: Socket, facts: StreamFacts, source: Source, around: Surroundings) {
    this.facts = facts;
    this.source = source;
    this.#socket = socket;
    this.#around = around;
    this.#stream = new ProducerStream(facts, around.clock);
    this.#received = shared(around.clock.stamp());
    this.#relp = facts.protocol === 'relp-tls' ? new RelpSession(around.recordBytesMax, around.origin) : undefined;
    this.#framer = this.#relp ?? new SyslogFramer(around.recordBytesMax);
    source.join(this);
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('end', () => this.#finish('closed', 'closed'));
    socket.on('error', () => this.#finish('reset', 'closed'));
    socket.on('close', () => this.#gone());
    socket.on('drain', () => this.#resume('answers'));
  }

  /** Memory held for an unfinished frame. */
  get memoryBytes(): number {
    return this.#memoryBytes;
  }

  // What the framer finds.

  records(parts: readonly Buffer[], lengths: Uint32Array): void {
    const bytes = parts.reduce((sum, part) => sum + part.length, 0);
    this.source.claims.look(parts, lengths, this.#received.at, this.#heardAtMs);
    this.#put({ run: this.#stream.data(this.#received, lengths, parts, bytes), bytes, owed: this.#relp === undefined ? 0 : lengths.length });
  }

  cut(record: CutRecord): void {
    const { beginning, fullLength, received, reason } = record;
    const sequence = this.#stream.records;
    this.#put({ run: this.#stream.cut(this.#received, record), bytes: beginning.length, owed: this.#over || this.#relp === undefined ? 0 : 1 });
    const event = reason === 'too-long' ? 'gateway.record-cut' : 'gateway.record-unfinished';
    this.#say(event, { stream: this.#stream.id.toString('hex'), sequence, keptBytes: beginning.length, fullBytes: fullLength, receivedBytes: received });
  }

  // What becomes of it.

  sealed({ bytes, owed }: Entry, place: Place | undefined): void {
    this.source.settled(bytes, true);
    if (owed > 0) this.#relp?.sealed(owed, place);
  }

  denied({ bytes, run }: Entry, code: string): void {
    this.source.settled(bytes, false);
    // An end record holds nothing of the producer's; without it the vault sees a gap.
    if (run.kind !== KIND.end) this.#say('gateway.denied', { code, ...this.#place, sequence: run.firstSequence, records: run.lengths.length });
    this.#abort(`denied:${code}`);
  }

  settled(): void {
    this.#answer();
  }

  drained(): void {
    if (this.#lane.bytes < WAITING_BYTES_MAX) this.#resume('waiting');
  }

  // What others want of it.

  throttle(on: boolean): void {
    if (on) this.#pause('rate');
    else this.#resume('rate');
  }

  /** The vault gives no credit: nothing more is read until {@link goOn}. */
  stall(): void {
    if (this.#over) return;
    this.#around.stalled.add(this);
    this.#pause('full');
  }

  goOn(): void {
    this.#around.stalled.delete(this);
    this.#resume('full');
  }

  /** Ends it if it took too long: with a frame, or with anything at all. Time in which it was not read does not count. */
  checkDeadlines(nowMs: number, frameTimeoutMs: number, idleTimeoutMs: number): void {
    if (this.#over || this.#pauses !== 0) return;
    if (this.#framer.unfinished && nowMs - this.#frameSinceMs > frameTimeoutMs) {
      this.giveUp('gateway.frame-timeout', 'frame-timeout', { timeoutMs: frameTimeoutMs });
    } else if (idleTimeoutMs > 0 && nowMs - this.#heardAtMs > idleTimeoutMs) {
      this.giveUp('gateway.idle-timeout', 'idle-timeout', { timeoutMs: idleTimeoutMs });
    }
  }

  /** Says why, and ends it at once; what has come is kept. */
  giveUp(event: EventName, reason: EndReason, fields: Fields = {}): void {
    this.#say(event, { ...this.#place, records: this.#stream.records, ...fields });
    this.#abort(reason);
  }

  /**
   * We stop. A RELP client sends again what was not answered, so no more of it is taken; from others we take what is
   * still on its way, and tell them that we close.
   */
  beginStop(): void {
    this.#stopping = true;
    if (this.#relp === undefined) this.#socket.end();
    else this.finishStop();
  }

  /** The time for what was on its way is over. What a producer without answers still sends has to fail for it to know. */
  finishStop(): void {
    this.#finish('stopping', 'closed');
    if (this.#relp === undefined) this.#socket.destroy();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    if (this.#over) return; // read only so that our close is no reset
    if (this.facts.protocol === 'syslog-tcp' && this.#stream.records === 0 && isTls(chunk)) return this.giveUp('gateway.tls-on-plain-port', 'tls-on-plain-port');
    const before = this.#stream.records;
    const octets = chunk.length;
    const nowMs = performance.now();
    if (nowMs - this.#receivedAtMs > SAME_MOMENT_MS) {
      this.#received = shared(this.#around.clock.stamp());
      this.#receivedAtMs = nowMs;
    }
    this.#heardAtMs = nowMs;
    try {
      this.#framer.push(chunk, this);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return this.#refused(error);
    }
    // A frame that was unfinished before and after this chunk, with no record between, is the same one.
    if (!this.#framer.unfinished) this.#frameSinceMs = 0;
    else if (this.#frameSinceMs === 0 || this.#stream.records !== before) this.#frameSinceMs = nowMs;
    this.source.spend(octets, nowMs);
    this.#holdMemory(this.#framer.memoryBytes);
    this.#answer();
    this.#holdBack();
  }

  #put(entry: Entry): void {
    const isRun = this.#around.outbox.put(this.#lane, this.#relp?.wantsReceipts === true ? { ...entry, wantsPlace: true } : entry);
    this.source.received(entry.run.lengths.length, entry.bytes, this.#heardAtMs, isRun);
  }

  #refused(error: Refused): void {
    this.#say('gateway.frame-refused', { ...this.#place, records: this.#stream.records, code: error.code, message: error.message, why: error.why ?? '', fix: error.fix ?? '' });
    this.#answer();
    this.#abort(`refused:${error.code}`);
  }

  #abort(reason: EndReason): void {
    this.#finish(reason, 'given-up');
    this.#socket.destroySoon();
  }

  /** The stream ends here: what is left of it, and the end record. */
  #finish(reason: EndReason, how: StreamClose): void {
    if (this.#over) return;
    this.#over = true;
    const end = this.#framer.end(how, this);
    const where = ({ complete: '', unterminated: '-in-line', unfinished: '-in-frame' } as const)[end];
    this.source.received(0, 0, performance.now(), true);
    this.#around.outbox.put(this.#lane, { run: this.#stream.end(`${reason}${where}` as EndReason), bytes: 0, owed: 0 });
    this.#holdMemory(0);
    this.#around.stalled.delete(this);
    this.#around.paused.delete(this);
    this.#pauses = 0;
    this.#socket.resume();
    this.source.leave(this);
    this.#around.ended(this);
    this.#closeWhenDone();
  }

  #gone(): void {
    clearTimeout(this.#linger);
    this.#finish('reset', 'closed');
    this.#around.closed(this);
  }

  /** Sends the answers that are due, and ends a session that is done. */
  #answer(): void {
    const relp = this.#relp;
    if (relp === undefined) return;
    const output = relp.takeOutput();
    if (output.length > 0 && this.#socket.writable && !this.#socket.write(output)) this.#pause('answers');
    if (relp.done) this.#finish('relp-close', 'closed');
    this.#closeWhenDone();
  }

  #closeWhenDone(): void {
    if (!this.#over || this.#relp?.owes === true || this.#linger !== undefined) return;
    if (this.#relp !== undefined && this.#stopping && this.#socket.writable) this.#socket.write(relpServerClose());
    this.#socket.end();
    this.#linger = setTimeout(() => this.#socket.destroy(), LINGER_MS).unref();
  }

  #holdMemory(bytes: number): void {
    const more = bytes - this.#memoryBytes;
    this.#memoryBytes = bytes;
    if (more !== 0) this.#around.holdMemory(more);
  }

  #holdBack(): void {
    if (this.#lane.bytes >= WAITING_BYTES_MAX) this.#pause('waiting');
    if (!this.#around.isFull()) return;
    this.stall();
    if (this.#around.outbox.bytes > WAITING_ALL_BYTES_MAX) this.#around.overfull();
  }

  #pause(why: Pause): void {
    if (this.#over) return;
    if (this.#pauses === 0) {
      this.#socket.pause();
      this.#around.paused.add(this);
    }
    this.#pauses |= PAUSE[why];
  }

  #resume(why: Pause): void {
    if ((this.#pauses & PAUSE[why]) === 0) return;
    this.#pauses &= ~PAUSE[why];
    if (this.#pauses !== 0) return;
    this.#around.paused.delete(this);
    this.#heardAtMs = performance.now();
    if (this.#frameSinceMs !== 0) this.#frameSinceMs = this.#heardAtMs;
    this.#socket.resume();
  }

  get #place(): Fields {
    return { stream: this.#stream.id.toString('hex') };
  }

  #say(event: EventName, fields: Fields): void {
    const { id, protocol, peer } = this.facts;
    this.#around.say(event, { source: id, protocol, peer, ...fields });
  }
}

/** A TLS client says hello: record type 22, version 3.x. */
function isTls(chunk: Buffer): boolean {
  return chunk[0] === 0x16 && chunk[1] === 0x03;
}

/** A stamp for chunks that come close together: the last of them came later. */
function shared({ at, bound }: Stamp): Stamp {
  return { at, bound: bound === BOUND_UNKNOWN ? bound : bound + SAME_MOMENT_NS };
}
