// SPDX-License-Identifier: Apache-2.0
// Syslog over UDP (RFC 5426): one datagram, one record, marked unreliable. A stream is what one address sends until it
// is silent for a while. Nothing can be held back here: what cannot be taken is counted, and the count is sealed.
import { hash } from 'node:crypto';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { Failed } from '@strongroom/bytes';
import { FLAG, KIND, NO_KEY } from '@strongroom/evidence';
import { sourceId } from '@strongroom/service';
import { peerText, plainName } from './address.ts';
import type { Surroundings } from './connection.ts';
import { Lane, type Entry, type LaneOwner } from './outbox.ts';
import type { Source, Throttled } from './source.ts';
import type { Sources } from './sources.ts';
import { ProducerStream, type EndReason } from './stream.ts';

/** Addresses with a stream of their own at one time. The one that is silent longest makes room. */
const PEERS_MAX = 1024;
const SILENT_MS = 60_000;

export class Datagrams {
  readonly #socket: Socket;
  readonly #deployment: string;
  readonly #around: Surroundings;
  readonly #sources: Sources;
  /** By address and port; the one that spoke last stands last. */
  readonly #peers = new Map<string, DatagramPeer>();
  #lost = 0;

  private constructor(socket: Socket, deployment: string, around: Surroundings, sources: Sources) {
    this.#socket = socket;
    this.#deployment = deployment;
    this.#around = around;
    this.#sources = sources;
    socket.on('message', (datagram, from) => this.#take(datagram, from));
    socket.on('error', () => undefined); // of single datagrams; the socket goes on
  }

  /** Throws `Failed('gateway.listen')`. */
  static listen({ address, port }: { address: string; port: number }, deployment: string, around: Surroundings, sources: Sources): Promise<Datagrams> {
    const socket = createSocket({ type: address.includes(':') ? 'udp6' : 'udp4', reusePort: true });
    return new Promise((resolve, reject) => {
      socket.once('error', (error) => reject(new Failed('gateway.listen', `${address} UDP port ${port} cannot be listened on`, { why: error.message, cause: error })));
      socket.bind({ address, port }, () => resolve(new Datagrams(socket, deployment, around, sources)));
    });
  }

  get address(): string {
    const { address, port } = this.#socket.address();
    return peerText(address, port);
  }

  /** Ends streams that are silent, and tells of what was lost. Call it each second. */
  tick(nowMs: number): void {
    for (const [key, peer] of this.#peers) {
      if (nowMs - peer.heardAtMs < SILENT_MS) break;
      this.#end(key, peer, 'silent');
    }
    if (this.#lost === 0) return;
    this.#around.say('gateway.datagrams-lost', { protocol: 'syslog-udp', count: this.#lost });
    this.#lost = 0;
  }

  stop(): void {
    this.#socket.close();
    for (const [key, peer] of this.#peers) this.#end(key, peer, 'stopping');
    this.tick(performance.now());
  }

  #take(datagram: Buffer, from: RemoteInfo): void {
    const key = peerText(from.address, from.port);
    const peer = this.#peers.get(key) ?? this.#begin(key, from);
    this.#peers.delete(key);
    this.#peers.set(key, peer);
    if (this.#around.isFull() || !peer.take(datagram)) this.#lost += 1;
  }

  #begin(key: string, { address }: RemoteInfo): DatagramPeer {
    const [oldest] = this.#peers;
    if (oldest !== undefined && this.#peers.size >= PEERS_MAX) this.#end(oldest[0], oldest[1], 'made-room');
    const name = plainName(address);
    return new DatagramPeer(sourceId(this.#deployment, name), key, this.#sources.get(name), this.#around);
  }

  #end(key: string, peer: DatagramPeer, reason: EndReason): void {
    this.#peers.delete(key);
    peer.end(reason);
  }
}

class DatagramPeer implements LaneOwner, Throttled {
  heardAtMs = performance.now();
  readonly #source: Source;
  readonly #around: Surroundings;
  readonly #stream: ProducerStream;
  readonly #lane = new Lane(this);
  #throttled = false;

  constructor(id: string, peer: string, source: Source, around: Surroundings) {
    this.#source = source;
    this.#around = around;
    this.#stream = new ProducerStream({ id, keyHash: NO_KEY, protocol: 'syslog-udp', peer, flags: FLAG.unreliable }, around.clock);
    source.join(this);
  }

  /** False when the source is faster than it may be. */
  take(datagram: Buffer): boolean {
    this.heardAtMs = performance.now();
    this.#source.spend(datagram.length, this.heardAtMs);
    if (this.#throttled) return false;
    const limit = this.#around.recordBytesMax;
    const bytes = Math.min(datagram.length, limit);
    const received = this.#around.clock.stamp();
    const [parts, lengths] = [[datagram], Uint32Array.of(bytes)];
    this.#source.claims.look(parts, lengths, received.at, this.heardAtMs);
    const run = datagram.length <= limit
      ? this.#stream.data(received, lengths, parts, bytes)
      : this.#stream.cut(received, { beginning: datagram.subarray(0, limit), fullLength: datagram.length, fullHash: hash('sha256', datagram, 'buffer'), received: datagram.length, reason: 'too-long' });
    this.#put({ run, bytes, owed: 0 });
    return true;
  }

  end(reason: EndReason): void {
    this.#put({ run: this.#stream.end(reason), bytes: 0, owed: 0 });
    this.#source.leave(this);
  }

  throttle(on: boolean): void {
    this.#throttled = on;
  }

  sealed({ bytes }: Entry): void {
    this.#source.settled(bytes, true);
  }

  denied({ bytes, run }: Entry, code: string): void {
    this.#source.settled(bytes, false);
    const { id, protocol, peer } = this.#stream.facts;
    this.#around.say('gateway.denied', { source: id, protocol, peer, code, stream: run.stream.toString('hex'), sequence: run.firstSequence, records: run.lengths.length });
  }

  settled(): void {
    // Nobody is owed an answer.
  }

  drained(): void {
    // Nobody can be held back.
  }

  #put(entry: Entry): void {
    const isRun = this.#around.outbox.put(this.#lane, entry);
    this.#source.received(entry.run.kind === KIND.end ? 0 : 1, entry.bytes, this.heardAtMs, isRun);
  }
}
