// SPDX-License-Identifier: Apache-2.0
// The directory that a backup is written to: every file is digested on its way, and what an earlier backup has of a segment is
// linked instead of copied.
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { statSync } from 'node:fs';
import { SnapshotTarget, type SnapshotSink } from '../snapshot/target.ts';
import type { BackupFile, BackupManifest } from './manifest.ts';

export interface Base {
  readonly directory: string;
  readonly manifest: BackupManifest;
}

export class BackupTarget {
  readonly files: BackupFile[] = [];
  readonly #target: SnapshotTarget;
  readonly #base: Base | null;
  linked = 0;

  /** Throws `Refused`: `snapshot.not-empty`, `snapshot.inside`. */
  constructor(directory: string, home: string, base: Base | null) {
    this.#target = new SnapshotTarget(directory, home);
    this.#base = base;
  }

  /** What a snapshot is written to, below `store/`. */
  store(): SnapshotSink {
    return {
      write: (path, bytes) => this.write(`store/${path}`, bytes),
      writePieces: (path, pieces) => this.#write(`store/${path}`, pieces),
      reuse: (path, length) => this.#reuse(`store/${path}`, length),
      sync: () => this.sync(),
    };
  }

  write(path: string, bytes: Buffer | string): void {
    this.#write(path, [typeof bytes === 'string' ? Buffer.from(bytes) : bytes]);
  }

  /** The manifest is no file of its own list. */
  writeManifest(path: string, text: string): void {
    this.sync();
    this.#target.write(path, text);
    this.sync();
  }

  sync(): void {
    this.#target.sync();
  }

  #write(path: string, pieces: Iterable<Buffer>): void {
    const digest = createHash('sha256');
    let bytes = 0;
    this.#target.writePieces(path, (function* counted() {
      for (const piece of pieces) {
        digest.update(piece);
        bytes += piece.length;
        yield piece;
      }
    })());
    this.files.push({ path, bytes, sha256: digest.digest('hex') });
  }

  /** Segments only grow, so as many octets of the same segment are the same octets; `backup check` reads them all the same. */
  #reuse(path: string, length: number): boolean {
    const known = this.#base?.manifest.files.find((file) => file.path === path);
    if (this.#base === null || known === undefined || known.bytes !== length) return false;
    const existing = join(this.#base.directory, path);
    if (statSync(existing, { throwIfNoEntry: false })?.size !== length || !this.#target.link(path, existing)) return false;
    this.files.push(known);
    this.linked += 1;
    return true;
  }
}
