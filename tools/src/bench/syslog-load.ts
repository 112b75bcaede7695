// SPDX-License-Identifier: Apache-2.0
// An exact number of octet-counted syslog messages over some TLS connections, as cheaply as possible: what is sent is made
// before, in chunks of whole frames, and goes out as fast as the other side takes it.
import type { TLSSocket } from 'node:tls';
import { firstFrames, framed, makeEvents, type Chunk } from './events.ts';
import { setTimeout as delay } from 'node:timers/promises';
import type { LoadResult, Moment, SyslogLoad } from './load.ts';
import { openConnections, ended } from './connections.ts';

/** About 31 MB of different messages: more than any batch or compression window holds. */
const POOL_EVENTS = 131_072;
const CHUNK_BYTES = 65_536;
/** At a given rate: less comes at a time, more often. */
const PACED_CHUNK_BYTES = 16_384;
const PACE_MS = 2;

export async function prepareSyslog(load: SyslogLoad): Promise<() => Promise<LoadResult>> {
  const rate = load.eventsPerSecond;
  const pool = framed(makeEvents(Math.min(POOL_EVENTS, load.events)), rate === undefined ? CHUNK_BYTES : PACED_CHUNK_BYTES);
  const sockets = await openConnections(load.target, load.connections);
  return async () => {
    const cpu = process.cpuUsage();
    const firstAtNs = process.hrtime.bigint();
    const due: Moment[] = [];
    const sent = rate !== undefined ? [await pace(sockets, pool, load.events, rate, firstAtNs, due)] : await Promise.all(sockets.map((socket, index) => {
      const share = Math.floor((load.events * (index + 1)) / sockets.length) - Math.floor((load.events * index) / sockets.length);
      return send(socket, pool, Math.floor((pool.length * index) / sockets.length), share);
    }));
    const used = process.cpuUsage(cpu);
    return { events: load.events, bytes: sent.reduce((sum, bytes) => sum + bytes, 0), firstAtNs, lastAtNs: process.hrtime.bigint(), cpuSeconds: (used.user + used.system) / 1e6, ...(rate === undefined ? {} : { due }) };
  };
}

/** Sends chunks by turns over the connections, each when its last event is due, and says when that was. Resolves like {@link send}. */
async function pace(sockets: readonly TLSSocket[], pool: readonly Chunk[], events: number, eventsPerSecond: number, startNs: bigint, due: Moment[]): Promise<number> {
  const over = Promise.all(sockets.map(ended));
  let [sent, bytes] = [0, 0];
  for (let next = 0; sent < events; next += 1) {
    const chunk = firstFrames(pool[next % pool.length]!, events - sent);
    sent += chunk.events;
    const atNs = startNs + BigInt(Math.round((sent / eventsPerSecond) * 1e9));
    while (process.hrtime.bigint() < atNs) await delay(PACE_MS);
    sockets[next % sockets.length]!.write(chunk.bytes);
    bytes += chunk.bytes.length;
    due.push({ atNs, events: sent });
  }
  for (const socket of sockets) socket.end();
  await over;
  return bytes;
}

/** Sends `events` frames, beginning with chunk `from`, and ends. Resolves with the octets sent when the connection is closed. */
async function send(socket: TLSSocket, pool: readonly Chunk[], from: number, events: number): Promise<number> {
  let left = events;
  let next = from;
  let bytes = 0;
  const pump = (): void => {
    while (left > 0) {
      const chunk = firstFrames(pool[next % pool.length]!, left);
      next += 1;
      left -= chunk.events;
      bytes += chunk.bytes.length;
      if (!socket.write(chunk.bytes) && left > 0) return;
    }
    socket.off('drain', pump).end();
  };
  const over = ended(socket);
  socket.on('drain', pump);
  pump();
  await over;
  return bytes;
}
