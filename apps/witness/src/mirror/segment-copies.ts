// SPDX-License-Identifier: Apache-2.0
// Copies of a store's segments. What belongs into them is told by the entries of its log, piece by piece with its hash: the
// header, each frame, and at the end what a closing entry says of the whole. Nothing is kept that does not hash to that.
import { createHash, hash } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { Refused } from '@strongroom/bytes';
import { decodeEntry, inRanges, type Entry } from '@strongroom/evidence';
import { syncDirectory, writeDurably } from '@strongroom/service';

/** Longest piece that is taken: a frame of the largest batch. */
const PIECE_BYTES_MAX = 96 * 1024 * 1024;
/** Octets of one upload, unless its only piece has more. */
const UPLOAD_BYTES = 8 * 1024 * 1024;
const WANTED_MAX = 64;

/** Octets [from, to) of a segment, by the entry with this index. */
interface Piece {
  readonly index: number;
  readonly from: number;
  readonly to: number;
  /** Of these octets; for the last piece of a closed segment of all of it. */
  readonly digest: Buffer;
  readonly isClose: boolean;
}

interface Copy {
  /** Octets that are here, durable, and what the log says. */
  stored: number;
  readonly pieces: Piece[];
  /** The index of the closing entry that it was held against. */
  closedBy: number | null;
}

export interface Wanted {
  readonly segment: string;
  readonly from: number;
  readonly to: number;
}

export class SegmentCopies {
  readonly #directory: string;
  readonly #copies = new Map<string, Copy>();

