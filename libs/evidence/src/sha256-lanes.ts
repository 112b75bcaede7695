// SPDX-License-Identifier: Apache-2.0
// SHA-256 (FIPS 180-4) over four messages at once, in WebAssembly SIMD emitted here: one v128 holds the same word of four
// messages. A leaf is a few blocks long, and a call of the native hash for each costs more than hashing it. Longer
// records go to the native hash (batch.ts), which is also the oracle in tests.
import type { LeafRun } from './hasher.ts';
import { Assembler, type Local } from './wasm-assembler.ts';

const ROUNDS = 64;
/** FIPS 180-4 section 4.2.2: fractional parts of the cube roots of the first 64 primes; section 5.3.3: square roots of eight. */
const [K, H0] = constants();

function constants(): [number[], number[]] {
  const primes: number[] = [];
  for (let n = 2; primes.length < ROUNDS; n += 1) if (primes.every((prime) => n % prime !== 0)) primes.push(n);
  return [primes.map((prime) => fraction(BigInt(prime) << 96n, 3n)), primes.slice(0, 8).map((prime) => fraction(BigInt(prime) << 64n, 2n))];
}

/** The low 32 bits of the integer root: the input is shifted so that these are the first 32 bits of the fraction. */
function fraction(scaled: bigint, degree: bigint): number {
  let [low, high] = [0n, 1n << 40n];
  while (high - low > 1n) {
    const middle = (low + high) / 2n;
    if (middle ** degree <= scaled) low = middle;
    else high = middle;
  }
  return Number(low & 0xffff_ffffn);
}

/** Words of two rows interleaved, each word's bytes turned around: [A0 B0 A1 B1] and [A2 B2 A3 B3]. */
const INTERLEAVE_LOW = [3, 2, 1, 0, 19, 18, 17, 16, 7, 6, 5, 4, 23, 22, 21, 20];
const INTERLEAVE_HIGH = [11, 10, 9, 8, 27, 26, 25, 24, 15, 14, 13, 12, 31, 30, 29, 28];
const HALVES_LOW = [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23];
const HALVES_HIGH = [8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31];

/** Longest message of a lane, padding included. */
export const SLOT_BYTES = 2048;
const SLOTS = 16;
const ARENA: number = SLOTS + 4 * SLOT_BYTES;

/** Octets before the record's bytes in a leaf's message: 0x00, salt, context digest, sequence. */
const LEAF_PREFIX = 57;
/** The longest record that a lane takes: with prefix and padding it fits a slot. */
export const LANE_RECORD_MAX: number = SLOT_BYTES - LEAF_PREFIX - 9 - 64;

/** Emits `hash4(p0,p1,p2,p3, n0,n1,n2,n3, out)`: n blocks at each p, four digests of 32 octets at out. */
function emitHash4(a: Assembler): void {
  const p = [0, 1, 2, 3] as Local[];
  const n = [4, 5, 6, 7] as Local[];
  const out: Local = 8;
  const block = a.i32();
  const most = a.i32();
  const w = a.v128s(16);
  const state = a.v128s(8);
  const round = a.v128s(8);
  const [counts, t1, mask] = a.v128s(3) as [Local, Local, Local];

  state.forEach((local, i) => a.splatConst(H0[i]!).set(local));
  a.get(n[0]!).splat();
  for (const lane of [1, 2, 3]) a.get(n[lane]!).replaceLane(lane);
  a.set(counts);
  a.get(n[0]!).set(most);
  for (const lane of [1, 2, 3]) a.get(n[lane]!).get(most).get(n[lane]!).get(most).gtU().select().set(most);
  a.const(0).set(block);
  a.loop();
  loadWords(a, p, w, round);
  state.forEach((local, i) => a.get(local).set(round[i]!));
  for (let i = 0; i < ROUNDS; i += 1) emitRound(a, i, w, round, t1);
  // A message that is over keeps its state while longer ones go on.
  a.get(counts).get(block).splat().gtS4().set(mask);
  state.forEach((local, i) => a.get(local).get(round[(i + 8 - (ROUNDS % 8)) % 8]!).add4().get(local).get(mask).bitselect().set(local));
  for (const pointer of p) a.get(pointer).const(64).add().set(pointer);
  a.get(block).const(1).add().tee(block).get(most).ltU().repeat();
  a.end();
  storeDigests(a, state, out, round);
}

/** Sixteen words of each lane's block, transposed so that w[i] holds word i of all lanes. */
function loadWords(a: Assembler, p: readonly Local[], w: readonly Local[], rows: readonly Local[]): void {
  for (let quarter = 0; quarter < 4; quarter += 1) {
    p.forEach((pointer, lane) => a.get(pointer).load(quarter * 16).set(rows[lane]!));
    transpose(a, rows.slice(0, 4), rows.slice(4, 8), w.slice(quarter * 4, quarter * 4 + 4));
  }
}

