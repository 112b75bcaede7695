// SPDX-License-Identifier: Apache-2.0
// The right edge of the log's tree: what must be kept in memory to append, to know the root, and to write tiles.
import { Refused, invariant } from '@strongroom/bytes';
import { entryPath } from './log-proof.ts';
import { EMPTY_ROOT, HASH_BYTES, leafHash, rootOf } from './merkle.ts';
import { ENTRY_BYTES_MAX, TILE_WIDTH, bundlePath, decodeBundle, edgeOf, encodeBundle, tilePath } from './tiles.ts';

export interface LogFile {
  readonly path: string;
  readonly bytes: Buffer;
}

/** Bounded: at most 255 hashes for each level, and the entries of one bundle beside those not yet taken as files. */
export class LogTree {
  #size = 0;
  /** For each tile level the hashes of its unfinished tile. */
  readonly #levels: Buffer[][] = [];
  #bundle: Buffer[] = [];
  #finished: LogFile[] = [];

  /**
   * The tree as its tiles tell: `read` gives the bytes of a tile or bundle path, relative to the log's directory.
   * Throws `Refused`: `tiles.tile`, `tiles.bundle`, `bytes.*` when a file does not have its width.
   */
  static load(size: number, read: (path: string) => Buffer): LogTree {
    const tree = new LogTree();
    tree.#size = size;
    for (const { level, index, width } of edgeOf(size)) {
      tree.#levels[level] = split(read(tilePath(level, index, width)), width);
      if (level === 0) tree.#bundle = decodeBundle(read(bundlePath(index, width)), width);
    }
    // A level whose last tile is full has nothing at its edge.
    for (let level = 0; level < tree.#levels.length; level += 1) tree.#levels[level] ??= [];
    return tree;
  }

  /** A tree of its own with the same content: what a cycle appends to until it is committed. */
  clone(): LogTree {
    const tree = new LogTree();
    tree.#size = this.#size;
    tree.#levels.push(...this.#levels.map((hashes) => [...hashes]));
    tree.#bundle = [...this.#bundle];
    tree.#finished = [...this.#finished];
    return tree;
  }

  get size(): number {
    return this.#size;
  }

  append(entry: Buffer): void {
    invariant(entry.length <= ENTRY_BYTES_MAX, 'log.entry-too-long', `an entry has ${entry.length} octets`);
    this.#bundle.push(entry);
    if (this.#bundle.length === TILE_WIDTH) {
      this.#finished.push({ path: bundlePath(Math.floor(this.#size / TILE_WIDTH), TILE_WIDTH), bytes: encodeBundle(this.#bundle) });
      this.#bundle = [];
    }
    this.#push(0, leafHash(entry), this.#size);
    this.#size += 1;
  }

  #push(level: number, node: Buffer, position: number): void {
    const hashes = (this.#levels[level] ??= []);
    hashes.push(node);
    if (hashes.length < TILE_WIDTH) return;
    const tile = Buffer.concat(hashes);
    const index = Math.floor(position / TILE_WIDTH);
    this.#finished.push({ path: tilePath(level, index, TILE_WIDTH), bytes: tile });
    this.#levels[level] = [];
    this.#push(level + 1, rootOf(tile), index);
  }

  root(): Buffer {
    return edgeRoot(this.#levels.map((hashes) => Buffer.concat(hashes)));
  }

  /** The audit path of the last entry, as long as the tiles that it finished were not taken as files. */
  lastEntryPath(): Buffer[] {
    const tiles = new Map(this.clone().takeFiles().map(({ path, bytes }) => [path, bytes]));
    return entryPath(this.#size - 1, this.#size, ({ level, index, width }) => tiles.get(tilePath(level, index, width))!);
  }

  /** Full tiles and bundles since the last call, and the partial ones of now. A checkpoint may follow once they are written. */
  takeFiles(): LogFile[] {
    const files = this.#finished;
    this.#finished = [];
    for (const { level, index, width } of edgeOf(this.#size)) {
      files.push({ path: tilePath(level, index, width), bytes: Buffer.concat(this.#levels[level]!) });
      if (level === 0) files.push({ path: bundlePath(index, width), bytes: encodeBundle(this.#bundle) });
    }
    return files;
  }
}

/**
 * The tree head from the unfinished tiles of all levels, each its hashes laid end to end: what is right of a level's last
 * hash is the head over the level below, and stands as one more node, because finished tiles are perfect subtrees.
 */
export function edgeRoot(levels: readonly Buffer[]): Buffer {
  let right: Buffer | undefined;
  for (const level of levels) {
    const nodes = right === undefined ? level : Buffer.concat([level, right]);
    if (nodes.length > 0) right = rootOf(nodes);
  }
  return right ?? EMPTY_ROOT;
}

function split(tile: Buffer, width: number): Buffer[] {
  if (tile.length !== width * HASH_BYTES) throw new Refused('tiles.tile', `a tile of width ${width} has ${tile.length} octets`);
  return Array.from({ length: width }, (_, i) => tile.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES));
}
