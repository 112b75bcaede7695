// SPDX-License-Identifier: Apache-2.0
// Tiles and entry bundles of a log, as verification reads them.
import { LogTree } from '../log-tree.ts';
import { HASH_BYTES } from '../merkle.ts';
import { ENTRY_BYTES_MAX, TILE_WIDTH, bundlePath, decodeBundle, edgeOf, encodeBundle, tilePath } from '../tiles.ts';
import type { GuardedReader } from './store-reader.ts';
import { reason, type FailureCode, type Findings } from './verdict.ts';

const BUNDLE_BYTES_MAX = TILE_WIDTH * (ENTRY_BYTES_MAX + 2);
/** A live vault may replace the file between listing and reading. */
const ATTEMPTS = 5;

/** Reads what a checkpoint of a certain size needs; holds one tile for each level and one bundle. */
export class LogFiles {
  readonly #reader: GuardedReader;
  readonly #findings: Findings;
  readonly #moved: () => boolean;
  readonly #tiles = new Map<number, { path: string; bytes: Buffer | null }>();
  #bundle: { path: string; entries: Buffer[] | null } = { path: '', entries: null };

  /** `moved` tells whether the vault has published a longer log meanwhile: then partial tiles may have been superseded. */
  constructor(reader: GuardedReader, findings: Findings, moved: () => boolean) {
    this.#reader = reader;
    this.#findings = findings;
    this.#moved = moved;
  }

  /** `width` hashes end to end, or null; a missing or misshapen file is a failure, named once. */
  tile(level: number, index: number, width: number): Buffer | null {
    const path = tilePath(level, index, width);
    const held = this.#tiles.get(level);
    if (held?.path === path) return held.bytes;
    const bytes = this.#readTile(path, width);
    this.#tiles.set(level, { path, bytes });
    return bytes;
  }

  #readTile(path: string, width: number): Buffer | null {
    const found = this.#read(path, TILE_WIDTH * HASH_BYTES, 'log.tile');
    if (found === null) return null;
    const length = width * HASH_BYTES;
    if (found.bytes.length === length || (found.wider && found.bytes.length > length)) return found.bytes.subarray(0, length);
    this.#findings.fail('log.tile', `log/${path}`, `has ${found.bytes.length} octets instead of ${length}`);
    return null;
  }

  /** The entries of a bundle, or null; failures as for tiles. */
  bundle(index: number, width: number): Buffer[] | null {
    const path = bundlePath(index, width);
    if (this.#bundle.path !== path) this.#bundle = { path, entries: this.#readBundle(path, width) };
    return this.#bundle.entries;
  }

  #readBundle(path: string, width: number): Buffer[] | null {
    const found = this.#read(path, BUNDLE_BYTES_MAX, 'log.bundle');
    if (found === null) return null;
    try {
      return decodeBundle(found.wider ? firstEntries(found.bytes, width) : found.bytes, width);
    } catch (error) {
      this.#findings.fail('log.bundle', `log/${path}`, reason(error));
      return null;
    }
  }

  /** The tree of an older `size` from the files of the present one; null when some are no good. */
  treeAt(size: number, present: number): LogTree | null {
    const files = new Map<string, Buffer>();
    for (const { level, index, width } of edgeOf(size)) {
      const wide = Math.min(TILE_WIDTH, Math.floor(present / TILE_WIDTH ** level) - index * TILE_WIDTH);
      const tile = wide < width ? null : this.tile(level, index, wide);
      const entries = level > 0 || wide < width ? [] : this.bundle(index, wide);
      if (tile === null || entries === null) return null;
      files.set(tilePath(level, index, width), tile.subarray(0, width * HASH_BYTES));
      if (level === 0) files.set(bundlePath(index, width), encodeBundle(entries.slice(0, width)));
    }
    return LogTree.load(size, (path) => files.get(path)!);
  }

  /** A partial file that was superseded is cut from its successor; on a store that stands still its absence is a failure. */
  #read(path: string, limit: number, code: FailureCode): { bytes: Buffer; wider: boolean } | null {
    let successor: Buffer | null = null;
    for (let attempt = 0; attempt < ATTEMPTS && successor === null; attempt += 1) {
      const exact = this.#reader.readFile(`log/${path}`, limit);
      if (exact !== null) return { bytes: exact, wider: false };
      successor = this.#successor(path, limit);
    }
    if (successor === null || !this.#moved()) this.#findings.fail(code, `log/${path}`, 'is missing, and the checkpoint needs it');
    return successor === null ? null : { bytes: successor, wider: true };
  }

  #successor(path: string, limit: number): Buffer | null {
    const [full, width] = path.split('.p/');
    if (width === undefined) return null;
    const wider = this.#reader.list(`log/${full}.p`).filter((name) => /^[1-9][0-9]{0,2}$/.test(name) && Number(name) > Number(width));
    const names = [...wider.map((name) => `log/${full}.p/${name}`), `log/${full}`];
    for (const name of names) {
      const bytes = this.#reader.readFile(name, limit);
      if (bytes !== null) return bytes;
    }
    return null;
  }
}

/** The first `count` entries of a wider bundle; what is cut off or malformed is left to the decoder. */
function firstEntries(bundle: Buffer, count: number): Buffer {
  let at = 0;
  for (let i = 0; i < count && at + 2 <= bundle.length; i += 1) at += 2 + bundle.readUInt16BE(at);
  return bundle.subarray(0, at);
}
