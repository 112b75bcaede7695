// SPDX-License-Identifier: Apache-2.0
// What the unavoidable parts of the work cost on this machine, now, on the very data of the load: each alone, in a loop.
import { createCipheriv, hash, randomBytes } from 'node:crypto';
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { constants, zstdCompressSync } from 'node:zlib';
import { bulkHasher, leavesOf, rootOf, saltsOf, SEED_BYTES, useBulkHasher, type BatchRun, type BulkHasher } from '@strongroom/evidence';
import { useNativeHasher } from '@strongroom/service';
import { SyslogFramer } from '@strongroom/wire';
import { framed, makeEvents } from './events.ts';
import { loopbackTls, socketTls, type TlsFloor } from './floor-tls.ts';
import { median } from './statistics.ts';

export const EVENTS = 16_384;
const READ_BYTES = 65_536;
const LEAF_PREFIX_BYTES = 57;
const NODE_BYTES = 65;
const WARM_PASSES = 5;
const PASSES = 41;
const SYNCS = 50;
/** As many records as a read from a socket brings. */
const RUN_EVENTS = 256;
/** The vault's, see sealFrame in libs/evidence. */
const ZSTD_PARAMETERS = {
  [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_windowLog]: 17, [constants.ZSTD_c_hashLog]: 13, [constants.ZSTD_c_minMatch]: 6,
};

export interface Floors {
  /** Octets of an event in the mean. */
  readonly eventBytes: number;
  /** CPU time, µs for each event; of an inner node there is one less than events. */
  readonly leafUs: number;
  readonly nodeUs: number;
  /** Four at a time in WebAssembly. */
  readonly leafInLanesUs: number;
  readonly nodeInLanesUs: number;
  /** By the add-on; NaN where it was not built or the processor lacks the instructions. */
  readonly leafByAddonUs: number;
  readonly nodeByAddonUs: number;
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

/** Takes about fifteen seconds, with nothing else running. */
export async function measureFloors(): Promise<Floors> {
  const events = makeEvents(EVENTS);
  const plain = Buffer.from(events.join(''), 'latin1');
  const packed = compress(plain);
  const [seed, runs] = [randomBytes(SEED_BYTES), runsOf(events, plain)];
  const hasher = nativeHasher();
  const leaves = leavesOf(seed, runs);
  const us = cpuUs({
    leaf: () => hashLeaves(events, plain), node: hashNodes, leafInLanes: () => leavesOf(seed, runs), nodeInLanes: () => rootOf(leaves),
    leafByAddon: () => addonLeaves(hasher, seed, runs), nodeByAddon: () => addonRoot(hasher, leaves),
    framing: framing(events), zstd: () => compress(plain), gcm: () => encrypt(packed),
  });
  return {
    eventBytes: plain.length / EVENTS,
    leafUs: us.leaf / EVENTS, nodeUs: us.node / EVENTS, leafInLanesUs: us.leafInLanes / EVENTS, nodeInLanesUs: us.nodeInLanes / EVENTS,
    leafByAddonUs: hasher === undefined ? Number.NaN : us.leafByAddon / EVENTS, nodeByAddonUs: hasher === undefined ? Number.NaN : us.nodeByAddon / EVENTS,
    framingUs: us.framing / EVENTS, zstdMBs: plain.length / us.zstd, zstdRatio: plain.length / packed.length, gcmMBs: packed.length / us.gcm,
    fdatasyncMs: fdatasyncMs(), loopback: await middleOf(loopbackTls), socket: await middleOf(socketTls),
  };
}

/** Microseconds per event of everything that no design can leave out, put together. */
export function composedUs(floors: Floors): number {
  const { eventBytes, framingUs, zstdMBs, zstdRatio, gcmMBs, loopback, socket } = floors;
  const hashing = least(floors.leafUs, floors.leafInLanesUs, floors.leafByAddonUs) + least(floors.nodeUs, floors.nodeInLanesUs, floors.nodeByAddonUs);
  return loopback.receiveUs + framingUs + socket.sendUs + socket.receiveUs + hashing + eventBytes / zstdMBs + eventBytes / zstdRatio / gcmMBs;
}

function least(...us: readonly number[]): number {
  return Math.min(...us.filter((one) => !Number.isNaN(one)));
}

/** User and system time of one run of each. They take turns, so that a disturbance meets all; the median of each counts. */
export function cpuUs<K extends string>(works: Readonly<Record<K, () => void>>): Record<K, number> {
  const times = Object.fromEntries(Object.keys(works).map((name) => [name, [] as number[]])) as Record<K, number[]>;
  for (let pass = 0; pass < WARM_PASSES + PASSES; pass += 1) {
    for (const name of Object.keys(works) as K[]) {
      const before = process.cpuUsage();
      works[name]();
      const { user, system } = process.cpuUsage(before);
      if (pass >= WARM_PASSES) times[name].push(user + system);
    }
  }
  return Object.fromEntries(Object.entries<number[]>(times).map(([name, all]) => [name, median(all)])) as Record<K, number>;
}

async function middleOf(measure: () => Promise<TlsFloor>): Promise<TlsFloor> {
  const all = [await measure(), await measure(), await measure()];
  return { MBs: median(all.map(({ MBs }) => MBs)), sendUs: median(all.map(({ sendUs }) => sendUs)), receiveUs: median(all.map(({ receiveUs }) => receiveUs)) };
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

export function runsOf(events: readonly string[], plain: Buffer): BatchRun[] {
  const runs: BatchRun[] = [];
  let at = 0;
  for (let first = 0; first < EVENTS; first += RUN_EVENTS) {
    const lengths = Buffer.alloc(RUN_EVENTS * 4);
    const start = at;
    for (let i = 0; i < RUN_EVENTS; i += 1) {
      lengths.writeUInt32BE(events[first + i]!.length, i * 4);
      at += events[first + i]!.length;
    }
    runs.push({ context: Buffer.alloc(256), firstSequence: first, count: RUN_EVENTS, lengths, data: plain.subarray(start, at) });
  }
  return runs;
}

/** Given to these functions alone: the others measure WebAssembly. */
export function nativeHasher(): BulkHasher | undefined {
  useNativeHasher();
  const hasher = bulkHasher();
  useBulkHasher(undefined);
  return hasher;
}

export function addonLeaves(hasher: BulkHasher | undefined, seed: Buffer, runs: readonly BatchRun[]): void {
  const salts = saltsOf(seed, EVENTS);
  for (const { firstSequence: sequence, count, lengths, data } of runs) {
    hasher?.leaves({ context: seed, sequence, count, lengths, salts, saltAt: sequence * 16, data }, digests, sequence * 32);
  }
}

export function addonRoot(hasher: BulkHasher | undefined, leaves: Buffer): void {
  const level = Buffer.from(leaves);
  for (let count = EVENTS; count > 1; count /= 2) hasher?.nodes(level, count / 2);
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

export function compress(plain: Buffer): Buffer {
  return zstdCompressSync(plain, { params: ZSTD_PARAMETERS, chunkSize: plain.length + (plain.length >>> 8) + 128 });
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
