// SPDX-License-Identifier: Apache-2.0
// What a closed segment holds in brief, docs/FORMAT.md ("Derived"): for each group of frames the facts of its contexts, so
// that a search for a source, a kind, a protocol or a stream opens few frames. Encrypted under the segment's data key: only
// who can read the segment can read it or make another one, and it goes when that key goes.
import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { ByteReader, ByteWriter, Refused } from '@strongroom/bytes';
import { KIND, NONCE_BYTES, contextParts, xaesOpen, xaesSeal, type BatchRun, type KindName, type XaesKey } from '@strongroom/evidence';

const MAGIC = Buffer.from('SRFILT1\n');
const LABEL = Buffer.from('strongroom filter v1');
/** A group ends with the frame that reaches one of these. */
const GROUP_BYTES = 4 * 1024 * 1024;
const GROUP_FRAMES = 4096;
/** Facts of one group, and of all: beyond, nothing is known of a group. */
const GROUP_FACTS_MAX = 8192;
const FACTS_MAX = 4 * 1024 * 1024;
const ANY = 0xffff_ffff;

/** What is looked for; one that is not given matches all. */
export interface Facts {
  readonly source?: string;
  readonly kind?: KindName;
  readonly protocol?: string;
  /** Hexadecimal. */
  readonly stream?: string;
}

const SEED = { source: crc32('source\0'), kind: crc32('kind\0'), protocol: crc32('protocol\0'), stream: crc32('stream\0') } as const;
const SLASH = 0x2f;

/** The facts that every context which answers must have, as numbers. */
export function factsOf({ source, kind, protocol, stream }: Facts): number[] {
  return [
    ...(source === undefined ? [] : [sourceFact(Buffer.from(source))]),
    ...(kind === undefined ? [] : [crc32(Buffer.of(KIND[kind]), SEED.kind)]),
    ...(protocol === undefined ? [] : [crc32(protocol, SEED.protocol)]),
    ...(stream === undefined ? [] : [crc32(Buffer.from(stream, 'hex'), SEED.stream)]),
  ];
}

/** By its last part, by which it may be asked for. */
function sourceFact(id: Buffer): number {
  return crc32(id.subarray(id.lastIndexOf(SLASH) + 1), SEED.source);
}

/** Gathers what a segment holds while it is written. */
export class FilterBuilder {
  readonly #groups: { readonly frames: number; readonly facts: Uint32Array | null }[] = [];
  #facts = new Set<number>();
  #inGroup = 0;
  #bytes = 0;
  #kept = 0;
  /** Frames that it knows, which are the first of the segment. */
  frames = 0;

  /** The next frame's runs. */
  add(runs: readonly Pick<BatchRun, 'context'>[], bytes: number): void {
    for (const run of runs) this.#context(run.context);
    this.frames += 1;
    this.#inGroup += 1;
    this.#bytes += bytes;
    if (this.#bytes >= GROUP_BYTES || this.#inGroup >= GROUP_FRAMES) this.#endGroup();
  }

  #context(context: Buffer): void {
    if (this.#facts.size > GROUP_FACTS_MAX) return;
    const { kind, source, protocol, stream } = contextParts(context);
    this.#facts.add(crc32(Buffer.of(kind), SEED.kind)).add(sourceFact(source)).add(crc32(protocol, SEED.protocol)).add(crc32(stream, SEED.stream));
  }

  #endGroup(): void {
    if (this.#inGroup === 0) return;
    const isKnown = this.#facts.size <= GROUP_FACTS_MAX && this.#kept + this.#facts.size <= FACTS_MAX;
    const facts = isKnown ? Uint32Array.from(this.#facts).sort() : null;
    this.#kept += facts?.length ?? 0;
    this.#groups.push({ frames: this.#inGroup, facts });
    this.#facts = new Set();
    this.#inGroup = 0;
    this.#bytes = 0;
  }

  /** The file's octets, for the segment of that id and header. */
  seal(key: XaesKey, segment: string, headerDigest: Buffer): Buffer {
    this.#endGroup();
    const plain = new ByteWriter(this.#kept * 4 + this.#groups.length * 8 + 8).u32(this.#groups.length);
    for (const { frames, facts } of this.#groups) {
      plain.u32(frames).u32(facts?.length ?? ANY);
      for (const fact of facts ?? []) plain.u32(fact);
    }
    const nonce = randomBytes(NONCE_BYTES);
    return Buffer.concat([MAGIC, nonce, xaesSeal(key, nonce, plain.finish(), additionalData(segment, headerDigest))]);
  }
}

function additionalData(segment: string, headerDigest: Buffer): Buffer {
  return Buffer.concat([LABEL, Buffer.from(segment, 'hex'), headerDigest]);
}

export class SegmentFilter {
  /** Frames [first, end) of each group; whether it holds the facts that are looked for. */
  readonly #groups: { readonly end: number; readonly holds: boolean }[] = [];

  private constructor(plain: Buffer, facts: readonly number[]) {
    const from = new ByteReader(plain);
    let end = 0;
    for (let left = from.u32(); left > 0; left -= 1) {
      end += from.u32();
      const count = from.u32();
      const held = count === ANY ? null : from.take(count * 4);
      this.#groups.push({ end, holds: held === null || facts.every((fact) => isIn(held, fact)) });
    }
    from.end();
  }

  /** Asked for these facts. Throws `Refused`: `filter.version`, `xaes.tag`, `bytes.*`. */
  static open(bytes: Buffer, key: XaesKey, segment: string, headerDigest: Buffer, facts: readonly number[]): SegmentFilter {
    const from = new ByteReader(bytes);
    if (!from.take(MAGIC.length).equals(MAGIC)) throw new Refused('filter.version', 'this is no filter of version 1');
    const nonce = from.take(NONCE_BYTES);
    return new SegmentFilter(xaesOpen(key, nonce, from.take(from.remaining), additionalData(segment, headerDigest)), facts);
  }

  /** Whether the frame may hold what answers; true of one that it does not know. */
  mayHold(frame: number): boolean {
    let [low, high] = [0, this.#groups.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#groups[middle]!.end <= frame) low = middle + 1;
      else high = middle;
    }
    return this.#groups[low]?.holds ?? true;
  }
}

/** In facts of 4 octets each, ascending. */
function isIn(facts: Buffer, fact: number): boolean {
  let [low, high] = [0, facts.length / 4];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const found = facts.readUInt32BE(middle * 4);
    if (found === fact) return true;
    if (found < fact) low = middle + 1;
    else high = middle;
  }
  return false;
}
