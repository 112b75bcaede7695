// SPDX-License-Identifier: Apache-2.0
// store/log: a C2SP tlog-tiles directory that conforms at every instant.
import { join } from 'node:path';
import { Failed } from '@strongroom/bytes';
import { LogTree, TILE_WIDTH, type LogFile } from '@strongroom/evidence';
import { FileTree, listDirectory, readWhole, type Disk } from '../disk.ts';

const READ_ATTEMPTS = 3;

export class LogDirectory {
  readonly #disk: Disk;
  readonly #path: string;
  readonly #files: FileTree;

  constructor(disk: Disk, path: string) {
    [this.#disk, this.#path, this.#files] = [disk, path, new FileTree(disk, path)];
  }

  /** The published checkpoint, or null before the first. */
  checkpoint(): string | null {
    return readWhole(this.#disk, join(this.#path, 'checkpoint'))?.toString() ?? null;
  }

  /** The tree as of `size`, which may be older than what is published. */
  tree(size: number): LogTree {
    return LogTree.load(size, (path) => this.read(path));
  }

  /**
   * Order, and what a crash leaves: 1. tiles and bundles, each durable (files that the old checkpoint does not need);
   * 2. the checkpoint (the new one, whole, with all that it covers); 3. superseded partial tiles go (some may stay until
   * the next time).
   */
  async publish(files: readonly LogFile[], checkpoint: string): Promise<void> {
    for (const file of files) await this.#files.put(join(this.#path, file.path), file.bytes);
    await this.#files.put(join(this.#path, 'checkpoint'), checkpoint);
    for (const file of files) await this.#removeSuperseded(file.path);
  }

  async #removeSuperseded(path: string): Promise<void> {
    const [full, width] = path.split('.p/');
    const partials = join(this.#path, `${full}.p`);
    if (width === undefined) return this.#files.remove(partials);
    for (const other of listDirectory(this.#disk, partials)) if (Number(other) < Number(width)) await this.#files.remove(join(partials, other));
  }

  /** A tile or bundle; a partial one that was superseded is cut from the wider one. Throws `Failed('vault.log-damaged')`. */
  read(path: string): Buffer {
    // While the log is published the wider one can be superseded too, between its name and its bytes.
    for (let attempt = 0; attempt < READ_ATTEMPTS; attempt += 1) {
      const found = this.#find(path);
      if (found !== null) return found;
    }
    throw missing(path);
  }

  #find(path: string): Buffer | null {
    const exact = readWhole(this.#disk, join(this.#path, path));
    if (exact !== null) return exact;
    const [full, width] = path.split('.p/');
    const wider = listDirectory(this.#disk, join(this.#path, `${full}.p`)).map(Number).filter((other) => other > Number(width)).sort((a, b) => a - b)[0];
    const found = readWhole(this.#disk, join(this.#path, wider === undefined ? full! : `${full}.p/${wider}`));
    if (found === null || width === undefined) return null;
    return path.startsWith('tile/entries/') ? firstEntries(found, Number(width)) : found.subarray(0, Number(width) * 32);
  }
}

function firstEntries(bundle: Buffer, count: number): Buffer {
  let at = 0;
  for (let i = 0; i < Math.min(count, TILE_WIDTH) && at + 2 <= bundle.length; i += 1) at += 2 + bundle.readUInt16BE(at);
  return bundle.subarray(0, at);
}

function missing(path: string): Failed {
  return new Failed('vault.log-damaged', `store/log/${path} is missing`, { why: 'the published checkpoint covers it', fix: 'run "strongroom verify" to see all damage, and restore the store from a snapshot' });
}