/** Four rows of four words into four columns, bytes of each word turned around; `spare` are four locals to use. */
function transpose(a: Assembler, rows: readonly Local[], spare: readonly Local[], columns: readonly Local[]): void {
  const [r0, r1, r2, r3] = rows as [Local, Local, Local, Local];
  const [s0, s1, s2, s3] = spare as [Local, Local, Local, Local];
  a.get(r0).get(r1).shuffle(INTERLEAVE_LOW).set(s0).get(r2).get(r3).shuffle(INTERLEAVE_LOW).set(s1);
  a.get(r0).get(r1).shuffle(INTERLEAVE_HIGH).set(s2).get(r2).get(r3).shuffle(INTERLEAVE_HIGH).set(s3);
  a.get(s0).get(s1).shuffle(HALVES_LOW).set(columns[0]!).get(s0).get(s1).shuffle(HALVES_HIGH).set(columns[1]!);
  a.get(s2).get(s3).shuffle(HALVES_LOW).set(columns[2]!).get(s2).get(s3).shuffle(HALVES_HIGH).set(columns[3]!);
}

/** FIPS 180-4 section 6.2.2. Instead of moving eight variables along, their names rotate with the round. */
function emitRound(a: Assembler, i: number, w: readonly Local[], round: readonly Local[], t1: Local): void {
  const at = (name: number): Local => round[(name + ROUNDS - i) % 8]!;
  const [va, vb, vc, vd, ve, vf, vg, vh] = [0, 1, 2, 3, 4, 5, 6, 7].map(at) as [Local, Local, Local, Local, Local, Local, Local, Local];
  const word = w[i % 16]!;
  if (i >= 16) {
    a.get(word).get(w[(i + 9) % 16]!).add4();
    sigma(a, w[(i + 1) % 16]!, 7, 18, 3, true).add4();
    sigma(a, w[(i + 14) % 16]!, 17, 19, 10, true).add4().set(word);
  }
  a.get(vh).get(word).add4().splatConst(K[i]!).add4();
  sigma(a, ve, 6, 11, 25, false).add4();
  a.get(vf).get(vg).get(ve).bitselect().add4().set(t1);
  a.get(vd).get(t1).add4().set(vd);
  sigma(a, va, 2, 13, 22, false).get(t1).add4();
  a.get(vc).get(vb).get(va).get(vb).xor().bitselect().add4().set(vh);
}

/** Two rotations and a third, or a shift, of a local, combined by xor. */
function sigma(a: Assembler, x: Local, first: number, second: number, third: number, isShift: boolean): Assembler {
  rotate(a, x, first);
  rotate(a, x, second).xor();
  return (isShift ? a.get(x).const(third).shrU4() : rotate(a, x, third)).xor();
}

function rotate(a: Assembler, x: Local, by: number): Assembler {
  return a.get(x).const(by).shrU4().get(x).const(32 - by).shl4().or();
}

function storeDigests(a: Assembler, state: readonly Local[], out: Local, spare: readonly Local[]): void {
  for (const half of [0, 1]) {
    transpose(a, state.slice(half * 4, half * 4 + 4), spare.slice(0, 4), spare.slice(4, 8));
    for (const lane of [0, 1, 2, 3]) a.get(out).get(spare[4 + lane]!).store(lane * 32 + half * 16);
  }
}

/**
 * Emits `nodes(from, to, groups)`: 4·groups inner nodes over pairs of hashes at `from`, their hashes at `to`, which may
 * be the same place. The slots hold 0x01, room for the pair, and the padding of 65 octets.
 */
function emitNodes(a: Assembler, hash4: number): void {
  const [from, to, groups] = [0, 1, 2] as [Local, Local, Local];
  a.loop();
  for (const lane of [0, 1, 2, 3]) {
    for (const part of [0, 16, 32, 48]) a.const(SLOTS + lane * SLOT_BYTES + 1 + part).get(from).load(lane * 64 + part).store(0);
  }
  for (const lane of [0, 1, 2, 3]) a.const(SLOTS + lane * SLOT_BYTES);
  for (let lane = 0; lane < 4; lane += 1) a.const(2);
  a.get(to).call(hash4);
  a.get(from).const(256).add().set(from).get(to).const(128).add().set(to);
  a.get(groups).const(1).sub().tee(groups).repeat();
  a.end();
}

/**
 * Emits `leaves(data, lengths, salts, sequence, count, out)`: the leaf hashes of `count` records, a multiple of four.
 * Lengths are big-endian, as in a batch. The slots hold what all leaves of a run share; `sequence` counts the low half.
 * Returns where the data ends.
 */
