// SPDX-License-Identifier: Apache-2.0
// All connections of this process: who is admitted, how long they may take, and how they end together.
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { FLAG, NO_KEY } from '@strongroom/evidence';
import { logOrigin, sourceId, standing, type Registry, type ServiceContext } from '@strongroom/service';
import { peerText, plainName } from './address.ts';
import { Connection, type Surroundings } from './connection.ts';
import type { Admit } from './doors.ts';
import type { Say } from './events.ts';
import type { Outbox } from './outbox.ts';
import { identify } from './peer.ts';
import type { Sources } from './sources.ts';
import type { StreamFacts } from './stream.ts';

/** Memory for unfinished frames, all connections together: 256 of the longest that are kept whole. */
const FRAMES_BYTES_MAX = 64 * 1024 * 1024;
/** Connections that go on at once when there is credit again; each may bring 64 KiB before the next turn. */
const GO_ON_TOGETHER = 128;

export class Connections implements Admit {
  readonly around: Surroundings;
  /** How many this process may have. */
  readonly max: number;
  readonly #context: Pick<ServiceContext, 'clock' | 'config' | 'deployment' | 'registry'>;
  readonly #sources: Sources;
  readonly #say: Say;
  /** Those that still bring something, and those whose sockets are still there. */
  readonly #live = new Set<Connection>();
  readonly #open = new Set<Connection>();
  #frameBytes = 0;
  #stopping = false;
  #goingOn: NodeJS.Immediate | undefined;
  #onAllClosed: (() => void) | undefined;

  constructor(context: ServiceContext, outbox: Outbox, sources: Sources, say: Say, isFull: () => boolean) {
    const { gateway } = context.config;
    this.max = Math.ceil(gateway.maxConnections / gateway.processes);
    this.#context = context;
    this.#sources = sources;
    this.#say = say;
    this.around = {
      clock: context.clock, outbox, say, isFull, recordBytesMax: gateway.maxRecordBytes, origin: logOrigin(context.paths, context.deployment), stalled: new Set(), paused: new Set(),
      overfull: () => this.#stallAll(),
      holdMemory: (bytes) => this.#holdMemory(bytes),
      ended: (connection) => { this.#live.delete(connection); },
      closed: (connection) => this.#closed(connection),
    };
  }

  get count(): number {
    return this.#live.size;
  }

  /** Octets held for unfinished frames. */
  get frameBytes(): number {
    return this.#frameBytes;
  }

  tls(protocol: string, socket: TLSSocket): void {
    const { deployment, registry } = this.#context;
    const peer = peerText(socket.remoteAddress, socket.remotePort);
    const found = identify(socket, deployment, registry);
    if ('event' in found) {
      this.#say(found.event, { protocol, peer, ...found.fields });
      refuse(socket);
    } else {
      this.#admit(socket, found.name, { id: found.id, keyHash: found.keyHash, protocol, peer, flags: 0 });
    }
  }

  plain(socket: Socket): void {
    if (socket.remoteAddress === undefined) return refuse(socket);
    const name = plainName(socket.remoteAddress);
    const id = sourceId(this.#context.deployment, name);
    this.#admit(socket, name, { id, keyHash: NO_KEY, protocol: 'syslog-tcp', peer: peerText(socket.remoteAddress, socket.remotePort), flags: FLAG.unreliable });
  }

  /** Ends at once every connection whose producer may no longer send. */
  checkStanding(registry: Registry): void {
    for (const connection of this.#live) {
      const { id, keyHash } = connection.facts;
      if (keyHash.equals(NO_KEY)) continue;
      const found = standing(registry, id, keyHash.toString('hex'));
      if (found !== 'enrolled') connection.giveUp('gateway.connection-revoked', found, { standing: found });
    }
  }

  checkDeadlines(): void {
    const { frameTimeoutMs, idleTimeoutMs } = this.#context.config.gateway;
    const nowMs = performance.now();
    for (const connection of this.#live) connection.checkDeadlines(nowMs, frameTimeoutMs, idleTimeoutMs);
  }

  /** The vault has credit again: those that wait longest go on first, the others turn by turn as long as it lasts. */
  goOn(): void {
    if (this.around.isFull() || this.#goingOn !== undefined) return;
    let left = GO_ON_TOGETHER;
    for (const connection of this.around.stalled) {
      if (left === 0) break;
      left -= 1;
      connection.goOn();
    }
    if (this.around.stalled.size === 0) return;
    this.#goingOn = setImmediate(() => {
      this.#goingOn = undefined;
      this.goOn();
    });
  }

  /** Nobody is admitted any more, and everybody is told. Resolves when all are closed. */
  beginStop(): Promise<void> {
    this.#stopping = true;
    for (const connection of this.#live) connection.beginStop();
    return this.allClosed();
  }

  /** What is still open is read no further. */
  finishStop(): void {
    for (const connection of this.#live) connection.finishStop();
  }

  allClosed(): Promise<void> {
    return new Promise((resolve) => {
      this.#onAllClosed = resolve;
      if (this.#open.size === 0) resolve();
    });
  }

  destroy(): void {
    for (const connection of this.#open) connection.destroy();
  }

  #admit(socket: Socket, name: string, facts: StreamFacts): void {
    const { protocol, peer } = facts;
    const source = this.#sources.get(name);
    if (this.#stopping) return refuse(socket);
    if (this.#live.size >= this.max) {
      this.#say('gateway.connections-full', { protocol, peer, source: facts.id, limit: this.max });
      return refuse(socket);
    }
    if (!source.mayConnect) {
      this.#say('gateway.source-connections-full', { protocol, peer, source: facts.id, limit: source.connectionsMax });
      return refuse(socket);
    }
    const connection = new Connection(socket, facts, source, this.around);
    this.#live.add(connection);
    this.#open.add(connection);
  }

  #closed(connection: Connection): void {
    this.#open.delete(connection);
    if (this.#open.size === 0) this.#onAllClosed?.();
  }

  #stallAll(): void {
    for (const connection of this.#live) connection.stall();
  }

  /** Whoever holds most gives way: a frame that is large and slow. */
  #holdMemory(bytes: number): void {
    this.#frameBytes += bytes;
    if (bytes < 0 || this.#frameBytes <= FRAMES_BYTES_MAX) return;
    let most: Connection | undefined;
    for (const connection of this.#live) if (connection.memoryBytes > (most?.memoryBytes ?? 0)) most = connection;
    most?.giveUp('gateway.frames-full', 'frames-full', { heldBytes: most.memoryBytes, limit: FRAMES_BYTES_MAX });
  }
}

function refuse(socket: Socket): void {
  socket.on('error', () => undefined);
  socket.destroy();
}
