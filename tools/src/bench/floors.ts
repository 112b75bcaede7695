// SPDX-License-Identifier: Apache-2.0
// What the unavoidable parts of the work cost on this machine, now, on the very data of the load: each alone, in a loop.
import { createCipheriv, hash, randomBytes } from 'node:crypto';
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { constants, zstdCompressSync } from 'node:zlib';
import { SyslogFramer } from '@strongroom/wire';
import { framed, makeEvents } from './events.ts';
import { loopbackTls, socketTls, type TlsFloor } from './floor-tls.ts';
import { median } from './statistics.ts';

const EVENTS = 16_384;
const READ_BYTES = 65_536;
const LEAF_PREFIX_BYTES = 57;
const NODE_BYTES = 65;
const REPEATS = 7;
const SYNCS = 50;

export interface Floors {
  /** Octets of an event in the mean. */
  readonly eventBytes: number;
  /** CPU time, µs for each event; of an inner node there is one less than events. */
  readonly leafUs: number;
  readonly nodeUs: number;
  readonly framingUs: number;
  /** CPU time, decimal megabytes per second of what goes in. */
  readonly zstdMBs: number;
  readonly gcmMBs: number;
  /** Plain octets for each compressed one. */
  readonly zstdRatio: number;
  /** Wall time. */
  readonly fdatasyncMs: number;
  readonly loopback: TlsFloor;
  readonly socket: TlsFloor;
}

/** Takes about ten seconds, with nothing else running. */
export async function measureFloors(): Promise<Floors> {
  const events = makeEvents(EVENTS);
  const plain = Buffer.from(events.join(''), 'latin1');
  const packed = compress(plain);
  const perEvent = (work: () => void): number => cpuUs(work) / EVENTS;
  return {
    eventBytes: plain.length / EVENTS,
    leafUs: perEvent(() => hashLeaves(events, plain)), nodeUs: perEvent(hashNodes), framingUs: perEvent(framing(events)),
    zstdMBs: plain.length / cpuUs(() => compress(plain)), zstdRatio: plain.length / packed.length,
    gcmMBs: packed.length / cpuUs(() => encrypt(packed)), fdatasyncMs: fdatasyncMs(),
    loopback: await loopbackTls(), socket: await socketTls(),
  };
}

/** Microseconds per event of everything that no design can leave out, put together. */
export function composedUs(floors: Floors): number {
  const { eventBytes, leafUs, nodeUs, framingUs, zstdMBs, zstdRatio, gcmMBs, loopback, socket } = floors;
  return loopback.receiveUs + framingUs + socket.sendUs + socket.receiveUs + leafUs + nodeUs + eventBytes / zstdMBs + eventBytes / zstdRatio / gcmMBs;
}

/** User and system time of one run of `work`: the median of some after warming up. */
function cpuUs(work: () => void): number {
  const times: number[] = [];
  for (let i = 0; i < REPEATS + 2; i += 1) {
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    if (i >= 2) times.push(user + system);
  }
  return median(times);
}

const scratch = Buffer.alloc(READ_BYTES);
const digests = Buffer.alloc(EVENTS * 32);

/** As docs/FORMAT.md section 1 wants it: prefix, salt, context digest and sequence before the message. */
function hashLeaves(events: readonly string[], plain: Buffer): void {
  let at = 0;
  for (let i = 0; i < EVENTS; i += 1) {
    const { length } = events[i]!;
    plain.copy(scratch, LEAF_PREFIX_BYTES, at, at + length);
    digests.write(hash('sha256', scratch.subarray(0, LEAF_PREFIX_BYTES + length), 'latin1'), i * 32, 'latin1');
    at += length;
  }
}

function hashNodes(): void {
  const node = scratch.subarray(0, NODE_BYTES);
  for (let i = 0; i < EVENTS; i += 1) digests.write(hash('sha256', node, 'latin1'), i * 32, 'latin1');
}

function framing(events: readonly string[]): () => void {
  const stream = Buffer.concat(framed(events, READ_BYTES).map(({ bytes }) => bytes));
  const sink = { records: () => undefined, cut: () => undefined };
  return () => {
    const framer = new SyslogFramer();
    // The framer keeps and overwrites what it is given, so it gets copies, as a socket gives it new memory each time.
    for (let at = 0; at < stream.length; at += READ_BYTES) framer.push(Buffer.from(stream.subarray(at, at + READ_BYTES)), sink);
    framer.end('closed', sink);
  };
}

function compress(plain: Buffer): Buffer {
  return zstdCompressSync(plain, { params: { [constants.ZSTD_c_compressionLevel]: 1 } });
}

function encrypt(plain: Buffer): void {
  const cipher = createCipheriv('aes-256-gcm', randomBytes(32), randomBytes(12));
  cipher.update(plain);
  cipher.final();
}

function fdatasyncMs(): number {
  const directory = mkdtempSync(join(tmpdir(), 'strongroom-bench-fdatasync-'));
  const file = openSync(join(directory, 'file'), 'a');
  const bytes = randomBytes(READ_BYTES);
  const times = Array.from({ length: SYNCS }, () => {
    writeSync(file, bytes);
    const before = performance.now();
    fdatasyncSync(file);
    return performance.now() - before;
  });
  closeSync(file);
  rmSync(directory, { recursive: true });
  return median(times);
}
