// SPDX-License-Identifier: Apache-2.0
// The checksum database, a line for each closed segment. It may lie on another volume, which can be away, or hang: so it is
// touched by the upkeep thread alone, and nothing that seals waits for it.
import { closeSync, constants, fstatSync, fsyncSync, ftruncateSync, openSync, readSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { parseChecksums, type Checksum, type CloseEntry } from '@strongroom/evidence';

const MODE = 0o640;
const GROW = constants.O_RDWR | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW;
/** A line that was written just before a crash stands in the file's end; one that stands twice does no harm. */
const TAIL_BYTES = 4096;
const PIECE_BYTES = 1024 * 1024;
const LINE_BYTES = 128;

export class ChecksumFile {
  readonly path: string;
  readonly #directory: string;

  /** The directory is never made here: where a volume is not mounted, its place must not be written to. */
  constructor(directory: string) {
    this.#directory = directory;
    this.path = join(directory, 'checksums');
  }

  /** Octets; 0 where there is no file yet. Throws when the directory is not there. */
  get bytes(): number {
    statSync(this.#directory);
    return statSync(this.path, { throwIfNoEntry: false })?.size ?? 0;
  }

  /** Whether one failure of a file system would take the store and this; null while this is away. */
  shares(store: string): boolean | null {
    const own = statSync(this.#directory, { throwIfNoEntry: false });
    return own === undefined ? null : own.dev === statSync(store).dev;
  }

  /**
   * Appends a line, once, durable when this returns; behind a line that a crash tore it would make the whole file
   * unreadable, so that is cut off first. Throws what the system says.
   */
  append({ digest, segment, length }: CloseEntry): void {
    statSync(this.#directory);
    const line = `${digest.toString('hex')}  ${segment}  ${length}\n`;
    const fd = openSync(this.path, GROW, MODE);
    try {
      const { size } = fstatSync(fd);
      const tail = readTail(fd, size);
      const torn = tail.length - (tail.lastIndexOf('\n') + 1);
      if (torn > 0) ftruncateSync(fd, size - torn);
      if (`\n${tail}`.includes(`\n${line}`)) return;
      writeSync(fd, line);
      fsyncSync(fd);
      if (size === 0) syncName(this.#directory);
    } finally {
      closeSync(fd);
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
    const fd = openSync(this.path, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      const piece = Buffer.allocUnsafe(PIECE_BYTES);
      let rest = '';
      for (let count = readSync(fd, piece); count > 0; count = readSync(fd, piece)) {
        const text = rest + piece.toString('latin1', 0, count);
        const end = text.lastIndexOf('\n') + 1;
        rest = text.slice(end).slice(0, LINE_BYTES);
        yield text.slice(0, end);
      }
    } finally {
      closeSync(fd);
    }
  }
}

function readTail(fd: number, size: number): string {
  const tail = Buffer.alloc(Math.min(size, TAIL_BYTES));
  readSync(fd, tail, 0, tail.length, size - tail.length);
  return tail.toString('latin1');
}

function syncName(directory: string): void {
  const fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
