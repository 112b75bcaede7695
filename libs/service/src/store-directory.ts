// SPDX-License-Identifier: Apache-2.0
// A store on disk, for verification. It may come from anyone: nothing but regular files is read, and none that is a
// symbolic link.
import { closeSync, constants, fstatSync, lstatSync, openSync, readSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { StoreReader } from '@strongroom/evidence';

/** Without O_NONBLOCK a FIFO in place of a file would wait for ever. */
const OPEN = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const OPEN_FILES_MAX = 16;

/** Reads a store; files stay open while they are used much. Close it when done. Throws errors of the file system, but not of absence. */
export class StoreDirectory implements StoreReader {
  readonly #root: string;
  readonly #open = new Map<string, number>();

  constructor(root: string) {
    this.#root = root;
  }

  readFile(path: string): Buffer | null {
    const size = this.sizeOf(path);
    return size === null ? null : this.#once(path, (fd) => readFully(fd, 0, size));
  }

  readAt(path: string, offset: number, length: number): Buffer | null {
    const fd = this.#kept(path);
    return fd === null ? null : readFully(fd, offset, length);
  }

  list(directory: string): string[] {
    const entries = orAbsent([], () => readdirSync(join(this.#root, directory), { withFileTypes: true }));
    return entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name)).sort();
  }

  sizeOf(path: string): number | null {
    return orAbsent(null, () => {
      const facts = lstatSync(join(this.#root, path));
      return facts.isFile() ? facts.size : null;
    });
  }

  close(): void {
    for (const fd of this.#open.values()) closeSync(fd);
    this.#open.clear();
  }

  /** Small files that are replaced by renaming: opened anew each time. */
  #once<T>(path: string, use: (fd: number) => T): T | null {
    const fd = openRegular(join(this.#root, path));
    if (fd === null) return null;
    try {
      return use(fd);
    } finally {
      closeSync(fd);
    }
  }

  /** Files that only grow: the one that was used longest ago makes room. */
  #kept(path: string): number | null {
    const held = this.#open.get(path);
    const fd = held ?? openRegular(join(this.#root, path));
    if (fd === null) return null;
    this.#open.delete(path);
    this.#open.set(path, fd);
    const [oldest] = this.#open;
    if (this.#open.size > OPEN_FILES_MAX && oldest !== undefined) {
      closeSync(oldest[1]);
      this.#open.delete(oldest[0]);
    }
    return fd;
  }
}

function openRegular(path: string): number | null {
  const fd = orAbsent(null, () => openSync(path, OPEN));
  if (fd === null || fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  return null;
}

function readFully(fd: number, offset: number, length: number): Buffer {
  // Never more than the file has: the length may be what a forged entry says.
  const bytes = Buffer.allocUnsafeSlow(Math.max(0, Math.min(length, fstatSync(fd).size - offset)));
  let at = 0;
  while (at < bytes.length) {
    const count = readSync(fd, bytes, at, bytes.length - at, offset + at);
    if (count === 0) break;
    at += count;
  }
  return bytes.subarray(0, at);
}

/** A symbolic link in place of a file (ELOOP) is as good as nothing. */
function orAbsent<T>(absent: T, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP') return absent;
    throw error;
  }
}