function emitLeaves(a: Assembler, hash4: number): void {
  const [data, lengths, salts, sequence, count, out] = [0, 1, 2, 3, 4, 5] as [Local, Local, Local, Local, Local, Local];
  const length = a.i32();
  const blocks = [a.i32(), a.i32(), a.i32(), a.i32()];
  a.loop();
  blocks.forEach((block, lane) => {
    const slot = SLOTS + lane * SLOT_BYTES;
    a.get(lengths).load32(lane * 4).swap32().set(length);
    a.const(slot + 1).get(salts).load(lane * 16).store(0);
    a.const(slot + LEAF_PREFIX - 4).get(sequence).const(lane).add().swap32().store32();
    a.const(slot + LEAF_PREFIX).get(data).get(length).copy();
    a.get(length).const(LEAF_PREFIX + 9 + 63).add().const(6).shrU().set(block);
    a.get(length).const(slot + LEAF_PREFIX).add().const(0).get(block).const(6).shl().get(length).const(LEAF_PREFIX).add().sub().fill();
    a.get(length).const(slot + LEAF_PREFIX).add().const(0x80).store8();
    a.get(block).const(6).shl().const(slot - 4).add().get(length).const(LEAF_PREFIX).add().const(3).shl().swap32().store32();
    a.get(data).get(length).add().set(data);
  });
  for (const lane of [0, 1, 2, 3]) a.const(SLOTS + lane * SLOT_BYTES);
  for (const block of blocks) a.get(block);
  a.get(out).call(hash4);
  a.get(lengths).const(16).add().set(lengths).get(salts).const(64).add().set(salts).get(out).const(128).add().set(out);
  a.get(sequence).const(4).add().set(sequence);
  a.get(count).const(4).sub().tee(count).repeat();
  a.end().get(data);
}

/** Of the JavaScript interface of WebAssembly what is used here; Node has it and @types/node does not declare it. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: object };
};

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  readonly nodes: (from: number, to: number, groups: number) => void;
  readonly leaves: (data: number, lengths: number, salts: number, sequence: number, count: number, out: number) => number;
}

let instance: Exports | undefined;
let view: Buffer = Buffer.alloc(0);

/** The module, compiled at first use, with memory for `bytes` beyond the slots. */
function lanes(bytes: number): Exports {
  instance ??= instantiate();
  const missing = ARENA + bytes - instance.memory.buffer.byteLength;
  if (missing > 0) instance.memory.grow(Math.ceil(missing / 65_536));
  if (view.buffer !== instance.memory.buffer) view = Buffer.from(instance.memory.buffer);
  return instance;
}

function instantiate(): Exports {
  const hash4 = new Assembler(9);
  emitHash4(hash4);
  const nodes = new Assembler(3);
  emitNodes(nodes, 0);
  const leaves = new Assembler(6);
  emitLeaves(leaves, 0);
  const bytes = Assembler.module([{ code: hash4, results: 0 }, { code: nodes, results: 0, name: 'nodes' }, { code: leaves, results: 1, name: 'leaves' }], 2);
  return new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports as unknown as Exports;
}

/** Replaces a level of hashes, laid end to end, by the nodes over its pairs. `pairs` must be a multiple of four. */
export function foldPairs(level: Buffer, pairs: number): void {
  const { nodes } = lanes(pairs * 64);
  for (const lane of [0, 1, 2, 3]) {
    const slot = SLOTS + lane * SLOT_BYTES;
    view.fill(0, slot, slot + 128);
    view[slot] = 1;
    view[slot + 65] = 0x80;
    view.writeUInt32BE(65 * 8, slot + 124);
  }
  level.copy(view, ARENA, 0, pairs * 64);
  nodes(ARENA, ARENA, pairs / 4);
  view.copy(level, 0, ARENA, ARENA + pairs * 32);
}

/**
 * The leaf hashes of a run's first `count` records, into `to` from `at`. Returns how many octets of data they took. `count`
 * must be a multiple of four, no length above {@link LANE_RECORD_MAX}, and the low 32 bits of the sequence must not wrap.
 */
export function hashLeaves(run: LeafRun, to: Buffer, at: number): number {
  const { count, data } = run;
  const [lengths, salts] = [ARENA, ARENA + count * 4];
  const [out, raw] = [salts + count * 16, salts + count * 48];
  const { leaves } = lanes(count * 52 + data.length);
  for (const lane of [0, 1, 2, 3]) {
    const slot = SLOTS + lane * SLOT_BYTES;
    view[slot] = 0;
    run.context.copy(view, slot + 17);
    view.writeUInt32BE(Math.floor(run.sequence / 0x1_0000_0000), slot + 49);
  }
  run.lengths.copy(view, lengths, 0, count * 4);
  run.salts.copy(view, salts, run.saltAt, run.saltAt + count * 16);
  data.copy(view, raw);
  const end = leaves(raw, lengths, salts, run.sequence % 0x1_0000_0000 | 0, count, out);
  view.copy(to, at, out, out + count * 32);
  return end - raw;
}
