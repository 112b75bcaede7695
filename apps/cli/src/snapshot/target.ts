// SPDX-License-Identifier: Apache-2.0
// The directory that a snapshot is written to. Every file is synced as it is written, every directory before the
// checkpoint makes the copy one.
import { closeSync, fsyncSync, linkSync, mkdirSync, openSync, readdirSync, writeSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { Refused } from '@strongroom/bytes';

/** What a snapshot is written to. */
export interface SnapshotSink {
  write(path: string, bytes: Buffer | string): void;
  writePieces(path: string, pieces: Iterable<Buffer>): void;
  /** Takes over a file that only grows from an earlier copy which has just as much of it. False: it must be written. */
  reuse?(path: string, length: number): boolean;
  sync(): void;
}

export class SnapshotTarget implements SnapshotSink {
  readonly #root: string;
  readonly #directories = new Set<string>();

  /** Makes the directory. Throws `Refused`: `snapshot.not-empty`, `snapshot.inside`. */
  constructor(root: string, source: string) {
    this.#root = resolve(root);
    if (`${this.#root}/`.startsWith(`${resolve(source)}/`)) {
      throw new Refused('snapshot.inside', `${root} lies inside the store`, {
        why: 'the copy would become part of what is copied', fix: 'choose a directory elsewhere',
      });
    }
    mkdirSync(this.#root, { recursive: true });
    const there = readdirSync(this.#root);
    if (there.length > 0) {
      throw new Refused('snapshot.not-empty', `${root} is not empty`, {
        why: `it holds ${there.slice(0, 3).join(', ')}${there.length > 3 ? ` and ${there.length - 3} more` : ''}`,
        fix: 'choose an empty or a new directory',
      });
    }
    this.#directories.add(this.#root);
  }

  get root(): string {
    return this.#root;
  }

  write(path: string, bytes: Buffer | string): void {
    this.writePieces(path, [typeof bytes === 'string' ? Buffer.from(bytes) : bytes]);
  }

  writePieces(path: string, pieces: Iterable<Buffer>): void {
    const file = join(this.#root, path);
    this.#makeDirectory(dirname(file));
    const fd = openSync(file, 'wx');
    try {
      for (const piece of pieces) for (let at = 0; at < piece.length;) at += writeSync(fd, piece, at);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  }

  /** A second name for a file elsewhere. False where the file system cannot. */
  link(path: string, existing: string): boolean {
    const file = join(this.#root, path);
    this.#makeDirectory(dirname(file));
    try {
      linkSync(existing, file);
      return true;
    } catch (error) {
      if (['EXDEV', 'EPERM', 'EMLINK', 'ENOENT', 'ENOTSUP'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
      throw error;
    }
  }

  /** Makes all names durable. */
  sync(): void {
    for (const directory of [...this.#directories, dirname(this.#root)]) {
      const fd = openSync(directory, 'r');
      try {
        fsyncSync(fd);
      } finally {
        closeSync(fd);
      }
    }
  }

  #makeDirectory(path: string): void {
    for (let at = path; !this.#directories.has(at); at = dirname(at)) this.#directories.add(at);
    mkdirSync(path, { recursive: true });
  }
}
