// SPDX-License-Identifier: Apache-2.0
// Whether store/log is a tlog-tiles log at this instant: the checkpoint's tiles and bundles are there and lead to its root.
import { LogTree, TILE_WIDTH, bundlePath, decodeBundle, linkRotations, openCheckpoint, readRotation, tilePath, tilesOf, type LogKey, type NoteKey } from '@strongroom/evidence';
import type { Layout } from '@strongroom/service';
import type { DiskImage } from '@strongroom/testing';
import { Violation } from './violation.ts';

/** Holds a log directory to its checkpoint, as often as something in it changes. */
export class TilesHold {
  readonly #paths: Pick<Layout, 'log' | 'rotations'>;
  readonly #key: NoteKey;
  #note = '';
  #linked: { readonly by: string; readonly keys: LogKey } | undefined;
  /** Every file that {@link #note} covers, with what must be in it. */
  #covered = new Map<string, Buffer>();

  constructor(paths: Pick<Layout, 'log' | 'rotations'>, key: NoteKey) {
    [this.#paths, this.#key] = [paths, key];
  }

  /** Returns the checkpoint, or null before the first. Throws `Violation`. */
  check(image: DiskImage): string | null {
    const note = this.#read(image, 'checkpoint')?.toString();
    if (note === undefined) return null;
    if (note !== this.#note) {
      this.#covered = this.#coveredBy(image, note);
      this.#note = note;
      return note;
    }
    for (const [path, bytes] of this.#covered) if (this.#read(image, path)?.equals(bytes) !== true) throw new Violation(`${path} is missing or changed, which the checkpoint covers`);
    return note;
  }

  #read(image: DiskImage, path: string): Buffer | null {
    const found = image.find(`${this.#paths.log}/${path}`);
    return found?.kind === 'file' ? found.cache : null;
  }

  /** The first key, and those to which what lies in the store leads; judged again when that is another. */
  #keys(image: DiskImage): LogKey {
    const texts = [...image.files(this.#paths.rotations)].filter(([path]) => path.endsWith('.tlog-proof')).map(([, { cache }]) => cache.toString());
    if (this.#linked?.by !== texts.join('')) this.#linked = { by: texts.join(''), keys: linkRotations(this.#key, texts.map(readRotation)) };
    return this.#linked.keys;
  }

  #coveredBy(image: DiskImage, note: string): Map<string, Buffer> {
    const { size, root } = opened(note, this.#keys(image));
    const covered = new Map<string, Buffer>();
    const take = (path: string): Buffer => {
      const bytes = this.#read(image, path);
      if (bytes === null) throw new Violation(`${path} is missing, which the checkpoint of ${size} entries covers`);
      covered.set(path, bytes);
      return bytes;
    };
    const tree = new LogTree();
    for (let bundle = 0; bundle * TILE_WIDTH < size; bundle += 1) {
      const width = Math.min(TILE_WIDTH, size - bundle * TILE_WIDTH);
      for (const entry of decodeBundle(take(bundlePath(bundle, width)), width)) tree.append(entry);
    }
    if (!tree.root().equals(root)) throw new Violation(`the bundles of ${size} entries have another root than the checkpoint`);
    const right = new Map(tree.takeFiles().map(({ path, bytes }) => [path, bytes]));
    for (const { level, index, width } of tilesOf(size)) {
      const path = tilePath(level, index, width);
      if (!take(path).equals(right.get(path) ?? Buffer.alloc(0))) throw new Violation(`${path} is not what the entries make`);
    }
    return covered;
  }
}

function opened(note: string, key: LogKey): { size: number; root: Buffer } {
  try {
    return openCheckpoint(note, key);
  } catch (error) {
    throw new Violation(`the published checkpoint is none: ${(error as Error).message}: ${JSON.stringify(note.slice(0, 80))}`);
  }
}
