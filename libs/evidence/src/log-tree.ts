// SPDX-License-Identifier: Apache-2.0
// The right edge of the log's tree: what must be kept in memory to append, to know the root, and to write tiles.
import { invariant } from '@strongroom/bytes';
import { EMPTY_ROOT, leafHash, nodeHash, rootOf } from './merkle.ts';
import { ENTRY_BYTES_MAX, TILE_WIDTH, bundlePath, edgeOf, encodeBundle, tilePath } from './tiles.ts';

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

  /** The tree as its tiles tell: `read` gives the bytes of a tile or bundle path, relative to the log's directory. */
  static load(size: number, read: (path: string) => Buffer): LogTree {
    const tree = new LogTree();
    tree.#size = size;
    for (const { level, index, width } of edgeOf(size)) {
      tree.#levels[level] = split(read(tilePath(level, index, width)), width);
      if (level === 0) tree.#bundle = splitBundle(read(bundlePath(index, width)));
    }
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
    let right: Buffer | undefined;
    for (const hashes of this.#levels) {
      for (const subtree of perfectSubtrees(hashes).reverse()) right = right === undefined ? subtree : nodeHash(subtree, right);
    }
    return right ?? EMPTY_ROOT;
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

function split(tile: Buffer, width: number): Buffer[] {
  invariant(tile.length === width * 32, 'log.tile-size', `a tile of width ${width} has ${tile.length} octets`);
  return Array.from({ length: width }, (_, i) => tile.subarray(i * 32, i * 32 + 32));
}

function splitBundle(bytes: Buffer): Buffer[] {
  const entries: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt16BE(at);
    entries.push(bytes.subarray(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return entries;
}

/** Roots over the binary decomposition of a run of nodes, largest first. */
function perfectSubtrees(hashes: readonly Buffer[]): Buffer[] {
  const roots: Buffer[] = [];
  for (let at = 0, width = TILE_WIDTH / 2; width > 0; width /= 2) {
    if ((hashes.length & width) === 0) continue;
    roots.push(rootOf(Buffer.concat(hashes.slice(at, at + width))));
    at += width;
  }
  return roots;
}
