// SPDX-License-Identifier: Apache-2.0
// The checksum database, a line for each closed segment. It may lie on another volume, which can be away, or hang: so it is
// touched by the upkeep thread alone, and nothing that seals waits for it.
import { closeSync, constants, fstatSync, fsyncSync, ftruncateSync, openSync, readSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { parseChecksums, type Checksum, type CloseEntry } from '@strongroom/evidence';

/** What it does to a disk, with the names of `node:fs`: nobody else waits in the thread that it is touched by. */
export interface ChecksumDisk {
  statSync(path: string): { readonly size: number; readonly dev: number };
  openSync(path: string, flags: number, mode?: number): number;
  fstatSync(fd: number): { readonly size: number };
  readSync(fd: number, into: Buffer, offset: number, length: number, position: number | null): number;
  ftruncateSync(fd: number, length: number): void;
  writeSync(fd: number, text: string): number;
  fsyncSync(fd: number): void;
  closeSync(fd: number): void;
}

const SYSTEM: ChecksumDisk = { statSync: (path) => statSync(path), openSync, fstatSync, readSync, ftruncateSync, writeSync, fsyncSync, closeSync };
const MODE = 0o640;
const GROW = constants.O_RDWR | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW;
/** A line that was written just before a crash stands in the file's end; one that stands twice does no harm. */
const TAIL_BYTES = 4096;
const PIECE_BYTES = 1024 * 1024;
const LINE_BYTES = 128;
const LINE = /^[0-9a-f]{64} {2}[0-9a-f]{16} {2}[0-9]{1,16}$/;

export class ChecksumFile {
  readonly path: string;
  readonly #directory: string;
  readonly #disk: ChecksumDisk;

  /** The directory is never made here: where a volume is not mounted, its place must not be written to. */
  constructor(directory: string, disk: ChecksumDisk = SYSTEM) {
    [this.#directory, this.#disk] = [directory, disk];
    this.path = join(directory, 'checksums');
  }

  /** Octets; 0 where there is no file yet. Throws when the directory is not there. */
  get bytes(): number {
    this.#disk.statSync(this.#directory);
    return this.#found(this.path)?.size ?? 0;
  }

  /** Whether one failure of a file system would take the store and this; null while this is away. */
  shares(store: string): boolean | null {
    const own = this.#found(this.#directory);
    return own === null ? null : own.dev === this.#disk.statSync(store).dev;
  }

  #found(path: string): { readonly size: number; readonly dev: number } | null {
    try {
      return this.#disk.statSync(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
  }

  /**
   * Appends a line, once, durable when this returns; behind a line that a crash tore it would make the whole file
   * unreadable, so that is cut off first. Throws what the system says.
   */
  append({ digest, segment, length }: CloseEntry): void {
    const disk = this.#disk;
    disk.statSync(this.#directory);
    const line = `${digest.toString('hex')}  ${segment}  ${length}\n`;
    const fd = disk.openSync(this.path, GROW, MODE);
    try {
      const { size } = disk.fstatSync(fd);
      const tail = readTail(disk, fd, size);
      const torn = tail.length - wholeLength(tail);
      if (torn > 0) disk.ftruncateSync(fd, size - torn);
      if (`\n${tail}`.includes(`\n${line}`)) return;
      for (let at = 0; at < line.length; ) at += disk.writeSync(fd, line.slice(at));
      disk.fsyncSync(fd);
      if (size === 0) syncName(disk, this.#directory);
    } finally {
      disk.closeSync(fd);
    }
  }

  /** The last line of a segment, or null. Reads the file, never holds it. Throws what the system says. */
  find(segment: string): Checksum | null {
    const wanted = `  ${segment}  `;
    let found: string | null = null;
    for (const lines of this.#wholeLines()) {
      const at = lines.lastIndexOf(wanted);
      if (at !== -1) found = lines.slice(lines.lastIndexOf('\n', at) + 1, lines.indexOf('\n', at));
    }
    return found === null ? null : parseChecksums(found).get(segment)!;
  }

  *#wholeLines(): Generator<string> {
    const disk = this.#disk;
    const fd = disk.openSync(this.path, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      const piece = Buffer.allocUnsafe(PIECE_BYTES);
      const read = (): number => disk.readSync(fd, piece, 0, piece.length, null);
      let rest = '';
      for (let count = read(); count > 0; count = read()) {
        const text = rest + piece.toString('latin1', 0, count);
        const end = text.lastIndexOf('\n') + 1;
        rest = text.slice(end).slice(0, LINE_BYTES);
        yield text.slice(0, end);
      }
    } finally {
      disk.closeSync(fd);
    }
  }
}

function readTail(disk: ChecksumDisk, fd: number, size: number): string {
  const tail = Buffer.alloc(Math.min(size, TAIL_BYTES));
  disk.readSync(fd, tail, 0, tail.length, size - tail.length);
  return tail.toString('latin1');
}

/** Where the last line that is one ends. A tail without any is cut at its last LF, as it may begin inside a line. */
function wholeLength(tail: string): number {
  for (let end = tail.lastIndexOf('\n'); end > 0; end = tail.lastIndexOf('\n', end - 1)) {
    if (LINE.test(tail.slice(tail.lastIndexOf('\n', end - 1) + 1, end))) return end + 1;
  }
  return tail.length < TAIL_BYTES ? 0 : tail.lastIndexOf('\n') + 1;
}

function syncName(disk: ChecksumDisk, directory: string): void {
  const fd = disk.openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    disk.fsyncSync(fd);
  } finally {
    disk.closeSync(fd);
  }
}
