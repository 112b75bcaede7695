// SPDX-License-Identifier: Apache-2.0
// The log from its leaves to its root: every bundle is hashed, every tile of every level is held against what lies below
// it, and the root against the checkpoint. One tile for each level is in memory.
import { edgeRoot } from '../log-tree.ts';
import { HASH_BYTES, leafHash, rootOf } from '../merkle.ts';
import type { Checkpoint } from '../note.ts';
import { TILE_WIDTH, bundlePath, tilePath } from '../tiles.ts';
import { firstDifference, visitEntries, type EntryVisitor } from './log-entries.ts';
import type { LogFiles } from './log-files.ts';
import type { Findings } from './verdict.ts';

const EMPTY = Buffer.alloc(0);
/** Bundles that are missing one after the other before the walk is given up: a forged checkpoint may tell of any size. */
const MISSING_MAX = 1000;

/** The unfinished tile of one level while the walk goes from left to right. */
interface Level {
  hashes: Buffer;
  /** Finished tiles of this level. */
  tiles: number;
  /** Some hash of the tile is not known, so it cannot be compared. */
  holes: boolean;
}

/**
 * Walks all entries that the checkpoint covers. Returns the roots of the older `sizes` as this store's hashes give them,
 * those that can be known.
 */
export function walkLog(files: LogFiles, checkpoint: Checkpoint, sizes: readonly number[], visit: EntryVisitor, findings: Findings): Map<number, Buffer> {
  const walk = new LogWalk(files, checkpoint, findings);
  const roots = new Map<number, Buffer>();
  const inBundle = Map.groupBy(sizes, (size) => Math.floor(size / TILE_WIDTH));
  const bundles = Math.ceil(checkpoint.size / TILE_WIDTH);
  for (let index = 0; index < bundles; index += 1) {
    if (walk.missing > MISSING_MAX) {
      findings.fail('log.bundle', `log/${bundlePath(index, TILE_WIDTH)}`, `is not looked for, nor are the ${bundles - index - 1} bundles after it: the ${MISSING_MAX} before it are missing`);
      return roots;
    }
    const width = Math.min(TILE_WIDTH, checkpoint.size - index * TILE_WIDTH);
    walk.bundle(index, width, visit, (leaves) => {
      if (!walk.isKnown) return;
      for (const size of inBundle.get(index) ?? []) roots.set(size, walk.rootWith(leaves.subarray(0, (size % TILE_WIDTH) * HASH_BYTES)));
    });
  }
  walk.end();
  return roots;
}

class LogWalk {
  readonly #files: LogFiles;
  readonly #size: number;
  readonly #root: Buffer;
  readonly #findings: Findings;
  /** From tile level 1 up. */
  readonly #levels: Level[] = [];
  /** Bundles in a row of which neither entries nor hashes are there. */
  missing = 0;
  #edge: Buffer = EMPTY;
  #known = true;

  constructor(files: LogFiles, checkpoint: Checkpoint, findings: Findings) {
    this.#files = files;
    this.#size = checkpoint.size;
    this.#root = checkpoint.root;
    this.#findings = findings;
  }

  bundle(index: number, width: number, visit: EntryVisitor, leavesKnown: (leaves: Buffer) => void): void {
    const entries = this.#files.bundle(index, width);
    const fromEntries = entries === null ? null : Buffer.concat(entries.map(leafHash));
    const leaves = this.#resolve(index, width, fromEntries, this.#files.tile(0, index, width));
    this.missing = leaves === null ? this.missing + 1 : 0;
    if (leaves !== null) leavesKnown(leaves);
    visitEntries(index * TILE_WIDTH, width, entries, fromEntries, leaves, visit);
    if (width < TILE_WIDTH) {
      this.#edge = leaves ?? EMPTY;
      this.#known &&= leaves !== null;
    } else {
      this.#push(1, leaves === null ? this.#parentHash(index) : rootOf(leaves));
    }
  }

  /** Which leaf hashes stand in the tree, when bundle and tile of level 0 disagree: those that lead to what lies above. */
  #resolve(index: number, width: number, entries: Buffer | null, tile: Buffer | null): Buffer | null {
    if (entries === null || tile === null || entries.equals(tile)) return entries ?? tile;
    const expected = width < TILE_WIDTH ? this.#root : this.#parentHash(index);
    const leadsUp = (leaves: Buffer): boolean => expected?.equals(width < TILE_WIDTH ? this.rootWith(leaves) : rootOf(leaves)) === true;
    const entry = index * TILE_WIDTH + firstDifference(entries, tile);
    const [fromTile, fromEntries] = [leadsUp(tile), leadsUp(entries)];
    if (!fromEntries) this.#findings.fail('log.bundle', `log/${bundlePath(index, width)}`, `entry ${entry} is not the one whose hash is in the tree`);
    if (!fromTile) this.#findings.fail('log.tile', `log/${tilePath(0, index, width)}`, `does not hold the hash of entry ${entry}`);
    return fromEntries ? entries : tile;
  }

  /** What the tile above says of the full tile `index` of level 0. */
  #parentHash(index: number): Buffer | null {
    const [parent, slot] = [Math.floor(index / TILE_WIDTH), index % TILE_WIDTH];
    return this.#files.tile(1, parent, this.#width(1, parent))?.subarray(slot * HASH_BYTES, (slot + 1) * HASH_BYTES) ?? null;
  }

  #width(level: number, index: number): number {
    return Math.min(TILE_WIDTH, Math.floor(this.#size / TILE_WIDTH ** level) - index * TILE_WIDTH);
  }

  #push(number: number, node: Buffer | null): void {
    const level = (this.#levels[number - 1] ??= { hashes: EMPTY, tiles: 0, holes: false });
    level.hashes = Buffer.concat([level.hashes, node ?? Buffer.alloc(HASH_BYTES)]);
    level.holes ||= node === null;
    if (level.hashes.length < TILE_WIDTH * HASH_BYTES) return;
    this.#compare(number, level);
    this.#push(number + 1, level.holes ? null : rootOf(level.hashes));
    this.#levels[number - 1] = { hashes: EMPTY, tiles: level.tiles + 1, holes: false };
  }

  /** Holds a tile of level 1 or above against the hashes of the tiles below it. */
  #compare(number: number, level: Level): void {
    const width = level.hashes.length / HASH_BYTES;
    const tile = this.#files.tile(number, level.tiles, width);
    if (tile === null || level.holes || tile.equals(level.hashes)) return;
    const slot = firstDifference(tile, level.hashes);
    this.#findings.fail('log.tile', `log/${tilePath(number, level.tiles, width)}`, `its hash ${slot} is not the root of the tile below it`);
  }

  /** Whether every hash so far is known. */
  get isKnown(): boolean {
    return this.#known && !this.#levels.some((level) => level.holes);
  }

  /** The root, if the hashes in `leaves` were the unfinished tile of level 0. */
  rootWith(leaves: Buffer): Buffer {
    return edgeRoot([leaves, ...this.#levels.map((level) => level.hashes)]);
  }

  end(): void {
    this.#levels.forEach((level, i) => {
      if (level.hashes.length > 0) this.#compare(i + 1, level);
    });
    if (this.isKnown && !this.rootWith(this.#edge).equals(this.#root)) {
      this.#findings.fail('log.root', 'log/checkpoint', `the ${this.#size} entries of the store have another root than the checkpoint`);
    }
  }
}