  constructor(directory: string) {
    this.#directory = directory;
    mkdirSync(join(directory, 'segments'), { recursive: true, mode: 0o755 });
    if (!existsSync(join(directory, 'mirror'))) writeFileSync(join(directory, 'mirror'), marker({}), { mode: 0o644 });
    for (const [segment, stored] of Object.entries(this.#readLengths())) this.#copies.set(segment, { stored, pieces: [], closedBy: null });
  }

  /** An entry that the mirror's checkpoint does not cover yet. What is no entry of a store asks for nothing. */
  entry(index: number, bytes: Buffer): void {
    const entry = tryDecode(bytes);
    if (entry?.kind === 'batch') {
      const copy = this.#copy(entry.segment);
      if (entry.frame === 0) this.#expect(copy, { index, from: 0, to: entry.offset, digest: entry.header, isClose: false });
      this.#expect(copy, { index, from: entry.offset, to: entry.offset + entry.length, digest: entry.digest, isClose: false });
    } else if (entry?.kind === 'close') {
      const copy = this.#copy(entry.segment);
      this.#expect(copy, { index, from: copy.pieces.at(-1)?.to ?? copy.stored, to: entry.length, digest: entry.digest, isClose: true });
    } else if (entry?.kind === 'destroy') {
      // What two custodians had destroyed can be had no more; the log says so, and so does whoever verifies the copy.
      for (const [segment, copy] of this.#copies) if (inRanges(entry.segments, segment)) copy.pieces.length = 0;
    }
  }

  #copy(segment: string): Copy {
    const copy = this.#copies.get(segment) ?? { stored: 0, pieces: [], closedBy: null };
    this.#copies.set(segment, copy);
    return copy;
  }

  #expect(copy: Copy, piece: Piece): void {
    if (piece.to > copy.stored || piece.isClose) copy.pieces.push(piece);
  }

  /** Whether all is here that the first `size` entries tell of. */
  isComplete(size: number): boolean {
    return [...this.#copies.values()].every(({ pieces }) => pieces.every(({ index }) => index >= size));
  }

  /** The mirror's checkpoint covers `size` entries: segments that were closed before need not be remembered. */
  async committed(size: number): Promise<void> {
    const closed = [...this.#copies].filter(([, { closedBy, pieces }]) => closedBy !== null && closedBy < size && pieces.length === 0);
    if (closed.length === 0) return;
    for (const [segment] of closed) this.#copies.delete(segment);
    await this.#keepLengths({});
  }

  /** What is missing next, of at most so many segments. */
  wanted(): Wanted[] {
    const wanted: Wanted[] = [];
    for (const [segment, { stored, pieces }] of this.#copies) {
      if (wanted.length >= WANTED_MAX) break;
      const fitting = pieces.filter(({ to }, i) => i === 0 || to - stored <= UPLOAD_BYTES);
      const last = fitting.at(-1);
      if (last !== undefined) wanted.push({ segment, from: stored, to: last.to });
    }
    return wanted;
  }

  /**
   * Takes octets of a segment from where it ends. Order: appended and synced; then how long it is; a crash in between
   * leaves a tail that the next life cuts off. Throws `Refused`: `mirror.offset`, `mirror.piece`.
   */
  async take(segment: string, from: number, octets: (count: number) => Promise<Buffer | null>): Promise<number> {
    const copy = this.#copies.get(segment);
    if (copy === undefined || copy.pieces.length === 0 || from !== copy.stored) throw new Refused('mirror.offset', 'these octets are not what is missing', { why: `${copy?.stored ?? 0} octets of the segment are here` });
    const file = await open(join(this.#directory, 'segments', `${segment}.seg`), existsSync(join(this.#directory, 'segments', `${segment}.seg`)) ? 'r+' : 'w+', 0o644);
    try {
      await file.truncate(copy.stored);
      let at = copy.stored;
      let done = 0;
      for (const piece of copy.pieces) {
        if (piece.to - at > PIECE_BYTES_MAX) throw new Refused('mirror.piece', 'a piece of the segment is too long', { why: `${piece.to - at} octets, the limit is ${PIECE_BYTES_MAX}` });
        const bytes = piece.to > at ? await octets(piece.to - at) : Buffer.alloc(0);
        if (bytes === null) break;
        if (!(await this.#isWhat(segment, piece, bytes, at))) throw new Refused('mirror.piece', 'these octets are not what the log says of them', { why: `octets ${at} to ${piece.to} of segment ${segment}` });
        await file.write(bytes, 0, bytes.length, at);
        at = Math.max(at, piece.to);
        done += 1;
      }
      await file.sync();
      await syncDirectory(join(this.#directory, 'segments'));
      await this.#keepLengths({ [segment]: at });
      copy.stored = at;
      const last = copy.pieces.splice(0, done).at(-1);
      if (last?.isClose === true) copy.closedBy = last.index;
      return at;
    } finally {
      await file.close();
    }
  }

  async #isWhat(segment: string, piece: Piece, bytes: Buffer, at: number): Promise<boolean> {
    if (!piece.isClose) return hash('sha256', bytes, 'buffer').equals(piece.digest);
    const digest = createHash('sha256');
    if (at > 0) for await (const part of createReadStream(join(this.#directory, 'segments', `${segment}.seg`), { end: at - 1 })) digest.update(part as Buffer);
    return digest.update(bytes).digest().equals(piece.digest);
  }

  #readLengths(): Record<string, number> {
    return (JSON.parse(readFileSync(join(this.#directory, 'mirror'), 'utf8')) as { lengths: Record<string, number> }).lengths;
  }

  async #keepLengths(changed: Readonly<Record<string, number>>): Promise<void> {
    const kept = Object.entries({ ...this.#readLengths(), ...changed }).filter(([segment]) => this.#copies.has(segment));
    await writeDurably(join(this.#directory, 'mirror'), marker(Object.fromEntries(kept)), 0o644);
  }
}

/** What says that the directory is a mirror's, and how long the segments are that grow. */
function marker(lengths: Readonly<Record<string, number>>): string {
  return `${JSON.stringify({ format: 'strongroom mirror v1', lengths })}\n`;
}

function tryDecode(bytes: Buffer): Entry | null {
  try {
    return decodeEntry(bytes);
  } catch {
    return null;
  }
}
