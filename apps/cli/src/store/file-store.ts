// SPDX-License-Identifier: Apache-2.0
// A store on disk, as verification and snapshots read it. The store may be hostile, a copy that came from anywhere:
// only regular files are read, and no symbolic link is followed out of it.
import { closeSync, constants, fstatSync, lstatSync, openSync, readdirSync, readSync, type Dirent, type Stats } from 'node:fs';
import { dirname, join } from 'node:path';
import { Failed } from '@strongroom/bytes';
import type { StoreReader } from '@strongroom/evidence';

/** A FIFO would block the opening; a link would lead away. */
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

export class FileStore implements StoreReader {
  readonly #root: string;
  readonly #directories = new Set<string>(['.']);
  /** The file that was read last: segments are read in many pieces. */
  #held: { readonly path: string; readonly fd: number } | undefined;

  constructor(root: string) {
    this.#root = root;
  }

  readFile(path: string): Buffer | null {
    const fd = this.#open(path);
    if (fd === null) return null;
    try {
      return readUpTo(fd, 0, fstatSync(fd).size);
    } finally {
      closeSync(fd);
    }
  }

  readAt(path: string, offset: number, length: number): Buffer | null {
    if (this.#held?.path !== path) {
      const fd = this.#open(path);
      if (fd === null) return null;
      this.close();
      this.#held = { path, fd };
    }
    return readUpTo(this.#held!.fd, offset, length);
  }

  list(directory: string): readonly string[] {
    if (!this.#isDirectory(directory)) return [];
    return entriesOf(join(this.#root, directory)).map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name));
  }

  sizeOf(path: string): number | null {
    const facts = this.#isDirectory(dirname(path)) ? factsOf(join(this.#root, path)) : null;
    if (facts === null) return null;
    if (!facts.isFile()) throw notRegular(path);
    return facts.size;
  }

  /** Closes what is held open; reading may go on afterwards. */
  close(): void {
    if (this.#held !== undefined) closeSync(this.#held.fd);
    this.#held = undefined;
  }

  #open(path: string): number | null {
    if (!this.#isDirectory(dirname(path))) return null;
    const fd = openOrNull(join(this.#root, path));
    if (fd === null || fstatSync(fd).isFile()) return fd;
    closeSync(fd);
    throw notRegular(path);
  }

  /** Every directory on the way is looked at once. */
  #isDirectory(path: string): boolean {
    if (this.#directories.has(path)) return true;
    if (!this.#isDirectory(dirname(path))) return false;
    const facts = factsOf(join(this.#root, path));
    if (facts === null) return false;
    if (!facts.isDirectory()) throw new Failed('store.not-a-directory', `${path} is no directory`);
    this.#directories.add(path);
    return true;
  }
}

function openOrNull(path: string): number | null {
  try {
    return openSync(path, OPEN_FLAGS);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** None when a live vault has removed the directory meanwhile. */
function entriesOf(path: string): Dirent[] {
  try {
    return readdirSync(path, { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function factsOf(path: string): Stats | null {
  return lstatSync(path, { throwIfNoEntry: false }) ?? null;
}

function notRegular(path: string): Failed {
  return new Failed('store.not-a-file', `${path} is no regular file`);
}

/** Fewer octets where the file ends earlier. */
function readUpTo(fd: number, offset: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const read = readSync(fd, bytes, filled, length - filled, offset + filled);
    if (read === 0) break;
    filled += read;
  }
  return bytes.subarray(0, filled);
}
